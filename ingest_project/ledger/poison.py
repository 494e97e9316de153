"""Divides a batch that kills its runs: one object exhausts the memory or crashes the process.

After `LOST_ATTEMPTS` such attempts the batch is split in two, and these again, until the object is alone;
then it fails. One object among 5,000 is found in 13 steps, and the others are ingested meanwhile. A batch
that was ever confirmed is never divided: its rows may be in the table.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger import attempts
from ingest_project.ledger.failed_objects import settle_failed
from ingest_project.ledger.model import AttemptOutcome, BatchKind, BatchState, FailedObject, ObjectState
from ingest_project.ledger.new_batch import insert_batch, new_batch_id, sum_of_claims
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import attempts as attempt_log
from ingest_project.ledger.tables import batch_objects, batches, object_versions
from ingest_project.settings.error_classes import Action
from ingest_project.settings.job_settings import kind_of_table

LOST_ATTEMPTS = 3
MAX_OPEN_BATCHES = 64
"""If so many batches of a queue are open, none is divided: a fault that hits them all is not an object's."""
INTERRUPTIONS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt", "SystemExit")
"""The errors of a run that was cancelled or shut down. They say nothing about its objects."""


def next_attempt(
    connection: sa.Connection,
    batch_id: str,
    *,
    attempt: int,
    now: datetime,
    error: str,
    on_unknown: Action,
    lost_attempts: int = LOST_ATTEMPTS,
) -> bool:
    """After an attempt ended without settling the batch, allow another one, or divide the batch.

    `on_unknown` is the action for an object that killed its runs by itself, `lost_attempts` times. A second
    call has no further effect. The batch is locked meanwhile: a run has either confirmed before, and then the
    batch is not divided, or is refused.
    """
    batch = attempts.lock_batch(connection, batch_id)
    if not attempts.next_attempt(connection, batch_id, attempt=attempt, now=now, error=error):
        return False
    if _may_be_divided(connection, batch, lost_attempts):
        _divide(connection, batch, now=now, on_unknown=on_unknown)
    return True


def _may_be_divided(connection: sa.Connection, batch: Any, lost_attempts: int) -> bool:
    if batch.kind != BatchKind.INGEST or batch.confirmed_at is not None:
        return False
    if _lost_attempts(connection, batch.batch_id) < lost_attempts:
        return False
    return is_job(batch) or _open_batches(connection, batch.queue) < MAX_OPEN_BATCHES


def is_job(batch: Any) -> bool:
    """Whether the batch is a job: one that fails does not need to be found among others."""
    return kind_of_table(batch.table_name) is not None


def _lost_attempts(connection: sa.Connection, batch_id: str) -> int:
    """How many runs died without a report or of an unexpected exception, after they had started."""
    log = attempt_log.c
    unknown = sa.and_(
        log.outcome == AttemptOutcome.FAILED,
        log.error_class == "unknown",
        sa.func.coalesce(log.error, "").not_in(INTERRUPTIONS),
    )
    query = sa.select(sa.func.count()).where(
        log.batch_id == batch_id, sa.or_(log.outcome == AttemptOutcome.LOST, unknown)
    )
    return connection.scalar(query) or 0


def _open_batches(connection: sa.Connection, queue: str) -> int:
    query = sa.select(sa.func.count()).where(
        batches.c.queue == queue, batches.c.state == BatchState.PLANNED, batches.c.kind == BatchKind.INGEST
    )
    return connection.scalar(query) or 0


def _divide(connection: sa.Connection, batch: Any, *, now: datetime, on_unknown: Action) -> None:
    members = connection.execute(
        sa.select(object_versions.c.object_id, object_versions.c.size_bytes)
        .where(object_versions.c.batch_id == batch.batch_id, object_versions.c.state == ObjectState.PLANNED)
        .order_by(object_versions.c.partition_key, object_versions.c.key, object_versions.c.object_id)
    ).all()
    if len(members) == 1:
        _fail(connection, batch, members[0].object_id, on_unknown, now)
        return
    middle = len(members) // 2
    halves = [
        _insert_part(connection, batch, part, now) for part in (members[:middle], members[middle:]) if part
    ]
    reason = (
        f"its runs died {LOST_ATTEMPTS} times; split into {' and '.join(halves) or 'nothing: it is empty'}"
    )
    _close(connection, batch.batch_id, BatchState.ABANDONED, reason, now)


def _insert_part(connection: sa.Connection, batch: Any, members: Sequence[Any], now: datetime) -> str:
    part_id = new_batch_id(now)
    ids = [member.object_id for member in members]
    row = {
        "batch_id": part_id, "queue": batch.queue, "table_name": batch.table_name, "kind": batch.kind,
        "on_overwrite": batch.on_overwrite, "state": BatchState.PLANNED, "attempt": 1, "starts": 0,
        "objects": len(ids), "planned_at": now, "not_before": now,
        "size_bytes": sum_of_claims(member.size_bytes for member in members),
    }  # fmt: skip
    insert_batch(connection, row, ingest=ids)
    for chunk in chunks(ids):
        connection.execute(
            sa.update(object_versions).where(object_versions.c.object_id.in_(chunk)).values(batch_id=part_id)
        )
    return part_id


def _fail(connection: sa.Connection, batch: Any, object_id: str, action: Action, now: datetime) -> None:
    batch_id, error_class = batch.batch_id, "unknown"
    reason = f"its run died {LOST_ATTEMPTS} times with this object alone; see the runs of batch {batch_id}"
    if is_job(batch):
        last = connection.scalar(sa.select(batches.c.error).where(batches.c.batch_id == batch_id))
        error_class, reason = "job_failed", f"{last or 'its runs failed'}; see the runs of batch {batch_id}"
    failure = FailedObject(object_id, error_class, reason, transient=False, on_error=action)
    settle_failed(connection, batch_id, [failure], now)
    connection.execute(
        sa.update(batch_objects)
        .where(batch_objects.c.batch_id == batch_id, batch_objects.c.object_id == object_id)
        .values(error_class=error_class, reason=reason)
    )
    _close(connection, batch_id, BatchState.FAILED, reason, now)


def _close(connection: sa.Connection, batch_id: str, state: BatchState, reason: str, now: datetime) -> None:
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(state=state, settled_at=now, heartbeat_at=None, error_class="unknown", error=reason)
    )
