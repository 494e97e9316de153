"""Details of the history: the messages that named object versions, their batches and attempts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from ingest_project.ledger.model import AttemptOutcome, BatchKind, BatchRole, BatchState, MessageState
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import attempts, batch_objects, batches, message_objects, messages

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One SQS message that named an object version. Times are UTC.

    `receive_count` is what SQS said when the message was last received.
    """

    queue: str
    message_id: str
    state: MessageState
    reason: str | None
    receive_count: int
    sent_at: datetime
    received_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One run's attempt at a batch; `number` counts the batch's starts. Without `outcome` it is under way.

    The error is the batch's; for the attempt that settled the batch it is the object version's own.
    """

    number: int
    attempt: int
    run_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error_class: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class BatchPart:
    """What became of an object version in one batch: rows brought and set aside, or why there are none."""

    batch_id: str
    kind: BatchKind
    role: BatchRole
    state: BatchState
    planned_at: datetime
    committed_at: datetime | None
    snapshot_id: int | None
    rows: int | None
    rejected_rows: int | None
    error_class: str | None
    reason: str | None
    attempts: tuple[AttemptRecord, ...]


def message_records(
    connection: sa.Connection, object_ids: Sequence[str]
) -> dict[str, tuple[MessageRecord, ...]]:
    """The messages that named each of these object versions, in the order in which they were sent."""
    found: dict[str, list[MessageRecord]] = defaultdict(list)
    for chunk in chunks(object_ids):
        query = (
            sa.select(message_objects.c.object_id, messages)
            .join(
                messages,
                sa.and_(
                    messages.c.queue == message_objects.c.queue,
                    messages.c.message_id == message_objects.c.message_id,
                ),
            )
            .where(message_objects.c.object_id.in_(chunk))
            .order_by(messages.c.sent_at, messages.c.message_id)
        )
        for row in connection.execute(query):
            found[row.object_id].append(
                MessageRecord(
                    row.queue, row.message_id, MessageState(row.state), row.reason, row.receive_count,
                    row.sent_at, row.received_at, row.deleted_at,
                )
            )  # fmt: skip
    return _tuples(found)


def batch_parts(connection: sa.Connection, object_ids: Sequence[str]) -> dict[str, tuple[BatchPart, ...]]:
    """The batches that each of these object versions was in, oldest first, with their attempts."""
    rows: list[Any] = []
    for chunk in chunks(object_ids):
        query = (
            sa.select(
                batch_objects.c.object_id, batch_objects.c.role, batch_objects.c.rows,
                batch_objects.c.error_class, batch_objects.c.reason, batch_objects.c.rejected_rows,
                batches.c.batch_id, batches.c.kind, batches.c.state, batches.c.planned_at,
                batches.c.committed_at, batches.c.snapshot_id,
            )
            .join(batches, batches.c.batch_id == batch_objects.c.batch_id)
            .where(batch_objects.c.object_id.in_(chunk))
            .order_by(batches.c.batch_id)
        )  # fmt: skip
        rows += connection.execute(query).all()
    tried = _attempts(connection, {row.batch_id for row in rows})
    found: dict[str, list[BatchPart]] = defaultdict(list)
    for row in rows:
        found[row.object_id].append(
            BatchPart(
                row.batch_id, BatchKind(row.kind), BatchRole(row.role), BatchState(row.state), row.planned_at,
                row.committed_at, row.snapshot_id, row.rows, row.rejected_rows, row.error_class, row.reason,
                tuple(_of_object(one, row) for one in tried.get(row.batch_id, ())),
            )
        )  # fmt: skip
    return _tuples(found)


def _attempts(connection: sa.Connection, batch_ids: Iterable[str]) -> dict[str, tuple[AttemptRecord, ...]]:
    found: dict[str, list[AttemptRecord]] = defaultdict(list)
    for chunk in chunks(batch_ids):
        query = (
            sa.select(attempts)
            .where(attempts.c.batch_id.in_(chunk))
            .order_by(attempts.c.batch_id, attempts.c.number)
        )
        for row in connection.execute(query):
            found[row.batch_id].append(
                AttemptRecord(
                    row.number, row.attempt, row.run_id, row.started_at, row.ended_at,
                    None if row.outcome is None else AttemptOutcome(row.outcome), row.error_class, row.error,
                )
            )  # fmt: skip
    return _tuples(found)


def _of_object(attempt: AttemptRecord, row: Any) -> AttemptRecord:
    """The attempt as this object version sees it: one that settled its batch has the object's error."""
    settled = attempt.outcome is AttemptOutcome.COMMITTED or (
        attempt.outcome is AttemptOutcome.FAILED and attempt.error is None
    )
    return replace(attempt, error_class=row.error_class, error=row.reason) if settled else attempt


def _tuples(found: Mapping[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {key: tuple(values) for key, values in found.items()}
