"""An index that finds a table's last commit, and its commits of some hours, without reading all batches."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index(op.f("ix_batches_table_name_state"), "batches")
    op.create_index(
        op.f("ix_batches_table_name_state_committed_at"),
        "batches",
        ["table_name", "state", "committed_at"],
        unique=False,
    )
