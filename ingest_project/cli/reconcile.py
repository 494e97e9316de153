"""`ingest reconcile`: compare what S3 holds with the ledger and a table, and ingest what is missing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from ingest_project.cli.answers import duration, json_option, open_services, print_json, text, time
from ingest_project.reports.terminal import make_console

if TYPE_CHECKING:
    from ingest_project.ingestion.reconcile.result import OnProgress, Progress


@click.command()
@click.argument("table", type=text)
@click.option("--since", type=time, help="Written since this time: 7d, 12h, or an ISO time in UTC.")
@click.option("--until", type=time, help="Written before this time.")
@click.option("--prefix", type=text, help="Keys with this prefix, within that of the table.")
@click.option("--grace", type=duration, help="Do not judge younger objects; default: the table's, or 1h.")
@click.option(
    "--inventory", type=text, metavar="s3://.../manifest.json", help="Instead of a listing: an S3 Inventory."
)
@click.option(
    "--metadata-table",
    type=text,
    metavar="NAMESPACE.TABLE",
    help="Instead of a listing: a journal or inventory table of S3 Metadata.",
)
@click.option("--enqueue", is_flag=True, help="Claim what is missing: the queue's sensor ingests it.")
@json_option
@click.pass_context
def reconcile(
    context: click.Context,
    /,
    *,
    table: str,
    since: datetime | None,
    until: datetime | None,
    prefix: str | None,
    grace: timedelta | None,
    inventory: str | None,
    metadata_table: str | None,
    enqueue: bool,
    as_json: bool,
) -> None:
    """Compare what S3 holds with the ledger and TABLE.

    Finds objects that are missing, that have changed, that are gone from S3, and rows that the ledger does
    not know. With --enqueue what is missing is ingested by the queue's sensor, which has to run: the command
    waits while as many objects wait as a tick may receive. If it is interrupted, run it again. Exits with 1
    if something is missing or changed and was not enqueued, or if rows are unknown.
    """
    if inventory is not None and metadata_table is not None:
        raise click.UsageError("give either --inventory or --metadata-table")
    services = open_services(context.obj)
    try:
        settings = services.settings.table(table)
    except KeyError:
        raise click.UsageError(f"the settings have no table {table!r}") from None
    from ingest_project.ingestion.reconcile.reconcile import Wanted
    from ingest_project.ingestion.reconcile.scope import scheduled_scope, scope_of
    from ingest_project.settings.clocks import utc_now

    allowed = scheduled_scope(settings, utc_now()).grace if grace is None else grace
    try:
        scope = scope_of(settings, prefix=prefix, since=since, until=until, grace=allowed)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    services.existing_ledger()
    queue = services.settings.queue(settings.queue)
    listing = None if inventory is None else services.inventory(inventory, settings)
    if metadata_table is not None:
        listing = services.metadata_listing(metadata_table, settings)
    with _shown(quiet=as_json) as on_progress:
        result = services.reconcile.run(settings, queue, Wanted(scope, listing, enqueue), on_progress)
    if as_json:
        print_json({"even": result.is_even, "done": result.is_done, **asdict(result)})
    else:
        from ingest_project.reports.reconciled import render_reconciled

        render_reconciled(result, settings, make_console(), enqueue=enqueue)
    context.exit(0 if result.is_done else 1)


@contextmanager
def _shown(*, quiet: bool) -> Iterator["OnProgress"]:
    """A progress bar on stderr, if that is a terminal."""
    from rich import progress as rich
    from rich.console import Console

    bar = rich.Progress(
        rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[note]}"), rich.TimeElapsedColumn(),
        console=Console(stderr=True), disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        tasks: dict[str, rich.TaskID] = {}

        def show(progress: "Progress") -> None:
            if progress.step not in tasks:
                tasks[progress.step] = bar.add_task(progress.step, total=None, note="")
            bar.update(
                tasks[progress.step], completed=progress.done, total=progress.total, note=progress.note
            )

        yield show
