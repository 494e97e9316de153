"""The ledger's first schema: messages, object versions, batches, and what belongs to which."""

import sqlalchemy as sa
from alembic import op

from ingest_project.ledger.tables import Prose, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_objects",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "object_id", name=op.f("pk_batch_objects")),
    )
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=True),
        sa.Column("on_overwrite", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error", Prose(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=True),
        sa.Column("committed_at", UtcDateTime(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_queue_state"), "batches", ["queue", "state"], unique=False)
    op.create_index(op.f("ix_batches_table_name_state"), "batches", ["table_name", "state"], unique=False)
    op.create_table(
        "message_objects",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "message_id", "object_id", name=op.f("pk_message_objects")),
    )
    op.create_table(
        "messages",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("receipt_handle", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", Prose(), nullable=True),
        sa.Column("receive_count", sa.Integer(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("invisible_until", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("queue", "message_id", name=op.f("pk_messages")),
    )
    op.create_index(
        op.f("ix_messages_state_queue_received_at"),
        "messages",
        ["state", "queue", "received_at"],
        unique=False,
    )
    op.create_table(
        "object_versions",
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=True),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=True),
        sa.Column("sequencer", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("event_time", UtcDateTime(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("reason", Prose(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_object_versions")),
    )
    op.create_index(op.f("ix_object_versions_batch_id"), "object_versions", ["batch_id"], unique=False)
    op.create_index(
        op.f("ix_object_versions_key_id_state"), "object_versions", ["key_id", "state"], unique=False
    )
    op.create_index(
        op.f("ix_object_versions_table_name_partition_key"),
        "object_versions",
        ["table_name", "partition_key"],
        unique=False,
    )
    op.create_index(
        op.f("ix_object_versions_state_queue_table_name_claimed_at"),
        "object_versions",
        ["state", "queue", "table_name", "claimed_at"],
        unique=False,
    )
