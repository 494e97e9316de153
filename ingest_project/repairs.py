"""What was put right, in words: failed work that goes back, a ledger that was made anew."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ingest_project.batches.replay import Replayed
from ingest_project.batches.retry import Retried
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.terminal import cell

if TYPE_CHECKING:
    from ingest_project.restore.restore import TableRestored


def retry_lines(retried: Retried, settings: Settings) -> Iterator[str]:
    """What was put back and who takes it, what was left alone, or that nothing matched."""
    for (queue, table), count in sorted(retried.objects.items()):
        yield f"{count:,} object versions of {table} are pending again; {_taker(queue, table, settings)}."
    for batch_id, queue in retried.batches.items():
        yield f"Batch {batch_id} may start at once; {_taker(queue, None, settings)}."
    if retried.left_alone:
        counts = ", ".join(f"{count:,} {state}" for state, count in sorted(retried.left_alone.items()))
        yield f"Left alone: {counts}."
    if retried.more:
        yield "There are more: run it again."
    if not retried.queues:
        yield "Nothing that matches has failed, is parked, or waits for another try."


def replay_lines(replayed: Replayed, table: TableSettings, settings: Settings) -> Iterator[str]:
    """What will be read again and by whom, or that there is nothing to read again."""
    if replayed.batches:
        yield (
            f"{replayed.objects:,} object versions of {table.name} with {replayed.rejected_rows:,} rows in quarantine "
            f"are read again in {len(replayed.batches):,} batches; {_taker(table.queue, table.name, settings)}."
        )
    if replayed.busy:
        yield f"Left alone, as work on their keys is under way: {replayed.busy:,}. Run it again afterwards."
    if replayed.more:
        yield "There are more: run it again."
    if not replayed.batches and not replayed.busy:
        yield f"No object version of {table.name} that matches has rows in quarantine."


def render_restored(tables: Sequence["TableRestored"], console: Console, *, dry_run: bool) -> None:
    """Print what each table holds, what of it the ledger learnt, and what a person has to look at."""
    grid = Table(box=SIMPLE_HEAD)
    for header in ("table", "#objects", "#rows", "#new", "#taken", "#known", "#left", "#older", "#undated"):
        grid.add_column(header.removeprefix("#"), justify="right" if header.startswith("#") else "left")
    for one in tables:
        made = one.restored
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


def _taker(queue: str, table: str | None, settings: Settings) -> str:
    known = next((one for one in settings.queues if one.name == queue), None)
    if known is None:
        return f"but the settings have no queue {queue}, so nothing takes them"
    if table is not None and all(one.name != table for one in settings.tables_of(queue)):
        return f"but queue {queue} feeds no table {table} in the settings, so nothing takes them"
    if not known.enabled:
        return (
            f"but {queue}_sensor is stopped by the settings (enabled: false), unless somebody has started it"
        )
    return f"the next tick of {queue}_sensor takes them"


def _remarks(one: "TableRestored") -> Iterator[str]:
    if one.snapshot_id is None:
        yield "there is no table, or nothing was ever committed to it"
    if one.foreign_rows:
        yield f"{one.foreign_rows:,} rows of other writers were left out: they name no object"
    if one.without_partition:
        yield f"{one.without_partition:,} object versions name no partition of the settings; they are known without one"
    if one.several_writes:
        examples = ", ".join(one.examples[:3])
        yield (
            f"{one.several_writes:,} keys have rows of more than one write or batch, as ingesting with an empty ledger "
            f"leaves them behind; materialize their partitions: {examples}"
        )
    if one.leftover_rows:
        yield f"{one.leftover_rows:,} rows in quarantine are of batches that were never committed; they come again with their events"
    if one.moved:
        yield "it was committed to meanwhile; stop the sensors, let the runs end, and run this again"
