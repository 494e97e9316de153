"""Jobs on demand: who asked for what, and the work that a job waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_requests",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("idempotency_id", sa.Text()),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime()),
        sa.Column("cancel_requested_at", sa.DateTime()),
        sa.Column("cancelled_by", sa.Text()),
        sa.Column("progress", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("manifest", sa.Text()),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("mirrored", sa.Text()),
        sa.Column("mirror_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_requests")),
    )
    op.create_index(op.f("ix_job_requests_object_id"), "job_requests", ["object_id"], unique=True)
    op.create_index(op.f("ix_job_requests_idempotency_id"), "job_requests", ["idempotency_id"], unique=True)
    op.create_index(op.f("ix_job_requests_submitted_at_job_id"), "job_requests", ["submitted_at", "job_id"])
    op.create_index(
        op.f("ix_job_requests_requester_submitted_at_job_id"),
        "job_requests",
        ["requester", "submitted_at", "job_id"],
    )
    op.create_index(
        op.f("ix_job_requests_kind_submitted_at_job_id"), "job_requests", ["kind", "submitted_at", "job_id"]
    )
    op.create_index(op.f("ix_job_requests_claimed_submitted_at"), "job_requests", ["claimed", "submitted_at"])
    op.create_index(op.f("ix_job_requests_mirrored"), "job_requests", ["mirrored"])
    is_job = sa.text("substr(table_name, 1, 4) = 'job:'")
    op.create_index(
        "ix_object_versions_of_jobs", "object_versions", ["state", "settled_at", "not_before"],
        sqlite_where=is_job, postgresql_where=is_job,
    )  # fmt: skip
    op.create_table(
        "job_work",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("work_id", sa.Text(), nullable=False),
        sa.Column("is_batch", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "work_id", name=op.f("pk_job_work")),
    )
