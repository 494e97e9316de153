"""The outbox of materializations: committed batches, until it is certain that Dagster knows of them.

A run may die between settling its batch and telling Dagster. Settling puts the batch here in the same
transaction, and a tick of the queue's sensor removes it after Dagster has its materializations.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.model import BatchKind, BatchRole
from ingest_project.ledger.sql import insert_ignoring, total
from ingest_project.ledger.tables import batch_objects, batches, object_versions, unreported

AT_ONCE = 100
"""Batches that one tick looks at."""


@dataclass(frozen=True, slots=True)
class BroughtPartition:
    """What a batch brought to one Dagster partition. Bytes are as stored in S3; `oldest_put_at` is UTC."""

    partition_key: str | None
    objects: int
    rows: int
    rejected_rows: int
    size_bytes: int
    oldest_put_at: datetime


@dataclass(frozen=True, slots=True)
class UnreportedBatch:
    """A committed batch, the run that settled it, and the partitions that it brought objects to.

    The partition of a rebuild is among them even if S3 held no objects of it. Times are UTC.
    """

    batch_id: str
    table: str
    kind: BatchKind
    run_id: str
    snapshot_id: int | None
    committed_at: datetime
    settled_at: datetime
    partitions: tuple[BroughtPartition, ...]


def add_unreported(connection: sa.Connection, queue: str, batch_id: str, *, now: datetime) -> None:
    """Put a batch that is being settled into the outbox."""
    insert_ignoring(connection, unreported, [{"queue": queue, "batch_id": batch_id, "settled_at": now}])


def unreported_batches(connection: sa.Connection, queue: str) -> list[UnreportedBatch]:
    """The oldest `AT_ONCE` batches of the queue's outbox."""
    query = (
        sa.select(batches, unreported.c.settled_at.label("since"))
        .join(unreported, unreported.c.batch_id == batches.c.batch_id)
        .where(unreported.c.queue == queue)
        .order_by(unreported.c.batch_id)
        .limit(AT_ONCE)
    )
    return [
        UnreportedBatch(
            row.batch_id, row.table_name, BatchKind(row.kind), row.run_id, row.snapshot_id, row.committed_at,
            row.since, _partitions(connection, row.batch_id) or _emptied(row),
        )
        for row in connection.execute(query).all()
    ]  # fmt: skip


def remove_reported(connection: sa.Connection, queue: str, batch_id: str) -> None:
    """Remove a batch from the outbox."""
    connection.execute(
        sa.delete(unreported).where(unreported.c.queue == queue, unreported.c.batch_id == batch_id)
    )


def _emptied(batch: sa.Row[Any]) -> tuple[BroughtPartition, ...]:
    if batch.kind != BatchKind.REBUILD:
        return ()
    return (BroughtPartition(batch.partition_key, 0, 0, 0, 0, batch.committed_at),)


def _partitions(connection: sa.Connection, batch_id: str) -> tuple[BroughtPartition, ...]:
    key = object_versions.c.partition_key
    query = (
        sa.select(
            key, sa.func.count(), total(batch_objects.c.rows), total(batch_objects.c.rejected_rows),
            total(object_versions.c.size_bytes), sa.func.min(object_versions.c.event_time),
        )
        .join(object_versions, object_versions.c.object_id == batch_objects.c.object_id)
        .where(
            batch_objects.c.batch_id == batch_id,
            batch_objects.c.role == BatchRole.INGEST,
            batch_objects.c.rows.is_not(None),
        )
        .group_by(key)
        .order_by(key)
    )  # fmt: skip
    return tuple(BroughtPartition(*row) for row in connection.execute(query))
