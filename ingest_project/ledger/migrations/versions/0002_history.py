"""The history of object versions: the attempts of each batch, and what became of each object in it."""

import sqlalchemy as sa
from alembic import op

from ingest_project.ledger.tables import Prose, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error", Prose(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_attempts")),
    )
    op.add_column("batch_objects", sa.Column("rows", sa.BigInteger(), nullable=True))
    op.add_column("batch_objects", sa.Column("error_class", sa.Text(), nullable=True))
    op.add_column("batch_objects", sa.Column("reason", Prose(), nullable=True))
    op.create_index(op.f("ix_batch_objects_object_id"), "batch_objects", ["object_id"], unique=False)
    op.create_index(op.f("ix_message_objects_object_id"), "message_objects", ["object_id"], unique=False)
    op.create_index(
        op.f("ix_object_versions_table_name_claimed_at"),
        "object_versions",
        ["table_name", "claimed_at"],
        unique=False,
    )
