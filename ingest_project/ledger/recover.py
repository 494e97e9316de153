"""Records a lost ledger's object versions and batches again, from the rows of their tables.

Safe beside a running sensor, and idempotent: what the ledger says about a settled version stays. A version
whose rows are in the table may be about to be ingested again, because its message came to an empty ledger. It
is taken from its batch, whose `confirm` fails from then on. A confirmed batch keeps it, and so does a
rebuild, which replaces the rows of its keys anyway.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.claim import object_row, routed_object_id
from ingest_project.ledger.model import BatchKind, BatchRole, BatchState, ObjectState
from ingest_project.ledger.settle import settle_unread
from ingest_project.ledger.sql import chunks, exclusively, insert_ignoring
from ingest_project.ledger.tables import batch_objects, batches, key_id, object_versions
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.routing import RoutedObject

NOT_READ_YET = (ObjectState.PENDING, ObjectState.FAILED, ObjectState.QUARANTINED, ObjectState.SKIPPED)
MAY_BE_INGESTED = (ObjectState.PENDING, ObjectState.FAILED, ObjectState.PLANNED)


@dataclass(frozen=True, slots=True)
class RecoveredBatch:
    """A batch with rows in the table. `snapshot_id` is None if its snapshot has expired."""

    batch_id: str
    kind: BatchKind
    objects: int
    rows: int
    snapshot_id: int | None
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class RecoveredObject:
    """An object version with rows in the table or its quarantine, and the older writes of its key."""

    routed: RoutedObject
    rows: int
    batch: RecoveredBatch
    older: tuple[RoutedObject, ...] = ()
    rejected_rows: int = 0


@dataclass(frozen=True, slots=True)
class Recovered:
    """Numbers of object versions by what was done.

    `new` were recorded, `taken` from work that would have repeated them, `known` settled already, `left` to
    an open batch that settles them itself; `older` are older writes that were recorded as superseded.
    """

    new: int = 0
    taken: int = 0
    known: int = 0
    left: int = 0
    older: int = 0

    def __add__(self, other: "Recovered") -> "Recovered":
        return Recovered(
            self.new + other.new, self.taken + other.taken, self.known + other.known,
            self.left + other.left, self.older + other.older,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger says about a version. `is_free`: its commit cannot be under way."""

    state: ObjectState
    is_free: bool


def recover(
    connection: sa.Connection,
    queue: str,
    on_overwrite: OnOverwrite,
    objects: Sequence[RecoveredObject],
    *,
    now: datetime,
    dry_run: bool,
) -> Recovered:
    """Record these objects; with `dry_run`, only report what would be done."""
    if not dry_run:
        exclusively(connection, queue)
    by_id = {routed_object_id(one.routed): one for one in objects}
    known = _known(connection, by_id)
    new = [one for key, one in by_id.items() if key not in known]
    taken = [one for key, one in by_id.items() if key in known and known[key].is_free]
    settled = sum(known[key].state in (ObjectState.COMMITTED, ObjectState.SUPERSEDED) for key in known)
    older = _older(objects, by_id) if on_overwrite == "replace" else {}
    behind = _superseded(connection, older)
    if not dry_run:
        _insert_batches(connection, queue, on_overwrite, [*new, *taken], now)
        insert_ignoring(connection, object_versions, [_committed_row(one, queue, now) for one in new])
        _take(connection, taken, now)
        if on_overwrite == "ignore":
            _give_back_other_writes(connection, [*new, *taken], now)
        _insert_members(connection, [*new, *taken])
        rows = [object_row(older[key], queue=queue, state=ObjectState.PENDING, now=now) for key in behind]
        insert_ignoring(connection, object_versions, rows)
        reason = "the table holds a newer write of the key, by S3's list of its versions"
        settle_unread(connection, [(key, reason) for key in behind], state=ObjectState.SUPERSEDED, now=now)
    return Recovered(len(new), len(taken), settled, len(known) - len(taken) - settled, len(behind))


