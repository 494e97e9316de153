"""Settles a batch: what was committed, what failed and why, in one transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.attempts import backoff
from ingest_project.batches.model import BatchKind, BatchOutcome, BatchState, FailedObject, ObjectState
from ingest_project.batches.rebuild import OPEN, in_partition
from ingest_project.batches.tables import batch_objects, batches, object_versions
from ingest_project.errors import BatchSuperseded

MAX_OBJECT_ATTEMPTS = 6
"""After so many transient failures of one object, some ten minutes by the backoff, it counts as failed."""


def settle(
    connection: sa.Connection, batch_id: str, *, run_id: str, outcome: BatchOutcome, now: datetime
) -> None:
    """Record how the batch ended. Doing it again changes nothing.

    Raises BatchSuperseded if another run owns the batch: that one settles it.
    """
    batch = connection.execute(
        sa.select(batches).where(batches.c.batch_id == batch_id).with_for_update()
    ).one()
    if batch.state != BatchState.PLANNED:
        return
    if batch.run_id != run_id:
        raise BatchSuperseded(batch_id, batch.attempt)
    _settle_committed(connection, batch, outcome, now)
    _supersede_what_was_replaced(connection, batch, now)
    for failure in outcome.failures:
        _settle_failed(connection, batch_id, failure, now)
    _return_the_rest(connection, batch_id, now)
    _close(connection, batch_id, outcome, now)


def _settle_committed(connection: sa.Connection, batch: Any, outcome: BatchOutcome, now: datetime) -> None:
    """Only for what is still this batch's: a version that a rebuild took over meanwhile is the rebuild's to settle."""
    mine = sa.true() if batch.kind == BatchKind.REBUILD else object_versions.c.batch_id == batch.batch_id
    statement = (
        sa.update(object_versions)
        .where(object_versions.c.object_id == sa.bindparam("settled_id"), mine)
        .values(
            state=ObjectState.COMMITTED, batch_id=batch.batch_id, rows=sa.bindparam("settled_rows"),
            snapshot_id=outcome.snapshot_id, settled_at=now, error_class=None, reason=None,
        )
    )  # fmt: skip
    if outcome.rows:
        connection.execute(
            statement,
            [{"settled_id": key, "settled_rows": count} for key, count in sorted(outcome.rows.items())],
        )


def _settle_failed(connection: sa.Connection, batch_id: str, failure: FailedObject, now: datetime) -> None:
    """Give the object alone back: to the planner while trying again may help, else to the DLQ's way.

    A version whose rows an earlier batch committed, and that a rebuild could not read again, stays committed.
    """
    mine = sa.and_(
        object_versions.c.object_id == failure.object_id,
        object_versions.c.batch_id == batch_id,
        object_versions.c.state == ObjectState.PLANNED,
    )
    attempts = connection.scalar(sa.select(object_versions.c.attempts).where(mine))
    if attempts is None:
        return
    again = failure.transient and attempts + 1 < MAX_OBJECT_ATTEMPTS
    connection.execute(
        sa.update(object_versions)
        .where(mine)
        .values(
            state=ObjectState.PENDING if again else ObjectState.FAILED, batch_id=None, attempts=attempts + 1,
            not_before=now + backoff(attempts + 1), error_class=failure.error_class, reason=failure.reason,
        )
    )  # fmt: skip


def _return_the_rest(connection: sa.Connection, batch_id: str, now: datetime) -> None:
    connection.execute(
        sa.update(object_versions)
        .where(object_versions.c.batch_id == batch_id, object_versions.c.state == ObjectState.PLANNED)
        .values(state=ObjectState.PENDING, batch_id=None, not_before=now)
    )


def _supersede_what_was_replaced(connection: sa.Connection, batch: Any, now: datetime) -> None:
    """Versions whose rows this batch's commit took out of the table count no longer. Runs after `_settle_committed`."""
    now_in_table = sa.and_(
        object_versions.c.batch_id == batch.batch_id, object_versions.c.state == ObjectState.COMMITTED
    )
    if batch.kind == BatchKind.REBUILD:
        replaced = sa.and_(
            in_partition(batch.table_name, batch.partition_key),
            object_versions.c.key_id.not_in(_keys_left_alone(batch, now_in_table)),
        )
        _supersede(connection, batch.batch_id, replaced, f"replaced by the rebuild {batch.batch_id}", now)
    elif batch.on_overwrite == "replace":
        replaced = object_versions.c.key_id.in_(sa.select(object_versions.c.key_id).where(now_in_table))
        _supersede(
            connection, batch.batch_id, replaced, f"replaced by a newer write in batch {batch.batch_id}", now
        )


def _keys_left_alone(batch: Any, now_in_table: sa.ColumnElement[bool]) -> sa.Select[tuple[str]]:
    """Keys whose rows the rebuild did not touch: it could not read them, or a newer write of them is on its way."""
    members = sa.select(batch_objects.c.object_id).where(batch_objects.c.batch_id == batch.batch_id)
    return sa.select(object_versions.c.key_id).where(
        in_partition(batch.table_name, batch.partition_key),
        ~now_in_table,
        sa.or_(object_versions.c.object_id.in_(members), object_versions.c.state.in_(OPEN)),
        object_versions.c.key_id.not_in(sa.select(object_versions.c.key_id).where(now_in_table)),
    )


def _supersede(
    connection: sa.Connection, batch_id: str, replaced: sa.ColumnElement[bool], reason: str, now: datetime
) -> None:
    connection.execute(
        sa.update(object_versions)
        .where(
            object_versions.c.state == ObjectState.COMMITTED, object_versions.c.batch_id != batch_id, replaced
        )
        .values(state=ObjectState.SUPERSEDED, reason=reason, settled_at=now)
    )


def _close(connection: sa.Connection, batch_id: str, outcome: BatchOutcome, now: datetime) -> None:
    reasons = _summary(outcome.failures)
    failed = not outcome.rows and outcome.failures
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(
            state=BatchState.FAILED if failed else BatchState.COMMITTED, rows=sum(outcome.rows.values()),
            snapshot_id=outcome.snapshot_id, settled_at=now, heartbeat_at=None, error=reasons,
            error_class=outcome.failures[0].error_class if outcome.failures else None,
        )
    )  # fmt: skip


def _summary(failures: Iterable[FailedObject]) -> str | None:
    reasons = [failure.reason for failure in failures]
    if not reasons:
        return None
    more = f" (and {len(reasons) - 1} more objects)" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"
