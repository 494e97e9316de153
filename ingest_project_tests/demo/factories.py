"""Builders for the demo's tests: uploads, what the ledger and SQS report of them, and what a table holds."""

from datetime import UTC, datetime

from ingest_project.demo.sample_data import Upload
from ingest_project.demo.table_rows import SourceRows
from ingest_project.ledger.report import TableReport
from ingest_project.reports.status import DeadLetterQueueStatus, QueueStatus, Status

BUCKET = "acme-landing"
TABLE = "sales.orders"


def upload(key: str, body: bytes = b"rows", rows: int | None = 10, bad_rows: int = 0) -> Upload:
    return Upload(TABLE, key, body, rows, bad_rows)


def source_rows(key: str, version: str, rows: int = 10) -> SourceRows:
    return SourceRows(f"s3://{BUCKET}/{key}", version, "batch-1", rows)


def table_report(rows: int, bad_rows: int = 0, **objects: int) -> TableReport:
    return TableReport(TABLE, objects, {}, rows, bad_rows, None, None)


def status(report: TableReport, *, in_flight: int, dead: int = 0, error: str | None = None) -> Status:
    queue = QueueStatus(
        "landing",
        enabled=True,
        messages={},
        visible=0,
        in_flight=in_flight,
        delayed=0,
        dlq=DeadLetterQueueStatus("arn:aws:sqs:us-east-1:123456789012:landing-dlq", dead),
        error=error,
    )
    return Status(datetime(2026, 11, 20, tzinfo=UTC), (queue,), {}, (), (report,), (), None)
