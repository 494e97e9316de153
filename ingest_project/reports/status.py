"""The status: the queues by SQS, and messages, objects, batches and tables by the ledger.

If a queue or the ledger does not answer, only its own part is missing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest_project.errors import IngestError, QueueUnavailable
from ingest_project.ledger.job_model import JobCounts, JobState
from ingest_project.ledger.model import Batch
from ingest_project.ledger.report import FailureReport, TableReport
from ingest_project.ledger.source_actions import WaitingActions
from ingest_project.reports.listing import Listing
from ingest_project.reports.status_cells import ago, counted, number, table_with
from ingest_project.reports.terminal import cell
from ingest_project.services import Services
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.model import QueueSettings
from ingest_project.settings.wording import plural
from ingest_project.sources.sqs.faults import translated
from ingest_project.sources.sqs.queue import Queue

RECENTLY = timedelta(days=1)
WORKERS = 8
"""Concurrent requests: a queue whose endpoint does not answer may take half a minute."""


@dataclass(frozen=True, slots=True)
class DeadLetterQueueStatus:
    """A dead-letter queue. `depth` counts all of its messages; None, with an `error`, if it is unknown."""

    arn: str
    depth: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: SQS's approximate counts, None with an `error` if it did not answer; the ledger's messages
    by state.

    `dlq` is None if the queue has no redrive policy, or did not answer.
    """

    name: str
    enabled: bool
    messages: Mapping[str, int]
    visible: int | None = None
    in_flight: int | None = None
    delayed: int | None = None
    dlq: DeadLetterQueueStatus | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The status at about `at`; times are UTC. With a `ledger_error` everything from the ledger is empty.

    `problems` has a line for each sign that the tables and queues belong to another ledger. `jobs` are those
    that are open, or have ended within `RECENTLY`, by kind and state. `snapshots` has the number of each
    table that exists; None if the catalog did not answer.
    """

    at: datetime
    queues: tuple[QueueStatus, ...]
    batches: Mapping[str, int]
    open_batches: tuple[Batch, ...]
    tables: tuple[TableReport, ...]
    failures: tuple[FailureReport, ...]
    ledger_error: str | None
    problems: tuple[str, ...] = ()
    jobs: tuple[JobCounts, ...] = ()
    snapshots: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether the ledger answers and has recorded nothing yet."""
        return self.ledger_error is None and not self.batches and not any(one.messages for one in self.queues)

    @property
    def is_complete(self) -> bool:
        """Whether the ledger and all queues answered.

        A dead-letter queue without permission does not count.
        """
        return self.ledger_error is None and all(queue.error is None for queue in self.queues)


@dataclass(frozen=True, slots=True)
class _LedgerAnswer:
    messages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    open_batches: tuple[Batch, ...] = ()
    tables: tuple[TableReport, ...] = ()
    failures: tuple[FailureReport, ...] = ()
    jobs: tuple[JobCounts, ...] = ()
    error: str | None = None


def collect_status(services: Services, *, clock: Clock = utc_now) -> Status:
    """The status now. An outage of SQS or of the ledger is part of it, and not raised."""
    now = clock()
    ledger = _ask_ledger(services, now)
    queues = _ask_queues(services, ledger)
    batches: Counter[str] = Counter()
    for table in ledger.tables:
        batches.update(table.batches)
    problems = (
        (*_unknown_commits(services, ledger), *_unknown_messages(queues)) if ledger.error is None else ()
    )
    return Status(
        at=now,
        queues=queues,
        batches=dict(batches),
        open_batches=ledger.open_batches,
        tables=ledger.tables,
        failures=ledger.failures,
        ledger_error=ledger.error,
        problems=problems,
        jobs=ledger.jobs,
        snapshots=_count_snapshots(services, ledger),
    )


def render_status(status: Status, console: Console) -> None:
    """Print the status for people."""
    console.print(_queue_table(status.queues))
    if status.ledger_error is not None:
        console.print(cell(f"ledger: {status.ledger_error}", "red"))
        return
    console.print(_table_table(status))
    if status.jobs:
        console.print(_job_table(status))
    console.print(cell(f"Batches: {counted(status.batches)}"))
    if status.open_batches:
        _batch_listing(status).print(console, name="batch")
    if any(report.after for report in status.tables):
        _after_listing(status).print(console, name="table")
    for problem in status.problems:
        console.print(cell(problem, "bold red"))
    if status.failures:
        _failure_listing(status).print(console, name="name")
    elif status.is_new and not status.problems:
        console.print("No message was received yet.")
    elif not status.problems:
        console.print("Nothing has failed.")


