"""What the ledger tells people: counts by state, the last commits, and what failed and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingest_project.batches.model import BatchState, MessageState, ObjectState
from ingest_project.batches.tables import batches, messages, object_versions

EXAMPLES = 20  # failures that a report lists one by one


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table as the ledger has it. `rows` are those of the committed object versions, `rejected_rows` theirs in quarantine.

    `last_commit` is UTC.
    """

    table: str
    objects: dict[str, int]
    batches: dict[str, int]
    rows: int
    rejected_rows: int
    last_commit: datetime | None
    last_snapshot_id: int | None


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Something that needs a person: an object version, a message or an open batch, with its error class and reason."""

    kind: str
    name: str
    table: str | None
    error_class: str | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueReport:
    """The messages of one queue by their state in the ledger."""

    queue: str
    messages: dict[str, int]


def queue_report(connection: sa.Connection, queue: str) -> QueueReport:
    """How many messages of the queue are open, rejected and deleted."""
    return QueueReport(queue, _counts(connection, messages.c.state, messages.c.queue == queue))


def table_report(connection: sa.Connection, table: str) -> TableReport:
    """Objects and batches of the table by state, its rows and its last commit."""
    last = connection.execute(
        sa.select(batches.c.committed_at, batches.c.snapshot_id)
        .where(
            batches.c.table_name == table,
            batches.c.state == BatchState.COMMITTED,
            batches.c.snapshot_id.is_not(None),
        )
        .order_by(batches.c.committed_at.desc())
        .limit(1)
    ).one_or_none()
    rows, rejected_rows = connection.execute(
        sa.select(sa.func.sum(object_versions.c.rows), sa.func.sum(object_versions.c.rejected_rows)).where(
            object_versions.c.table_name == table, object_versions.c.state == ObjectState.COMMITTED
        )
    ).one()
    return TableReport(
        table=table,
        objects=_counts(connection, object_versions.c.state, object_versions.c.table_name == table),
        batches=_counts(connection, batches.c.state, batches.c.table_name == table),
        rows=int(rows or 0),
        rejected_rows=int(rejected_rows or 0),
        last_commit=last.committed_at if last else None,
        last_snapshot_id=last.snapshot_id if last else None,
    )


def partition_rows(
    connection: sa.Connection, table: str, partition_keys: Iterable[str | None]
) -> dict[str | None, int]:
    """The rows that the table holds of each of these Dagster partitions."""
    return {
        key: connection.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(object_versions.c.rows), 0)).where(
                object_versions.c.table_name == table,
                object_versions.c.partition_key.is_not_distinct_from(key),
                object_versions.c.state == ObjectState.COMMITTED,
            )
        )
        or 0
        for key in partition_keys
    }


def failures(connection: sa.Connection) -> list[FailureReport]:
    """What failed and is not settled, newest first, at most `EXAMPLES` of each kind."""
    return [*_failed_objects(connection), *_failed_batches(connection), *_rejected_messages(connection)]


def _failed_objects(connection: sa.Connection) -> list[FailureReport]:
    query = sa.select(object_versions).where(
        object_versions.c.state.in_((ObjectState.FAILED, ObjectState.QUARANTINED))
    )
    return [
        FailureReport(
            "object" if row.state == ObjectState.FAILED else "parked",
            f"s3://{row.bucket}/{row.key}",
            row.table_name,
            row.error_class,
            row.reason or "",
            row.not_before,
        )
        for row in connection.execute(query.order_by(object_versions.c.not_before.desc()).limit(EXAMPLES))
    ]


def _failed_batches(connection: sa.Connection) -> list[FailureReport]:
    query = sa.select(batches).where(batches.c.state == BatchState.PLANNED, batches.c.error.is_not(None))
    return [
        FailureReport("batch", row.batch_id, row.table_name, row.error_class, row.error, row.not_before)
        for row in connection.execute(query.order_by(batches.c.batch_id.desc()).limit(EXAMPLES))
    ]


def _rejected_messages(connection: sa.Connection) -> list[FailureReport]:
    query = sa.select(messages).where(messages.c.state == MessageState.REJECTED)
    return [
        FailureReport("message", row.message_id, None, "rejected", row.reason or "", row.received_at)
        for row in connection.execute(query.order_by(messages.c.received_at.desc()).limit(EXAMPLES))
    ]


def _counts(
    connection: sa.Connection, state: sa.ColumnElement[str], where: sa.ColumnElement[bool]
) -> dict[str, int]:
    query = sa.select(state, sa.func.count()).where(where).group_by(state).order_by(state)
    return {name: count for name, count in connection.execute(query)}  # noqa: C416  (a Row is no tuple to mypy)
