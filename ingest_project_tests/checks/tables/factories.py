"""Tables, batches and windows for the tests of the checks."""

from datetime import UTC, datetime
from typing import Any

from ingest_project.ledger.report import CommittedRows, RowTotals
from ingest_project.settings.model import TableSettings

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def settings(**keys: Any) -> TableSettings:
    """sales.orders with these settings."""
    minimal = {"name": "sales.orders", "queue": "landing", "bucket": "acme-landing", "format": "ndjson"}
    return TableSettings.model_validate(minimal | keys)


def batch(rows: int, rejected_rows: int = 0, *, committed_at: datetime = NOW) -> CommittedRows:
    return CommittedRows("20261120T120000000Z-00000000", committed_at, rows, rejected_rows)


def totals(rows: int, rejected_rows: int = 0) -> RowTotals:
    return RowTotals(3, rows, rejected_rows)