def _unknown_commits(services: Services, ledger: _LedgerAnswer) -> Iterator[str]:
    """Tables with rows of ours but without a batch in the ledger: it was removed, or it is another one."""
    for report in ledger.tables:
        if report.batches:
            continue  # the catalog is asked only if the ledger has no batch
        try:
            found = services.lake.find(report.table)
            rows = found.row_count() if found is not None and found.batch_commits() else 0
        except IngestError as error:
            yield f"{report.table}: cannot check whether the ledger was lost: {error}"
            continue
        if rows:
            yield (
                f"{report.table} has {plural(rows, 'row')}, but the ledger has none of its batches: the "
                "ledger was "
                "removed, or ledger.url names another one. Stop Dagster, put the ledger back or run "
                "`ingest ledger recover`, and start Dagster"
            )


def _count_snapshots(services: Services, ledger: _LedgerAnswer) -> dict[str, int | None]:
    """By the catalog, for the tables of the ledger's answer that exist."""

    def count(table: str) -> tuple[int | None, ...]:
        try:
            found = services.lake.find(table)
        except IngestError:
            return (None,)
        return () if found is None else (found.snapshots,)

    names = [report.table for report in ledger.tables]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="status") as pool:
        found = list(zip(names, pool.map(count, names), strict=True))
    return {name: number for name, counted in found for number in counted}


def _unknown_messages(queues: Iterable[QueueStatus]) -> Iterator[str]:
    """Queues with messages in flight that are not in this ledger."""
    for queue in queues:
        if queue.in_flight and not queue.messages:
            yield (
                f"queue {queue.name} has {plural(queue.in_flight, 'message')} in flight that the ledger does "
                "not know. If this does not change within a minute, another program reads the queue, or the "
                "ledger was removed"
            )


def _ask_ledger(services: Services, now: datetime) -> _LedgerAnswer:
    settings = services.settings
    try:
        ledger = services.existing_ledger()
        return _LedgerAnswer(
            messages={queue.name: ledger.queue_report(queue.name).messages for queue in settings.queues},
            open_batches=tuple(
                batch for queue in settings.queues for batch in ledger.open_batches(queue.name)
            ),
            tables=tuple(ledger.table_report(table.name) for table in settings.tables),
            failures=tuple(ledger.failures()),
            jobs=tuple(ledger.jobs.counts(since=now - RECENTLY)) if settings.jobs is not None else (),
        )
    except IngestError as error:
        return _LedgerAnswer(error=str(error))


def _ask_queues(services: Services, ledger: _LedgerAnswer) -> tuple[QueueStatus, ...]:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="status")
    try:
        return tuple(pool.map(partial(_ask_queue, services, ledger), services.settings.queues))
    finally:
        pool.shutdown(
            wait=False, cancel_futures=True
        )  # Ctrl-C does not wait for a queue that does not answer


def _ask_queue(services: Services, ledger: _LedgerAnswer, settings: QueueSettings) -> QueueStatus:
    messages = ledger.messages.get(settings.name, {})
    try:
        with translated(settings.name):  # boto3 may already fail at opening: a profile that does not exist
            queue = services.queue(settings.name)
        attributes = queue.attributes()
    except IngestError as error:
        return QueueStatus(settings.name, settings.enabled, messages, error=str(error))
    return QueueStatus(
        name=settings.name,
        enabled=settings.enabled,
        messages=messages,
        visible=attributes.visible,
        in_flight=attributes.in_flight,
        delayed=attributes.delayed,
        dlq=None if attributes.dlq_arn is None else _ask_dead_letter_queue(queue, attributes.dlq_arn),
    )


def _ask_dead_letter_queue(queue: Queue, arn: str) -> DeadLetterQueueStatus:
    """Asks SQS about the DLQ. It often belongs to others, so a missing permission is not unusual."""
    try:
        dlq = queue.dead_letter_queue()
        attributes = None if dlq is None else dlq.attributes()
    except QueueUnavailable as error:
        return DeadLetterQueueStatus(arn, None, error.reason)
    if attributes is None:
        return DeadLetterQueueStatus(arn, None, "the redrive policy was removed just now")
    return DeadLetterQueueStatus(arn, attributes.visible + attributes.in_flight + attributes.delayed)


