"""The summary says what is there, what is not, and why."""

import io
from datetime import UTC, datetime

from rich.console import Console

from ingest_project.demo.outcome import Outcome, TableOutcome
from ingest_project.demo.summary import print_summary
from ingest_project.ledger.report import FailureReport
from ingest_project.reports.status import DeadLetterQueueStatus, QueueStatus

ORDERS = TableOutcome(
    "sales.orders",
    rows=33_700,
    ledger_rows=33_700,
    bad_rows=3,
    objects=112,
    partitions=14,
    rejected_objects=1,
    median_lag_seconds=6.04,
    max_lag_seconds=12.3,
)
QUEUE = QueueStatus(
    "landing",
    enabled=True,
    messages={},
    visible=0,
    in_flight=2,
    delayed=0,
    dlq=DeadLetterQueueStatus("arn:aws:sqs:us-east-1:123456789012:landing-dlq", 3),
)


def printed(*, problems: tuple[str, ...] = (), failures: tuple[FailureReport, ...] = ()) -> str:
    console = Console(file=io.StringIO(), width=160)
    print_summary(Outcome((ORDERS,), failures, (QUEUE,), problems), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_table_shows_rows_objects_partitions_rejects_and_lag() -> None:
    (line,) = [line for line in printed().splitlines() if "│ sales.orders " in line]

    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["sales.orders", "33,700", "33,700", "3", "112", "14", "1", "6.0 s", "12.3 s"]


def test_bad_rows_are_said_to_be_in_quarantine() -> None:
    assert "3 bad rows: they are in sales.orders__quarantine, with their lines and reasons" in printed()


def test_a_queue_shows_its_depths() -> None:
    (line,) = [line for line in printed().splitlines() if "landing" in line]

    assert [cell.strip() for cell in line.strip("│").split("│")] == ["landing", "0", "2", "3"]


def test_all_is_said_to_be_in_only_without_problems() -> None:
    assert "All 33,700 rows of 1 table have arrived, each exactly once." in printed()

    text = printed(problems=("sales.orders: 2 objects are not settled",))

    assert "wrong: sales.orders: 2 objects are not settled" in text
    assert "exactly once" not in text


def test_rejects_are_named_with_their_reason_even_if_it_looks_like_markup() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    failure = FailureReport("object", "s3://b/[red]a", "sales.orders", "unreadable", "cut short [/]", at)

    assert "rejected object s3://b/[red]a: cut short [/]" in printed(failures=(failure,))
