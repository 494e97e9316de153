"""Chooses the snapshots that expire, by the table's metadata and what must be kept.

Kept are: what a branch or a tag refers to; of each branch, main included, the newest `keep`, and all down to
the oldest one that is too young, so that a branch never has a gap; and every snapshot that is too young,
whoever refers to it. Too young is what was committed within `min_age`, or since the oldest unsettled batch
of the table was planned.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import SnapshotRef, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.batch_snapshot import committed_at
from ingest_project.settings.clocks import CLOCK_SKEW
from ingest_project.settings.duration import parse_duration
from ingest_project.settings.expire_settings import KEEP, MIN_AGE

KEEP_PROPERTY = "history.expire.min-snapshots-to-keep"
AGE_PROPERTY = "history.expire.max-snapshot-age-ms"
_LONGEST_MS = timedelta(days=36_500) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Retention:
    """How many of the newest snapshots stay, and how old the others must be; None: as the table says."""

    keep: int | None = None
    min_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class _Limits:
    keep: int
    young_since: datetime
    unsettled_since: datetime | None

    def is_young(self, snapshot: Snapshot) -> bool:
        time = committed_at(snapshot)
        if time >= self.young_since:
            return True
        return self.unsettled_since is not None and time >= self.unsettled_since - CLOCK_SKEW


def expirable(
    metadata: TableMetadata,
    retention: Retention,
    *,
    now: datetime,
    unsettled_since: datetime | None,
    name: str,
) -> list[Snapshot]:
    """The snapshots that may go, oldest first.

    `unsettled_since` is when the oldest unsettled batch of the table was planned; None: there is none. What
    `retention` leaves open is what the table's properties `history.expire.*` say, else the default. Raises
    TableMismatch if such a property is not a number.
    """
    keep = retention.keep or _number(metadata, KEEP_PROPERTY, KEEP, name)
    age = retention.min_age
    if age is None:
        default = parse_duration(MIN_AGE) // timedelta(milliseconds=1)
        age = timedelta(milliseconds=min(_number(metadata, AGE_PROPERTY, default, name), _LONGEST_MS))
    limits = _Limits(keep, now - age, unsettled_since)
    kept: set[int] = set()
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    for ref in metadata.refs.values():
        kept.add(ref.snapshot_id)
        if ref.snapshot_ref_type is SnapshotRefType.BRANCH:
            kept.update(_kept_of_branch(ref, by_id, _of_branch(ref, limits, now)))
    left = (one for one in metadata.snapshots if one.snapshot_id not in kept and not limits.is_young(one))
    return sorted(left, key=lambda one: (one.timestamp_ms, one.sequence_number or 0))


def _kept_of_branch(ref: SnapshotRef, by_id: dict[int, Snapshot], limits: _Limits) -> set[int]:
    history = list(_history(ref, by_id))
    last = max((place for place, one in enumerate(history) if limits.is_young(one)), default=-1)
    return {one.snapshot_id for one in history[: max(limits.keep, last + 1)]}


def _of_branch(ref: SnapshotRef, limits: _Limits, now: datetime) -> _Limits:
    """A branch may have limits of its own. https://iceberg.apache.org/spec/#snapshot-references"""
    if ref.min_snapshots_to_keep is not None:
        limits = replace(limits, keep=ref.min_snapshots_to_keep)
    if ref.max_snapshot_age_ms is not None:
        age = timedelta(milliseconds=min(ref.max_snapshot_age_ms, _LONGEST_MS))
        limits = replace(limits, young_since=now - age)
    return limits


def _history(ref: SnapshotRef, by_id: dict[int, Snapshot]) -> Iterator[Snapshot]:
    snapshot = by_id.get(ref.snapshot_id)
    while snapshot is not None:
        yield snapshot
        snapshot = None if snapshot.parent_snapshot_id is None else by_id.get(snapshot.parent_snapshot_id)


def _number(metadata: TableMetadata, key: str, default: int, name: str) -> int:
    written = metadata.properties.get(key)
    if written is None:
        return default
    try:
        return max(int(written), 0)
    except ValueError:
        reason = f"its property {key} is {written!r}, not a number; correct it, or declare `expire` in full"
        raise TableMismatch(name, reason) from None
