"""The life of an open batch: which run works on it, since when, and when it is tried again.

A run owns a batch from its start until another run starts it. Heartbeats keep its lease alive; an expired
lease tells the sensor that the run is dead, whatever Dagster reports. Ownership, not the lease, makes a
commit safe: `confirm` is called between the look at the table and the commit. A batch that was ever confirmed
keeps its object versions until it is settled: its rows may be in the table, whatever became of the run.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingest_project.errors import BatchNotFound, BatchSuperseded, ObjectsTaken
from ingest_project.ledger.attempt_log import log_end, log_start
from ingest_project.ledger.clock_jumps import LONGEST_WAIT
from ingest_project.ledger.model import (
    AttemptOutcome,
    Batch,
    BatchKind,
    BatchObject,
    BatchRole,
    BatchState,
    BatchWork,
    ObjectState,
    RowsToReplace,
)
from ingest_project.ledger.other_writes import with_other_writes
from ingest_project.ledger.replaced_rows import rows_to_replace
from ingest_project.ledger.sql import chunks, exclusively, is_due
from ingest_project.ledger.tables import batch_objects, batches, object_versions
from ingest_project.settings.job_settings import JOB_TABLE
from ingest_project.sources.object_version import ObjectVersion

BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_LIMIT = LONGEST_WAIT
SETTLED = (BatchState.COMMITTED, BatchState.FAILED)
REBUILDS_AT_ONCE = 100
"""Replaced rebuilds that one tick looks at."""


def backoff(failed_attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 5 s, doubled each time, at most ten minutes."""
    doublings = min(max(failed_attempts - 1, 0), 10)
    return min(BACKOFF_FIRST * (1 << doublings), BACKOFF_LIMIT)


def open_batches(connection: sa.Connection, queue: str) -> list[Batch]:
    """The batches of a queue that are not settled, oldest first."""
    query = sa.select(batches).where(batches.c.queue == queue, batches.c.state == BatchState.PLANNED)
    return [_batch(row) for row in connection.execute(query.order_by(batches.c.batch_id))]


def abandoned_rebuilds(connection: sa.Connection, queue: str) -> list[Batch]:
    """The latest rebuilds of a queue that another rebuild of their partition has replaced, oldest first."""
    query = sa.select(batches).where(
        batches.c.queue == queue,
        batches.c.state == BatchState.ABANDONED,
        batches.c.kind == BatchKind.REBUILD,
    )
    latest = connection.execute(query.order_by(batches.c.batch_id.desc()).limit(REBUILDS_AT_ONCE))
    return [_batch(row) for row in reversed(latest.all())]


def start(connection: sa.Connection, batch_id: str, *, run_id: str, now: datetime) -> BatchWork | None:
    """Make this run the owner of the batch and return its work; None if the batch is settled already."""
    row = _row(connection, batch_id, lock=True)
    if row.state != BatchState.PLANNED:
        return None
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(run_id=run_id, heartbeat_at=now, starts=batches.c.starts + 1, error_class=None, error=None)
    )
    started = batch(connection, batch_id)
    log_start(connection, batch_id, number=started.starts, attempt=started.attempt, run_id=run_id, now=now)
    return BatchWork(started, tuple(with_other_writes(connection, row, _members(connection, started))))


def heartbeat(connection: sa.Connection, batch_id: str, *, run_id: str, now: datetime) -> bool:
    """Renew the lease; False if the batch is no longer this run's.

    A heartbeat that waited while its own run settled the batch finds no lease, and nothing wrong.
    """
    result = connection.execute(_owned(batch_id, run_id).values(heartbeat_at=now))
    if result.rowcount == 1:
        return True
    by_this_run = sa.select(sa.literal(1)).where(
        batches.c.batch_id == batch_id, batches.c.run_id == run_id, batches.c.state.in_(SETTLED)
    )
    return connection.scalar(by_this_run) is not None


