"""The ledger's tables. `migrations/` creates them; a test keeps both in step.

The primary key of an object version is a digest of `(table, bucket, key, version)`: S3 keys and version ids
may have 1,024 bytes each, PostgreSQL indexes at most 2,704 bytes, and a short key keeps the indexes in
memory. All versions of one key have the same `key_id`, the digest of `(table, bucket, key)`.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import sqlalchemy.orm
from sqlalchemy.engine import Dialect

# PyIceberg imports SQLAlchemy's ORM. While a thread does that, queries with our enums fail in other threads
# with "partially initialized module", so it is imported before there can be any.

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time, stored without a time zone, because SQLite does not store one."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:
        return _of_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_text(value: datetime | None) -> str | None:
    """The text that SQLAlchemy stores in SQLite, in less time: a claim has six times for each object."""
    if value is None:
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _of_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


class Prose(sa.types.TypeDecorator[str]):
    """A text that may quote a library's message, and so any bytes.

    PostgreSQL does not store NUL, and drivers refuse lone surrogates: either would fail the whole
    transaction.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


messages = sa.Table(
    "messages",
    metadata,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("receipt_handle", sa.Text),  # null after SQS refused it: the next delivery brings a new one
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", Prose),
    sa.Column("receive_count", sa.Integer, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("invisible_until", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index(None, "state", "queue", "received_at"),
)

object_versions = sa.Table(
    "object_versions",
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("partition_key", sa.Text),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version_id", sa.Text),
    sa.Column("sequencer", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("event_time", UtcDateTime, nullable=False),
    sa.Column("claimed_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("batch_id", sa.Text, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("error_class", sa.Text),
    sa.Column("reason", Prose),
    sa.Column("rows", sa.BigInteger),
    sa.Column("snapshot_id", sa.BigInteger),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("rejected_rows", sa.BigInteger),  # those in the table's quarantine; null: none
    sa.Index(None, "key_id", "state"),
    sa.Index(None, "state", "queue", "table_name", "claimed_at"),
    sa.Index(None, "table_name", "partition_key"),
    sa.Index(None, "table_name", "claimed_at"),
)


def is_job(table_name: sa.Column[str]) -> sa.ColumnElement[bool]:
    """Whether the table of a row is that of a kind of jobs, in literals, as a partial index needs it."""
    begins = sa.func.substr(table_name, sa.literal_column("1"), sa.literal_column("4"))
    return begins == sa.literal_column("'job:'")


IS_JOB = is_job(object_versions.c.table_name)
"""Whether an object version is a job. A query needs exactly this condition to use the index of jobs."""

sa.Index(
    "ix_object_versions_of_jobs",
    object_versions.c.state,
    object_versions.c.settled_at,
    object_versions.c.not_before,
    sqlite_where=IS_JOB,
    postgresql_where=IS_JOB,
)

message_objects = sa.Table(
    "message_objects",
    metadata,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True, index=True),
)

message_contents = sa.Table(
    "message_contents",
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("partition_key", sa.Text),
    sa.Column("on_overwrite", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("starts", sa.Integer, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("heartbeat_at", UtcDateTime),
    sa.Column("confirmed_at", UtcDateTime),  # null: no run was ever allowed to commit it
    sa.Column("objects", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("planned_at", UtcDateTime, nullable=False),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("error_class", sa.Text),
    sa.Column("error", Prose),
    sa.Column("rows", sa.BigInteger),
    sa.Column("snapshot_id", sa.BigInteger),
    sa.Column("committed_at", UtcDateTime),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("rejected_rows", sa.BigInteger),
    sa.Index(None, "queue", "state"),
    sa.Index(None, "table_name", "state", "committed_at"),
)

batch_objects = sa.Table(
    "batch_objects",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True, index=True),
    sa.Column("role", sa.Text, nullable=False),
    # True if every commit that was ever confirmed includes the object.
    sa.Column("confirmed", sa.Boolean, nullable=False, default=False),
    sa.Column("rows", sa.BigInteger),  # those that the batch brought; null: none, or the batch is open
    sa.Column("error_class", sa.Text),
    sa.Column("reason", Prose),
    sa.Column("rejected_rows", sa.BigInteger),  # those that the batch set aside; null: none
)

unreported = sa.Table(
    "unreported",
    metadata,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("settled_at", UtcDateTime, nullable=False),
)

source_actions = sa.Table(
    "source_actions",
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("detail", Prose),  # the tags as JSON, or where the object is moved to
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("planned_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("reason", Prose),  # what came of it, or why it was not done
    sa.Index(None, "queue", "state", "not_before"),
)

jobs = sa.Table(
    "job_requests",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, nullable=False),  # the object version that the job is
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("requester", sa.Text, nullable=False),
    sa.Column("idempotency_id", sa.Text),  # a digest of the requester and its key
    sa.Column("input", Prose, nullable=False),  # canonical JSON
    sa.Column("request_id", sa.Text),
    sa.Column("submitted_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),  # null: it is not known that SQS has it
    sa.Column("cancel_requested_at", UtcDateTime),
    sa.Column("cancelled_by", sa.Text),
    sa.Column("progress", Prose),  # JSON, as its run told
    sa.Column("result", Prose),  # JSON, as its run told
    sa.Column("manifest", sa.Text),  # the URI of the result's manifest in S3
    sa.Column("waits", sa.Boolean, nullable=False, default=False),  # its run has ended, its work has not
    # Whether its object version was claimed from the queue: those that were not are few.
    sa.Column("claimed", sa.Boolean, nullable=False, default=False),
    sa.Column("mirrored", sa.Text),  # the state that the mirror has; null: none, or not all that is known
    sa.Column("mirror_number", sa.Integer, nullable=False, default=0),  # the last one that was given out
    sa.Index(None, "object_id", unique=True),
    sa.Index(None, "idempotency_id", unique=True),
    sa.Index(None, "submitted_at", "job_id"),
    sa.Index(None, "requester", "submitted_at", "job_id"),
    sa.Index(None, "kind", "submitted_at", "job_id"),
    sa.Index(None, "claimed", "submitted_at"),
    sa.Index(None, "mirrored"),
)

job_work = sa.Table(
    "job_work",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("work_id", sa.Text, primary_key=True),  # an object version, or a batch
    sa.Column("is_batch", sa.Boolean, nullable=False),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # counts the batch's starts, from 1
    sa.Column("attempt", sa.Integer, nullable=False),  # counts the batch's run keys, from 1
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("outcome", sa.Text),
    sa.Column("error_class", sa.Text),
    sa.Column("error", Prose),
)


def object_id(table: str, bucket: str, key: str, version: str) -> str:
    """The primary key of an object version, computed from its identity alone."""
    return object_and_key_id(table, bucket, key, version)[0]


def key_id(table: str, bucket: str, key: str) -> str:
    """The id that all versions of one key in one table share."""
    digest = _of_bucket(table, bucket).copy()
    digest.update(_with_length(key))
    return digest.hexdigest()


def object_and_key_id(table: str, bucket: str, key: str, version: str) -> tuple[str, str]:
    """Both ids of an object version, in less time than one after the other."""
    digest = _of_bucket(table, bucket).copy()
    digest.update(_with_length(key))
    of_key = digest.hexdigest()
    digest.update(_with_length(version))
    return digest.hexdigest(), of_key


@lru_cache(maxsize=1024)
def _of_bucket(table: str, bucket: str) -> "hashlib.blake2b":
    return hashlib.blake2b(_with_length(table) + _with_length(bucket), digest_size=16)


def _with_length(part: str) -> bytes:
    """The length comes first, so that different identities never give the same bytes."""
    encoded = part.encode()
    return len(encoded).to_bytes(4, "big") + encoded
