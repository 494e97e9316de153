"""`ingest expire`: expire old snapshots of the tables, and delete the files that only they reach."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ingest_project.cli.answers import duration, json_option, open_services, print_json, text
from ingest_project.errors import IngestError, LedgerAbsent
from ingest_project.reports.terminal import printable

if TYPE_CHECKING:
    from ingest_project.iceberg.expiry.expire import Expired


@click.command()
@click.argument("table", type=text, required=False)
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@click.option(
    "--keep", type=click.IntRange(min=1), help="Keep so many of the newest; default: the table's, or 100."
)
@click.option("--min-age", type=duration, help="Keep younger ones; default: the table's, or 7d.")
@json_option
@click.pass_context
def expire(
    context: click.Context,
    /,
    *,
    table: str | None,
    dry_run: bool,
    keep: int | None,
    min_age: timedelta | None,
    as_json: bool,
) -> None:
    """Expire old snapshots of TABLE and of its quarantine, and delete the files that only they reach.

    Without TABLE: of all tables, except those with `expire: null`. A snapshot stays if it is one of the
    newest, young, referred to by a branch or a tag, or not older than the oldest unsettled batch of its
    table. Safe while runs commit, and if it is interrupted: run it again. Exits with 1 if a table failed.
    """
    services = open_services(context.obj)
    try:
        tables = [services.settings.table(table)] if table else services.settings.tables
    except KeyError:
        raise click.UsageError(f"the settings have no table {table!r}") from None
    from ingest_project.reports.expired import expiry_line

    found: list[Expired] = []
    errors: list[str] = []
    for one in tables:
        if table is None and one.expire is None:
            continue
        try:
            for expired in services.expire.run(one, keep=keep, min_age=min_age, dry_run=dry_run):
                found.append(expired)
                if not as_json:
                    click.echo(printable(expiry_line(expired, dry_run=dry_run)))
        except LedgerAbsent:
            raise
        except IngestError as error:
            errors.append(str(error))
            click.echo(f"error: {printable(str(error))}", err=True)
    if as_json:
        print_json({"dry_run": dry_run, "tables": [asdict(one) for one in found], "errors": errors})
    context.exit(1 if errors else 0)