def release(
    connection: sa.Connection, batch_id: str, *, run_id: str, error_class: str, error: str, now: datetime
) -> None:
    """Give up the lease after a failure, so that the next attempt need not wait until it expires."""
    connection.execute(
        _owned(batch_id, run_id).values(heartbeat_at=None, error_class=error_class, error=error)
    )
    log_end(
        connection,
        batch_id,
        AttemptOutcome.FAILED,
        now=now,
        run_id=run_id,
        error_class=error_class,
        error=error,
    )


def next_attempt(
    connection: sa.Connection, batch_id: str, *, attempt: int, now: datetime, error: str
) -> bool:
    """After attempt number `attempt` ended without settling the batch, allow another one, later.

    A second call has no further effect. An error that the run itself recorded is kept: it says more than the
    sensor's.
    """
    result = connection.execute(
        sa.update(batches)
        .where(
            batches.c.batch_id == batch_id,
            batches.c.attempt == attempt,
            batches.c.state == BatchState.PLANNED,
        )
        .values(
            attempt=attempt + 1,
            not_before=now + backoff(attempt),
            heartbeat_at=None,
            error=sa.func.coalesce(batches.c.error, error),
        )
    )
    if result.rowcount == 1:
        log_end(connection, batch_id, AttemptOutcome.LOST, now=now, error=error)
    return result.rowcount == 1


def confirm(
    connection: sa.Connection, batch_id: str, *, run_id: str, object_ids: Collection[str], now: datetime
) -> RowsToReplace | None:
    """Confirm the batch, and return the rows that the commit of these objects takes out; None: no rows.

    Raises BatchSuperseded if the batch is not this run's, and ObjectsTaken if an object is not the batch's.
    """
    row = _lock_own_batch(connection, batch_id, run_id)
    owned = set(connection.scalars(_of_batch(_batch(row), object_versions.c.object_id)))
    if not owned.issuperset(object_ids):
        raise ObjectsTaken(batch_id)
    _mark_confirmed(connection, row, set(object_ids))
    connection.execute(sa.update(batches).where(batches.c.batch_id == batch_id).values(confirmed_at=now))
    return rows_to_replace(connection, row, object_ids)


def rows_replaced(
    connection: sa.Connection, batch_id: str, *, run_id: str, object_ids: Collection[str]
) -> RowsToReplace | None:
    """The rows that the batch's commit, already made, took out, for these and for all confirmed objects.

    Does not change the ledger. Raises BatchSuperseded if the batch is not this run's, or is settled.
    """
    row = _lock_own_batch(connection, batch_id, run_id)
    return rows_to_replace(connection, row, confirmed_objects(connection, batch_id).union(object_ids))


def lock_batch(connection: sa.Connection, batch_id: str) -> Any:
    """The batch's row, locked with its queue until the transaction ends; raises BatchNotFound."""
    exclusively(connection, _row(connection, batch_id).queue)
    return _row(connection, batch_id, lock=True)


def confirmed_objects(connection: sa.Connection, batch_id: str) -> set[str]:
    """The objects that are in the batch's commit, whichever confirmed attempt made it."""
    query = sa.select(batch_objects.c.object_id).where(
        batch_objects.c.batch_id == batch_id, batch_objects.c.confirmed
    )
    return set(connection.scalars(query))


def batch(connection: sa.Connection, batch_id: str) -> Batch:
    """One batch, whatever its state."""
    return _batch(_row(connection, batch_id))


def waiting_objects(
    connection: sa.Connection, queue: str, tables: Collection[str] | None, *, now: datetime
) -> int:
    """How many object versions of the queue wait for a batch, of these tables (None: of all).

    Those that wait for their next try, or for a stalled table, are not counted.
    """
    query = sa.select(sa.func.count()).where(
        object_versions.c.queue == queue,
        object_versions.c.state == ObjectState.PENDING,
        is_due(object_versions.c.not_before, now),
        object_versions.c.table_name.not_in(stalled_tables(queue)),
    )
    if tables is not None:
        query = query.where(object_versions.c.table_name.in_(tables))
    return connection.scalar(query) or 0