def _queue_table(queues: Iterable[QueueStatus]) -> Table:
    table = table_with(
        "Queues", "queue", "#visible", "#in flight", "#delayed", "#DLQ", "messages in the ledger", ""
    )
    for queue in queues:
        table.add_row(
            cell(queue.name),
            number(queue.visible),
            number(queue.in_flight),
            number(queue.delayed),
            _dlq_cell(queue),
            cell(counted(queue.messages)),
            _queue_note(queue),
        )
    return table


def _dlq_cell(queue: QueueStatus) -> Text:
    if queue.dlq is None:
        return cell("?" if queue.error else "none", "" if queue.error else "yellow")
    return number(queue.dlq.depth, alarming=True)


def _queue_note(queue: QueueStatus) -> Text:
    if queue.error is not None:
        return cell(queue.error, "red")
    if queue.dlq is not None and queue.dlq.error is not None:
        return cell(f"DLQ: {queue.dlq.error}", "yellow")
    return cell("" if queue.enabled else "not enabled", "yellow")


def _table_table(status: Status) -> Table:
    table = table_with(
        "Tables", "table", "#rows", "#rejected", "objects", "last commit", "#snapshots", "#newest"
    )
    for report in status.tables:
        table.add_row(
            cell(report.table),
            number(report.rows),
            number(report.rejected_rows),
            cell(counted(report.objects)),
            cell(ago(report.last_commit, status.at)),
            *_snapshot_cells(status, report),
        )
    return table


def _job_table(status: Status) -> Table:
    table = table_with("Jobs: open, or ended in 24 h", "kind", "state", "#jobs", "oldest")
    for one in status.jobs:
        is_bad = one.state is JobState.FAILED
        table.add_row(
            cell(one.kind), cell(one.state.value), number(one.jobs, alarming=is_bad),
            cell(ago(one.oldest_at, status.at)),
        )  # fmt: skip
    return table


def _snapshot_cells(status: Status, report: TableReport) -> tuple[Text, Text]:
    """The number of snapshots by the catalog, and the whole id of the ledger's last commit."""
    known = number(status.snapshots[report.table]) if report.table in status.snapshots else cell("")
    last = report.last_snapshot_id
    return known, cell("" if last is None else str(last))


def _batch_listing(status: Status) -> Listing:
    listing = Listing("batch", "table", "#objects", "#attempt", "planned", "last error", title="Open batches")
    for batch in status.open_batches:
        listing.add(
            cell(batch.batch_id),
            cell(batch.table),
            number(batch.objects),
            number(batch.attempt),
            cell(ago(batch.planned_at, status.at)),
            cell(batch.error or "", "red"),
        )
    return listing


def _after_listing(status: Status) -> Listing:
    """What `after` still has to do: what fails is tried again without end, so a person must see it."""
    title = "After the ingest: what is still to be done to objects (`ingest history --key KEY` shows each)"
    listing = Listing("table", "action", "#waiting", "#failing", "what to do", title=title)
    for report in status.tables:
        for one in report.after:
            listing.add(
                cell(report.table), cell(one.action), number(one.waiting - one.failing),
                number(one.failing, alarming=True), _what_to_do(one, status.at),
            )  # fmt: skip
    return listing


def _what_to_do(one: WaitingActions, now: datetime) -> Text:
    if not one.failing:
        return cell("wait: each is done once every message that names its object is deleted")
    next_try = (
        "now" if one.not_before is None or one.not_before <= now else f"at {one.not_before:%H:%M:%S} UTC"
    )
    return cell(
        f"{one.uri}: {one.reason}. Remove the cause (`ingest check` looks at permissions); the next try is "
        f"{next_try}",
        "red",
    )


def _failure_listing(status: Status) -> Listing:
    title = "What failed, and why (the newest of each class; `ingest history --state failed` shows all)"
    listing = Listing("kind", "name", "table", "error", "reason", title=title)
    for failure in status.failures:
        cells = (failure.kind, failure.name, failure.table or "", failure.error_class or "", failure.reason)
        listing.add(*map(cell, cells))
        if failure.more:
            and_more = f"and {failure.more:,} more"
            listing.add(
                *map(cell, (failure.kind, and_more, failure.table or "", failure.error_class or "", ""))
            )
    return listing
