"""Reports for people: counts by state, rows of batches, what became of their objects, and failures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger.model import BatchKind, BatchState, MessageState, ObjectState
from ingest_project.ledger.source_actions import WaitingActions, waiting_actions
from ingest_project.ledger.sql import chunks, total
from ingest_project.ledger.tables import batch_objects, batches, message_objects, messages, object_versions
from ingest_project.sources.object_version import object_uri

EXAMPLES = 20  # failures that a report lists one by one

OF_ONE_CLASS = 5  # failed objects of one table, state and error class


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table as the ledger knows it; `last_commit` is UTC.

    `rows` are those of the committed object versions, `rejected_rows` those that they have in quarantine.
    `after` is what is still to be done to the table's objects themselves.
    """

    table: str
    objects: dict[str, int]
    batches: dict[str, int]
    rows: int
    rejected_rows: int
    last_commit: datetime | None
    last_snapshot_id: int | None
    after: tuple[WaitingActions, ...] = ()


@dataclass(frozen=True, slots=True)
class FailureReport:
    """An object version, a message or an open batch that needs a person, with its error class and reason.

    `more` counts older failures of the same kind, table and class that the report leaves out.
    """

    kind: str
    name: str
    table: str | None
    error_class: str | None
    reason: str
    at: datetime
    more: int = 0


@dataclass(frozen=True, slots=True)
class QueueReport:
    """The messages of one queue by their state in the ledger."""

    queue: str
    messages: dict[str, int]


@dataclass(frozen=True, slots=True)
class RowTotals:
    """How many batches were committed in a period, and the rows that they brought and set aside."""

    batches: int
    rows: int
    rejected_rows: int


@dataclass(frozen=True, slots=True)
class CommittedRows:
    """One committed batch: when it was committed (UTC), and the rows that it brought and set aside."""

    batch_id: str
    committed_at: datetime
    rows: int
    rejected_rows: int


@dataclass(frozen=True, slots=True)
class BatchMember:
    """What became of one object version in a batch: its rows and those set aside, or why it failed."""

    uri: str
    version: str
    partition: str | None
    rows: int | None
    rejected_rows: int | None
    error_class: str | None
    reason: str | None
    put_at: datetime


@dataclass(frozen=True, slots=True)
class BatchMembers:
    """Object versions of a batch, those that failed first, then by key; `total` includes those not shown."""

    shown: tuple[BatchMember, ...]
    total: int


@dataclass(frozen=True, slots=True)
class BatchMessages:
    """How many messages named object versions of a batch, and how many of them are deleted, by any run."""

    total: int
    deleted: int


def queue_report(connection: sa.Connection, queue: str) -> QueueReport:
    """How many messages of the queue are open, rejected and deleted."""
    return QueueReport(queue, _counts(connection, messages.c.state, messages.c.queue == queue))


def table_report(connection: sa.Connection, table: str) -> TableReport:
    """Objects and batches of the table by state, its rows, its last commit, and what waits for it."""
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
        sa.select(total(object_versions.c.rows), total(object_versions.c.rejected_rows)).where(
            object_versions.c.table_name == table, object_versions.c.state == ObjectState.COMMITTED
        )
    ).one()
    return TableReport(
        table=table,
        objects=_counts(connection, object_versions.c.state, object_versions.c.table_name == table),
        batches=_counts(connection, batches.c.state, batches.c.table_name == table),
        rows=rows,
        rejected_rows=rejected_rows,
        last_commit=last.committed_at if last else None,
        last_snapshot_id=last.snapshot_id if last else None,
        after=waiting_actions(connection, table),
    )


def partition_rows(connection: sa.Connection, table: str, partition_keys: Iterable[str]) -> dict[str, int]:
    """The number of rows in the table for each of these Dagster partitions; reads only their versions."""
    rows = dict.fromkeys(partition_keys, 0)
    for chunk in chunks(rows):
        query = (
            sa.select(object_versions.c.partition_key, total(object_versions.c.rows))
            .where(
                object_versions.c.table_name == table,
                object_versions.c.partition_key.in_(chunk),
                object_versions.c.state == ObjectState.COMMITTED,
            )
            .group_by(object_versions.c.partition_key)
        )
        rows |= {key: count for key, count in connection.execute(query)}  # noqa: C416  (mypy: Row is not a tuple)
    return rows


def has_rows(connection: sa.Connection, table: str) -> bool:
    """Whether a committed object version of the table has a row."""
    query = sa.select(object_versions.c.object_id).where(
        object_versions.c.table_name == table,
        object_versions.c.state == ObjectState.COMMITTED,
        object_versions.c.rows > 0,
    )
    return connection.execute(query.limit(1)).first() is not None


def failures(connection: sa.Connection) -> list[FailureReport]:
    """What failed and needs a person: `OF_ONE_CLASS` objects of each class, `EXAMPLES` of the other kinds."""
    return [*_failed_objects(connection), *_failed_batches(connection), *_rejected_messages(connection)]