def stalled_tables(queue: str) -> sa.Select[str]:
    """The tables of the queue that have an open batch with a failed attempt.

    They get no new batch until that one is settled or divided. Their batches do not count as in flight, and
    what waits for them does not stop the queue from being read. A job says nothing about others of its kind.
    """
    return sa.select(batches.c.table_name).where(
        batches.c.queue == queue,
        batches.c.state == BatchState.PLANNED,
        batches.c.kind == BatchKind.INGEST,
        batches.c.attempt > 1,
        batches.c.table_name.not_like(f"{JOB_TABLE}%"),
    )


def _mark_confirmed(connection: sa.Connection, batch: Any, object_ids: set[str]) -> None:
    """The first `confirm` marks its objects; a later one unmarks those that it lacks."""
    first = batch.confirmed_at is None
    of_batch = batch_objects.c.batch_id == batch.batch_id
    if first and connection.scalar(sa.select(sa.func.count()).where(of_batch)) == len(object_ids):
        connection.execute(sa.update(batch_objects).where(of_batch).values(confirmed=True))
        return
    changed = object_ids if first else confirmed_objects(connection, batch.batch_id) - object_ids
    for chunk in chunks(changed):
        connection.execute(
            sa.update(batch_objects)
            .where(of_batch, batch_objects.c.object_id.in_(chunk))
            .values(confirmed=first)
        )


def _lock_own_batch(connection: sa.Connection, batch_id: str, run_id: str) -> Any:
    row = lock_batch(connection, batch_id)
    if row.state != BatchState.PLANNED or row.run_id != run_id:
        raise BatchSuperseded(batch_id)
    return row


def _row(connection: sa.Connection, batch_id: str, *, lock: bool = False) -> Any:
    query = sa.select(batches).where(batches.c.batch_id == batch_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise BatchNotFound(batch_id)
    return row


def _owned(batch_id: str, run_id: str) -> sa.Update:
    return sa.update(batches).where(
        batches.c.batch_id == batch_id, batches.c.run_id == run_id, batches.c.state == BatchState.PLANNED
    )


def _members(connection: sa.Connection, batch: Batch) -> Iterator[BatchObject]:
    """The object versions that the batch may commit, those of one partition together.

    An ingest batch loses a version that was taken from it; other batches keep all versions, settled or not.
    """
    known = object_versions.c
    query = _of_batch(
        batch, known.object_id, known.partition_key, known.bucket, known.key, known.size_bytes,
        known.event_time, known.version_id, known.sequencer, known.etag,
    )  # fmt: skip
    for object_id, partition_key, *of_version in connection.execute(
        query.order_by(known.partition_key, known.key)
    ):
        yield BatchObject(object_id, ObjectVersion(*of_version), partition_key)


def _of_batch(batch: Batch, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """These columns of the object versions that the batch may commit."""
    if batch.kind == BatchKind.INGEST:
        return sa.select(*columns).where(
            object_versions.c.batch_id == batch.batch_id, object_versions.c.state == ObjectState.PLANNED
        )
    members = sa.select(batch_objects.c.object_id).where(
        batch_objects.c.batch_id == batch.batch_id, batch_objects.c.role == BatchRole.INGEST
    )
    return sa.select(*columns).where(object_versions.c.object_id.in_(members))


def _batch(row: Any) -> Batch:
    return Batch(
        batch_id=row.batch_id, queue=row.queue, table=row.table_name, kind=BatchKind(row.kind),
        attempt=row.attempt, starts=row.starts, objects=row.objects, size_bytes=row.size_bytes,
        planned_at=row.planned_at, not_before=row.not_before, partition_key=row.partition_key,
        run_id=row.run_id, heartbeat_at=row.heartbeat_at, error=row.error, settled_at=row.settled_at,
        state=BatchState(row.state),
    )  # fmt: skip
