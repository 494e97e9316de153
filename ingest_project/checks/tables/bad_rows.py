"""Whether too many of a table's rows are bad rows: in the last 24 hours, or in the last batch."""

from datetime import timedelta

from ingest_project.checks.tables.verdict import Fact, Verdict
from ingest_project.ledger.report import CommittedRows, RowTotals
from ingest_project.settings.model import TableSettings

WINDOW = timedelta(hours=24)
"""Batches that were committed within this time count together."""


def judge_bad_rows(
    table: TableSettings, limit: float, recent: RowTotals, batch: CommittedRows | None
) -> Verdict:
    """Fails if more than `limit` (0 to 1) of the window's rows, or of the last batch's, are in quarantine."""
    facts = _facts(limit, recent, batch)
    of_recent = _share(recent.rejected_rows, recent.rows)
    of_batch = 0.0 if batch is None else _share(batch.rejected_rows, batch.rows)
    allowed = f"the limit is {_percent(limit)}"
    if batch is not None and of_batch > limit:
        said = _said(batch.rejected_rows, batch.rows, f"of batch {batch.batch_id}")
    else:
        said = _said(recent.rejected_rows, recent.rows, "of the last 24 hours")
    if max(of_recent, of_batch) <= limit:
        return Verdict("bad_rows", True, "warn", f"{said}; {allowed}", facts)
    remedy = (
        f"see {table.quarantine} for each row's reason; `ingest replay {table.name}` reads its objects again"
    )
    return Verdict("bad_rows", False, "warn", f"{said}; {allowed}", {**facts, "what_to_do": remedy})


def _facts(limit: float, recent: RowTotals, batch: CommittedRows | None) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "bad_row_share_percent": round(100 * _share(recent.rejected_rows, recent.rows), 4),
        "max_bad_row_share_percent": round(100 * limit, 4),
        "window_hours": int(WINDOW.total_seconds() // 3_600),
        "batches": recent.batches,
        "rows_added": recent.rows,
        "bad_rows": recent.rejected_rows,
    }
    if batch is not None:
        facts |= {
            "last_batch": batch.batch_id,
            "last_batch_rows_added": batch.rows,
            "last_batch_bad_rows": batch.rejected_rows,
        }
    return facts


def _share(rejected: int, rows: int) -> float:
    return rejected / (rejected + rows) if rejected else 0.0


def _said(rejected: int, rows: int, whose: str) -> str:
    total = rejected + rows
    if not total:
        return f"there are no rows {whose}"
    return f"{rejected:,} of the {total:,} rows {whose} were set aside ({_percent(_share(rejected, rows))})"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