def planned_at(batch_id: str, otherwise: datetime) -> datetime:
    """When a batch was planned: its id begins with that time. `otherwise` if it does not."""
    try:
        return datetime.strptime(batch_id[:18], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return otherwise


def _known(connection: sa.Connection, ids: Iterable[str]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    for chunk in chunks(ids):
        version = object_versions.c
        query = (
            sa.select(version.object_id, version.state, batches.c.kind, batches.c.confirmed_at)
            .outerjoin(batches, batches.c.batch_id == version.batch_id)
            .where(version.object_id.in_(chunk))
        )
        for object_id, state, kind, confirmed_at in connection.execute(query):
            planned = state == ObjectState.PLANNED and kind == BatchKind.INGEST and confirmed_at is None
            found[object_id] = _Known(ObjectState(state), planned or state in NOT_READ_YET)
    return found


def _older(objects: Sequence[RecoveredObject], in_table: Collection[str]) -> dict[str, RoutedObject]:
    """The older writes by id, except those that are in the table themselves."""
    found = {routed_object_id(one): one for recovered in objects for one in recovered.older}
    return {key: one for key, one in found.items() if key not in in_table}


def _superseded(connection: sa.Connection, older: Iterable[str]) -> list[str]:
    """Those of the older writes that might still be ingested."""
    ids = list(older)
    known = _known(connection, ids)
    return [
        key for key in ids if key not in known or (known[key].is_free and known[key].state in MAY_BE_INGESTED)
    ]


def _committed_row(one: RecoveredObject, queue: str, now: datetime) -> dict[str, Any]:
    row = object_row(one.routed, queue=queue, state=ObjectState.COMMITTED, now=now)
    # It was claimed no later than its batch was planned: a rebuild's version stands for all writes up to
    # then.
    return {
        **row,
        "claimed_at": planned_at(one.batch.batch_id, one.batch.committed_at),
        **_committed(one, now),
    }


def _committed(one: RecoveredObject, now: datetime) -> dict[str, Any]:
    return {
        "state": ObjectState.COMMITTED,
        "batch_id": one.batch.batch_id,
        "rows": one.rows,
        "rejected_rows": one.rejected_rows or None,
        "snapshot_id": one.batch.snapshot_id,
        "settled_at": now,
    }


def _take(connection: sa.Connection, taken: Sequence[RecoveredObject], now: datetime) -> None:
    for one in taken:
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id == routed_object_id(one.routed))
            .values(**_committed(one, now), error_class=None, reason=None)
        )


def _give_back_other_writes(
    connection: sa.Connection, objects: Iterable[RecoveredObject], now: datetime
) -> None:
    """Take other writes of these keys from the batches of an empty ledger: the planner will skip them now."""
    unconfirmed = sa.select(batches.c.batch_id).where(
        batches.c.state == BatchState.PLANNED,
        batches.c.kind == BatchKind.INGEST,
        batches.c.confirmed_at.is_(None),
    )
    keys = (key_id(one.routed.table, one.routed.object.bucket, one.routed.object.key) for one in objects)
    for chunk in chunks(keys):
        connection.execute(
            sa.update(object_versions)
            .where(
                object_versions.c.key_id.in_(chunk),
                object_versions.c.state == ObjectState.PLANNED,
                object_versions.c.batch_id.in_(unconfirmed),
            )
            .values(state=ObjectState.PENDING, batch_id=None, not_before=now)
        )


def _insert_members(connection: sa.Connection, objects: Iterable[RecoveredObject]) -> None:
    rows = [
        {
            "batch_id": one.batch.batch_id, "object_id": routed_object_id(one.routed),
            "role": BatchRole.INGEST, "confirmed": True, "rows": one.rows,
            "rejected_rows": one.rejected_rows or None,
        }
        for one in objects
    ]  # fmt: skip
    insert_ignoring(connection, batch_objects, rows)


def _insert_batches(
    connection: sa.Connection,
    queue: str,
    on_overwrite: OnOverwrite,
    objects: Sequence[RecoveredObject],
    now: datetime,
) -> None:
    """Record the objects' batches as settled. A known batch stays as it is."""
    tables = {one.batch.batch_id: (one.batch, one.routed.table) for one in objects}
    rows = [
        {
            "batch_id": batch.batch_id, "queue": queue, "table_name": table, "kind": batch.kind,
            "on_overwrite": on_overwrite, "state": BatchState.COMMITTED, "attempt": 1, "starts": 0,
            "objects": batch.objects, "size_bytes": 0, "not_before": now, "rows": batch.rows,
            "planned_at": planned_at(batch.batch_id, batch.committed_at),
            "snapshot_id": batch.snapshot_id, "committed_at": batch.committed_at, "settled_at": now,
        }
        for batch, table in tables.values()
    ]  # fmt: skip
    insert_ignoring(connection, batches, rows)
