"""The result of a reconciliation for people."""

from rich.console import Console

from ingest_project.ingestion.reconcile.result import Finding, Reconciled
from ingest_project.reports.listing import Listing
from ingest_project.reports.terminal import cell
from ingest_project.settings.model import TableSettings
from ingest_project.settings.wording import plural

NEXT: dict[Finding, str] = {
    Finding.MISSING: "missing: S3 holds them, and no event has named them",
    Finding.CHANGED: "changed: S3 holds a newer write, and no event has named it",
    Finding.GONE: "gone: the table has their rows, and S3 does not hold them; materialize their partitions "
    "to remove the rows",
    Finding.UNKNOWN: "unknown: the table has their rows, and the ledger does not know them; stop the sensors "
    "and run `ingest ledger recover`",
}


def render_reconciled(
    result: Reconciled, table: TableSettings, console: Console, *, enqueue: bool = False
) -> None:
    """Print what was compared, what differs, with examples, and what to do."""
    known = ", ".join(f"{name} {count:,}" for name, count in result.known.items()) or "none"
    console.print(
        cell(f"{table.name}: {plural(result.listed, 'object')} of {result.source}/{result.prefix}: {known}")
    )
    for finding, count in result.found.items():
        style = "yellow" if finding is Finding.GONE else "bold red"
        console.print(cell(f"{count:,} {NEXT[finding]}", style), soft_wrap=True)
    if result.examples:
        listing = Listing("finding", "object", "version", "written (UTC)", "#bytes")
        for one in result.examples:
            written = "" if one.written_at is None else f"{one.written_at:%Y-%m-%d %H:%M:%S}"
            size = "" if one.size_bytes is None else f"{one.size_bytes:,}"
            listing.add(*map(cell, (one.finding.value, one.uri, one.version, written, size)))
        listing.print(console, name="object")
    if enqueue and result.enqueued:
        console.print(
            cell(f"{result.enqueued:,} enqueued; the next ticks of {table.queue}_sensor take them.")
        )
    if enqueue and result.left:
        console.print(cell(f"{result.left:,} not enqueued: {result.why_left}", "yellow"), soft_wrap=True)
    elif result.left:
        console.print(cell("--enqueue lets the queue's sensor ingest what is missing."))
    elif result.is_even:
        console.print("S3, the ledger and the table agree.")
