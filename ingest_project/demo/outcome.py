"""The outcome of the demo: the tables, by an independent reader, compared with the ledger and SQS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from ingest_project.demo.dagster_dev import DagsterRun
from ingest_project.demo.deployment import Deployment
from ingest_project.demo.expectation import Expectation, quarantine_of
from ingest_project.demo.table_rows import SourceRows, rows_by_source
from ingest_project.ledger.report import FailureReport, TableReport
from ingest_project.reports.status import QueueStatus, Status, collect_status
from ingest_project.settings.wording import plural

STRAY_MESSAGES = 1
"""How many messages of the demo are not S3 events."""
OPEN_STATES = ("pending", "planned")


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """One table. `rows` and `bad_rows` are read from Iceberg, `ledger_rows` from the ledger.

    Lags, in seconds, run from an object's upload to the commit of its rows.
    """

    table: str
    rows: int
    ledger_rows: int
    bad_rows: int
    objects: int
    partitions: int
    rejected_objects: int
    median_lag_seconds: float | None
    max_lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of the whole demo; `problems` has a line for each difference from the expectation."""

    tables: tuple[TableOutcome, ...]
    failures: tuple[FailureReport, ...]
    queues: tuple[QueueStatus, ...]
    problems: tuple[str, ...]


def is_in(status: Status, expectation: Expectation) -> bool:
    """Whether everything is settled and acknowledged, by the ledger and SQS."""
    return status.is_complete and not status_problems(status, expectation)


def outcome_of(
    deployment: Deployment, expectation: Expectation, put_at: dict[str, datetime], runs: Sequence[DagsterRun]
) -> Outcome:
    """Compare everything in the end. Raises CatalogUnavailable if the tables' commits cannot be read."""
    status = collect_status(deployment.services)
    problems = [*status_problems(status, expectation), *run_problems(runs)]
    tables = []
    for report in status.tables:
        found = rows_by_source(deployment.databases.catalog_uri, report.table)
        problems += expectation.differences(report.table, found)
        quarantine = quarantine_of(report.table)
        bad = rows_by_source(deployment.databases.catalog_uri, quarantine)
        problems += expectation.differences(quarantine, bad)
        lags = _lags_seconds(deployment, report.table, found, put_at)
        tables.append(_table_outcome(report, found, bad, lags))
    return Outcome(tuple(tables), status.failures, status.queues, tuple(problems))


def status_problems(status: Status, expectation: Expectation) -> list[str]:
    problems = [error for error in (status.ledger_error, *(queue.error for queue in status.queues)) if error]
    for report in status.tables:
        expected = expectation.rows(report.table)
        if report.rows != expected:
            problems.append(
                f"{report.table}: {plural(report.rows, 'row')} in the ledger instead of {expected:,}"
            )
        bad = expectation.rows(quarantine_of(report.table))
        if report.rejected_rows != bad:
            problems.append(
                f"{report.table}: {plural(report.rejected_rows, 'bad row')} in the ledger instead of {bad:,}"
            )
        if still_open := sum(report.objects.get(state, 0) for state in OPEN_STATES):
            problems.append(f"{report.table}: {plural(still_open, 'object')} not settled yet")
    failed = sum(report.objects.get("failed", 0) for report in status.tables)
    if failed != expectation.unreadable:
        problems.append(f"{plural(failed, 'rejected object')} instead of {expectation.unreadable}")
    messages = sum(_depth(queue) for queue in status.queues)
    bad_messages = expectation.unreadable + STRAY_MESSAGES
    if messages != bad_messages:
        problems.append(f"{plural(messages, 'message')} in the queue instead of the {bad_messages} bad ones")
    return problems


def run_problems(runs: Sequence[DagsterRun]) -> list[str]:
    """A line for each run that is not a success in Dagster, even if its rows have arrived."""
    if not runs:
        return ["Dagster has no run"]
    return [f"run {one.run_id} of {one.job} is {one.status}" for one in runs if one.status != "SUCCESS"]


def _depth(queue: QueueStatus) -> int:
    dead = queue.dlq.depth if queue.dlq else 0
    return (queue.visible or 0) + (queue.in_flight or 0) + (queue.delayed or 0) + (dead or 0)


def _lags_seconds(
    deployment: Deployment, table: str, found: Sequence[SourceRows], put_at: dict[str, datetime]
) -> list[float]:
    lake_table = deployment.services.lake.find(table)
    if lake_table is None:
        return []
    commits = {batch_id: lake_table.find_commit(batch_id) for batch_id in {one.batch_id for one in found}}
    return [
        (commit.committed_at - put_at[one.uri]).total_seconds()
        for one in found
        if (commit := commits[one.batch_id]) is not None and one.uri in put_at
    ]


def _table_outcome(
    report: TableReport, found: Sequence[SourceRows], bad: Sequence[SourceRows], lags: Sequence[float]
) -> TableOutcome:
    return TableOutcome(
        table=report.table,
        rows=sum(one.rows for one in found),
        ledger_rows=report.rows,
        bad_rows=sum(one.rows for one in bad),
        objects=len({one.uri for one in found}),
        partitions=len({one.uri.rpartition("/")[0] for one in found}),  # each folder is one
        rejected_objects=report.objects.get("failed", 0),
        median_lag_seconds=median(lags) if lags else None,
        max_lag_seconds=max(lags, default=None),
    )
