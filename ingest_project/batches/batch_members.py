"""The object versions of one batch and what it made of them, for the page of the run that did it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingest_project.batches.tables import batch_objects, object_versions


@dataclass(frozen=True, slots=True)
class BatchMember:
    """What a batch made of one object version: its rows and those set aside, or the class and the reason of its failure."""

    uri: str
    version: str
    partition: str | None
    rows: int | None
    rejected_rows: int | None
    error_class: str | None
    reason: str | None
    put_at: datetime


def batch_members(connection: sa.Connection, batch_id: str, *, limit: int) -> list[BatchMember]:
    """At most `limit` object versions of the batch, those that failed first, then by key."""
    failed = batch_objects.c.error_class.is_not(None)
    query = (
        sa.select(
            object_versions, batch_objects.c.rows.label("brought"), batch_objects.c.error_class.label("failure"),
            batch_objects.c.reason.label("failure_reason"), batch_objects.c.rejected_rows.label("set_aside"),
        )
        .join(object_versions, object_versions.c.object_id == batch_objects.c.object_id)
        .where(batch_objects.c.batch_id == batch_id)
        .order_by(failed.desc(), object_versions.c.key, object_versions.c.claimed_at)
        .limit(limit)
    )  # fmt: skip
    return [
        BatchMember(
            uri=f"s3://{row.bucket}/{row.key}", version=row.version_id or row.sequencer or row.etag or "",
            partition=row.partition_key, rows=row.brought, rejected_rows=row.set_aside, error_class=row.failure, reason=row.failure_reason,
            put_at=row.event_time,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
