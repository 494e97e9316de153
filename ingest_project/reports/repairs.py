"""The results of repairs, in words: failed work that was put back or settled, a ledger that was recovered."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ingest_project.ledger.dismiss import Dismissed
from ingest_project.ledger.replay import Replayed
from ingest_project.ledger.retry import Retried
from ingest_project.reports.terminal import cell
from ingest_project.settings.job_settings import kind_of_table
from ingest_project.settings.model import QueueSettings, Settings, TableSettings
from ingest_project.settings.wording import plural

if TYPE_CHECKING:
    from ingest_project.ingestion.recover_ledger.recover import TableRecovered


def retry_lines(retried: Retried, settings: Settings) -> Iterator[str]:
    """What was put back and which sensor takes it, what was left alone, or that nothing matched."""
    for (queue, table), count in sorted(retried.objects.items()):
        yield (
            f"{plural(count, 'object version')} of {table} {'is' if count == 1 else 'are'} pending again; "
            f"{_taker(queue, table, settings, count)}."
        )
    for batch_id, queue in retried.batches.items():
        yield f"Batch {batch_id} may start at once; {_taker(queue, None, settings, 1)}."
    yield from _others(retried)
    if not retried.queues:
        yield "No matching object version has failed, is parked, or waits for another try."


def dismissal_lines(dismissed: Dismissed) -> Iterator[str]:
    """What was settled, by error class, and what happens to its messages, or that nothing matched."""
    for (queue, table, error_class), count in sorted(dismissed.objects.items()):
        verb, their = ("is", "its") if count == 1 else ("are", "their")
        yield (
            f"{plural(count, 'object version')} of {table} that failed as {error_class} {verb} settled as "
            f"skipped; {queue}_sensor deletes {their} messages, `ingest redrive` those in the DLQ."
        )
    yield from _others(dismissed)
    if not dismissed.objects:
        yield "No matching object version has failed or is parked."


def replay_lines(replayed: Replayed, table: TableSettings, settings: Settings) -> Iterator[str]:
    """What will be read again and by whom, or that there is nothing to read again."""
    if replayed.batches:
        yield (
            f"{plural(replayed.objects, 'object version')} of {table.name} with "
            f"{plural(replayed.rejected_rows, 'row')} in quarantine "
            f"{'is' if replayed.objects == 1 else 'are'} read again in "
            f"{plural(len(replayed.batches), 'batch')}; "
            f"{_taker(table.queue, table.name, settings, replayed.objects)}."
        )
    if replayed.busy:
        yield (
            f"Left alone, because their keys are in use by other work: {replayed.busy:,}. Run it again "
            "afterwards."
        )
    if replayed.more:
        yield "There are more: run it again."
    if not replayed.batches and not replayed.busy:
        yield f"No matching object version of {table.name} has rows in quarantine."


def render_recovered(tables: Sequence["TableRecovered"], console: Console, *, dry_run: bool) -> None:
    """Print what each table holds, what was recorded in the ledger, and what a person has to do."""
    grid = Table(box=SIMPLE_HEAD)
    for header in ("table", "#objects", "#rows", "#new", "#taken", "#known", "#left", "#older", "#undated"):
        grid.add_column(header.removeprefix("#"), justify="right" if header.startswith("#") else "left")
    for one in tables:
        made = one.recovered
        numbers = (
            one.objects,
            one.rows,
            made.new,
            made.taken,
            made.known,
            made.left,
            made.older,
            one.undated,
        )
        grid.add_row(cell(one.table), *(cell(f"{number:,}") for number in numbers))
    console.print(grid)
    for one in tables:
        for line in _remarks(one):
            console.print(cell(f"{one.table}: {line}", "yellow"))
    if dry_run:
        console.print("A dry run: nothing was written.")


def _others(done: Retried | Dismissed) -> Iterator[str]:
    if done.left_alone:
        counts = ", ".join(f"{count:,} {state}" for state, count in sorted(done.left_alone.items()))
        yield f"Left alone: {counts}."
    if done.more:
        yield "There are more: run it again."


def _taker(queue: str, table: str | None, settings: Settings, count: int) -> str:
    them = "it" if count == 1 else "them"
    known = next((one for one in settings.queues if one.name == queue), None)
    if known is None:
        return f"but the settings have no queue {queue}, so no sensor takes {them}"
    if table is not None and not _feeds(known, table, settings):
        return f"but queue {queue} feeds no table {table} in the settings, so no sensor takes {them}"
    if not known.enabled:
        return f"but the settings stop {queue}_sensor (enabled: false), unless somebody has started it"
    return f"the next tick of {queue}_sensor takes {them}"


def _feeds(queue: QueueSettings, table: str, settings: Settings) -> bool:
    """Whether the sensor of the queue plans batches of this table, or jobs of this kind."""
    kind = kind_of_table(table)
    if kind is not None:
        return queue.source == "jobs" and settings.jobs is not None and kind in settings.jobs.names
    return any(one.name == table for one in settings.tables_of(queue.name))


def _remarks(one: "TableRecovered") -> Iterator[str]:
    if one.snapshot_id is None:
        yield "the table does not exist, or nothing was ever committed to it"
    if one.foreign_rows:
        yield f"left out, because they name no object: {plural(one.foreign_rows, 'row')} of other writers"
    if one.without_partition:
        count = plural(one.without_partition, "object version")
        yield f"recorded without a partition, because the settings have none for them: {count}"
    if one.several_writes:
        examples = ", ".join(one.examples[:3])
        yield (
            f"rows of more than one write or batch under {plural(one.several_writes, 'key')}, as an ingest "
            f"with an empty ledger leaves them behind; materialize their partitions: {examples}"
        )
    if one.leftover_rows:
        rows = plural(one.leftover_rows, "row")
        yield f"of batches that were never committed: {rows} in quarantine, which their events will add again"
    if one.moved:
        yield "the table changed meanwhile; stop the sensors, let the runs end, and run this again"
