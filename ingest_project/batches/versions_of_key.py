"""Which of several writes of one key counts: the order of versions, and each policy's choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key

from ingest_project.batches.model import ObjectState
from ingest_project.settings.model import OnOverwrite

LISTING_RESOLUTION = timedelta(seconds=2)
"""A listing's LastModified has whole seconds, an event's time milliseconds: within this they are the same write."""


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """What is needed of one version of a key to order it among the others and to choose."""

    object_id: str
    state: ObjectState
    version_id: str | None
    sequencer: str | None
    etag: str | None
    event_time: datetime
    claimed_at: datetime

    @property
    def known_from_listing(self) -> bool:
        """A rebuild found it by listing the bucket, so it is known by its eTag alone."""
        return self.version_id is None and self.sequencer is None


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with the pending versions of one key: object ids to ingest, and reasons for those not to be."""

    ingest: tuple[str, ...] = ()
    superseded: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def choose(versions: Sequence[KeyVersion], policy: OnOverwrite) -> Choice:
    """Apply `on_overwrite` to all known versions of one key, of which at least one is pending.

    replace: the newest write counts; older ones are superseded, also those that failed. append: every write counts. ignore: the first write
    that could be ingested counts. While a version of the key is in an open batch nothing is chosen, so that two
    batches never race with the same key; `append` needs no such order.
    """
    duplicates = _same_write_as_listed(versions)
    rest = [version for version in versions if version.object_id not in {one for one, _ in duplicates}]
    chosen = _by_policy(_ordered(rest), policy)
    return Choice(chosen.ingest, chosen.superseded + duplicates, chosen.skipped)


def compare(left: KeyVersion, right: KeyVersion) -> int:
    """Negative if `left` was written before `right`.

    S3's sequencers decide where both versions have one: the shorter is padded with zeros on the right and both are
    compared as text, which holds within one key only
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html). Otherwise the
    events' times decide, then the order in which they were claimed.
    """
    if left.sequencer and right.sequencer:
        width = max(len(left.sequencer), len(right.sequencer))
        a, b = left.sequencer.upper().ljust(width, "0"), right.sequencer.upper().ljust(width, "0")
        if a != b:
            return -1 if a < b else 1
    one, other = (left.event_time, left.claimed_at), (right.event_time, right.claimed_at)
    return (one > other) - (one < other)


def _ordered(versions: Sequence[KeyVersion]) -> list[KeyVersion]:
    return sorted(versions, key=cmp_to_key(compare))


def _by_policy(ordered: list[KeyVersion], policy: OnOverwrite) -> Choice:
    pending = [version for version in ordered if version.state == ObjectState.PENDING]
    if not pending:
        return Choice()
    if policy == "append":
        return Choice(ingest=tuple(version.object_id for version in pending))
    if any(version.state == ObjectState.PLANNED for version in ordered):
        return Choice()
    if policy == "ignore":
        return _first_write(ordered, pending)
    return _newest_write(ordered)


def _first_write(ordered: list[KeyVersion], pending: list[KeyVersion]) -> Choice:
    if any(version.state == ObjectState.COMMITTED for version in ordered):
        reason = "on_overwrite is ignore and an earlier write of the key is in the table"
        return Choice(skipped=tuple((version.object_id, reason) for version in pending))
    return Choice(ingest=(pending[0].object_id,))


def _newest_write(ordered: list[KeyVersion]) -> Choice:
    counting = [one for one in ordered if one.state in (ObjectState.PENDING, ObjectState.COMMITTED)]
    newest = counting[-1]
    older = [
        one
        for one in ordered[: ordered.index(newest)]
        if one.state in (ObjectState.PENDING, ObjectState.FAILED)
    ]
    return Choice(
        ingest=(newest.object_id,) if newest.state == ObjectState.PENDING else (),
        superseded=tuple((one.object_id, "a newer write of the key is known") for one in older),
    )


def _same_write_as_listed(versions: Sequence[KeyVersion]) -> tuple[tuple[str, str], ...]:
    """Pending versions whose very write a rebuild has committed already, having found it by listing the bucket."""
    listed = [one for one in versions if one.known_from_listing and one.state == ObjectState.COMMITTED]
    return tuple(
        (one.object_id, "a rebuild has ingested this write already")
        for one in versions
        if one.state == ObjectState.PENDING
        and any(
            one.etag == seen.etag and one.event_time <= seen.event_time + LISTING_RESOLUTION
            for seen in listed
        )
    )
