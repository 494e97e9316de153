"""The summary of the demo: the rows in the tables, what was rejected and why, what the queues still hold."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from ingest_project.demo.expectation import quarantine_of
from ingest_project.demo.outcome import Outcome, TableOutcome
from ingest_project.ledger.report import FailureReport
from ingest_project.reports.terminal import cell
from ingest_project.settings.wording import plural

LAG = (
    "lag: from an object's upload to the commit of its rows; the first ones had to wait for Dagster to start"
)


def print_summary(outcome: Outcome, console: Console) -> None:
    """Print the outcome for people: tables, rejected objects, queues, and differences, if any."""
    console.print(_tables(outcome))
    for table in outcome.tables:
        if table.bad_rows:
            console.print(cell(_set_aside(table), "yellow"))
    for failure in outcome.failures:
        console.print(cell(_rejected(failure), "yellow"))
    console.print(_queues(outcome))
    for problem in outcome.problems:
        console.print(cell(f"wrong: {problem}", "bold red"))
    if not outcome.problems:
        rows = sum(table.rows for table in outcome.tables)
        console.print(
            f"All {rows:,} rows of {plural(len(outcome.tables), 'table')} have arrived, each exactly once.",
            style="bold green",
        )


def print_job(status: Mapping[str, Any], console: Console) -> None:
    """Print what became of a job, and the link to its result."""
    result = status.get("result") or {}
    told = f", {result['rows']:,} rows in {plural(result['files'], 'file')}" if "rows" in result else ""
    is_done = status["state"] == "completed"
    said = f"Job {status['id']} ({status['job']}): {status['state']}{told}"
    console.print(cell(said, "bold green" if is_done else "bold red"), soft_wrap=True)
    if manifest := status.get("manifest"):
        console.print(
            cell(f"Its manifest, until {manifest['expires_at']}: {manifest['url']}"), soft_wrap=True
        )


def _tables(outcome: Outcome) -> Table:
    table = Table(title="Tables", title_justify="left", caption=LAG, caption_justify="left")
    table.add_column("table")
    for header in (
        "rows in Iceberg",
        "rows in ledger",
        "bad rows",
        "objects",
        "partitions",
        "rejected",
        "median lag",
        "max lag",
    ):
        table.add_column(header, justify="right")
    for one in outcome.tables:
        counts = (one.rows, one.ledger_rows, one.bad_rows, one.objects, one.partitions, one.rejected_objects)
        lags = (one.median_lag_seconds, one.max_lag_seconds)
        table.add_row(one.table, *(f"{count:,}" for count in counts), *map(_seconds, lags))
    return table


def _queues(outcome: Outcome) -> Table:
    table = Table(title="Queues", title_justify="left")
    table.add_column("queue")
    for header in ("visible", "in flight", "dead-letter queue"):
        table.add_column(header, justify="right")
    for queue in outcome.queues:
        dead = queue.dlq.depth if queue.dlq else None
        table.add_row(queue.name, *map(_count, (queue.visible, queue.in_flight, dead)))
    return table


def _set_aside(table: TableOutcome) -> str:
    where = f"{quarantine_of(table.table)}, with their lines and reasons"
    return f"set aside {table.bad_rows:,} bad rows: they are in {where}"


def _rejected(failure: FailureReport) -> str:
    if failure.name in failure.reason:
        return f"rejected {failure.kind}: {failure.reason}"
    return f"rejected {failure.kind} {failure.name}: {failure.reason}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