def last_commit(connection: sa.Connection, table: str) -> CommittedRows | None:
    """The table's last committed batch; None before the first."""
    row = connection.execute(
        sa.select(batches.c.batch_id, batches.c.committed_at, batches.c.rows, batches.c.rejected_rows)
        .where(
            batches.c.table_name == table,
            batches.c.state == BatchState.COMMITTED,
            batches.c.committed_at.is_not(None),
        )
        .order_by(batches.c.committed_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return CommittedRows(row.batch_id, row.committed_at, row.rows or 0, row.rejected_rows or 0)


def committed_rows(
    connection: sa.Connection, table: str, since: datetime, until: datetime, kind: BatchKind | None = None
) -> RowTotals:
    """What the table's batches of this kind (None: all) brought that were committed in `[since, until)`."""
    of_kind = sa.true() if kind is None else batches.c.kind == kind
    count, rows, rejected_rows = connection.execute(
        sa.select(sa.func.count(), total(batches.c.rows), total(batches.c.rejected_rows)).where(
            batches.c.table_name == table,
            batches.c.state == BatchState.COMMITTED,
            batches.c.committed_at >= since,
            batches.c.committed_at < until,
            of_kind,
        )
    ).one()
    return RowTotals(count, rows, rejected_rows)


def batch_messages(connection: sa.Connection, batch_id: str) -> BatchMessages:
    """The messages that named object versions of the batch and are not forgotten yet."""
    named = (
        sa.select(message_objects.c.queue, message_objects.c.message_id)
        .join(batch_objects, batch_objects.c.object_id == message_objects.c.object_id)
        .where(batch_objects.c.batch_id == batch_id)
        .distinct()
        .subquery()
    )
    same = sa.and_(messages.c.queue == named.c.queue, messages.c.message_id == named.c.message_id)
    query = sa.select(messages.c.state, sa.func.count()).join(named, same).group_by(messages.c.state)
    counts: dict[str, int] = {state: count for state, count in connection.execute(query)}  # noqa: C416
    return BatchMessages(sum(counts.values()), counts.get(MessageState.DELETED, 0))


def batch_members(connection: sa.Connection, batch_id: str, *, limit: int) -> BatchMembers:
    """At most `limit` object versions of the batch, and how many there are."""
    of_batch = batch_objects.c.batch_id == batch_id
    total = connection.scalar(sa.select(sa.func.count()).select_from(batch_objects).where(of_batch)) or 0
    return BatchMembers(tuple(_members(connection, batch_id, limit)), total)


def _failed_objects(connection: sa.Connection) -> list[FailureReport]:
    """The newest of each class: a thousand of one class must not hide one of another."""
    known = object_versions.c
    of_class = (known.state, known.table_name, known.error_class)
    newest_first = (known.not_before.desc(), known.object_id)
    ranked = (
        sa.select(
            object_versions,
            sa.func.row_number().over(partition_by=of_class, order_by=newest_first).label("place"),
            sa.func.count().over(partition_by=of_class).label("in_class"),
        )
        .where(known.state.in_((ObjectState.FAILED, ObjectState.QUARANTINED)))
        .subquery()
    )
    query = sa.select(ranked).where(ranked.c.place <= OF_ONE_CLASS)
    return [
        FailureReport(
            "object" if row.state == ObjectState.FAILED else "parked", object_uri(row.bucket, row.key),
            row.table_name, row.error_class, row.reason or "", row.not_before,
            more=row.in_class - OF_ONE_CLASS if row.place == OF_ONE_CLASS else 0,
        )
        for row in connection.execute(
            query.order_by(ranked.c.table_name, ranked.c.error_class, ranked.c.state, ranked.c.place)
        )
    ]  # fmt: skip


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
    return {name: count for name, count in connection.execute(query)}  # noqa: C416  (mypy: Row is not a tuple)


def _members(connection: sa.Connection, batch_id: str, limit: int) -> list[BatchMember]:
    failed = batch_objects.c.error_class.is_not(None)
    query = (
        sa.select(
            object_versions, batch_objects.c.rows.label("brought"),
            batch_objects.c.rejected_rows.label("set_aside"), batch_objects.c.error_class.label("failure"),
            batch_objects.c.reason.label("failure_reason"),
        )
        .join(object_versions, object_versions.c.object_id == batch_objects.c.object_id)
        .where(batch_objects.c.batch_id == batch_id)
        .order_by(failed.desc(), object_versions.c.key, object_versions.c.claimed_at)
        .limit(limit)
    )  # fmt: skip
    return [
        BatchMember(
            uri=object_uri(row.bucket, row.key), version=row.version_id or row.sequencer or row.etag or "",
            partition=row.partition_key, rows=row.brought, rejected_rows=row.set_aside,
            error_class=row.failure, reason=row.failure_reason, put_at=row.event_time,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
