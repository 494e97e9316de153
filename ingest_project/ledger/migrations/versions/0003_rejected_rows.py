"""How many rows were set aside in a table's quarantine, for each object version and each batch."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("object_versions", sa.Column("rejected_rows", sa.BigInteger(), nullable=True))
    op.add_column("batches", sa.Column("rejected_rows", sa.BigInteger(), nullable=True))
    op.add_column("batch_objects", sa.Column("rejected_rows", sa.BigInteger(), nullable=True))
