"""What a table's batches brought lately, and when: what its asset checks judge."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingest_project.batches.model import BatchKind, BatchState
from ingest_project.batches.tables import batches


@dataclass(frozen=True, slots=True)
class RowTotals:
    """Batches of some time, the rows that they brought, and those that they set aside."""

    batches: int
    rows: int
    rejected_rows: int


@dataclass(frozen=True, slots=True)
class CommittedRows:
    """One committed batch: when it was committed (UTC), the rows that it brought, and those that it set aside."""

    batch_id: str
    committed_at: datetime
    rows: int
    rejected_rows: int


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
    """What the table's batches, of this kind or of all, brought that were committed from `since` until before `until`."""
    of_kind = sa.true() if kind is None else batches.c.kind == kind
    count, rows, rejected_rows = connection.execute(
        sa.select(sa.func.count(), sa.func.sum(batches.c.rows), sa.func.sum(batches.c.rejected_rows)).where(
            batches.c.table_name == table,
            batches.c.state == BatchState.COMMITTED,
            batches.c.committed_at >= since,
            batches.c.committed_at < until,
            of_kind,
        )
    ).one()
    return RowTotals(count, int(rows or 0), int(rejected_rows or 0))
