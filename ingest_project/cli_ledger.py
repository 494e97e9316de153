"""The commands that look into the ledger, put failed work back, and keep the ledger itself in order."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from ingest_project.cli_answers import (
    duration,
    error_class,
    hint_at_unknown_table,
    json_option,
    open_services,
    print_json,
    text,
    time,
)
from ingest_project.terminal import cell, make_console

STATES = ("pending", "planned", "failed", "committed", "quarantined", "superseded", "skipped")


@click.command()
@click.argument("table", required=False, type=text)
@click.option(
    "--key", "keys", multiple=True, type=text, help="A key, an s3:// URI, or a glob with * and ?; repeatable."
)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Repeatable.")
@click.option(
    "--error-class", type=error_class, help="What failed for this reason, such as missing or unreadable."
)
@click.option("--since", type=time, help="Claimed since then: 2d, 12h, or an ISO time in UTC.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--verbose", "-v", is_flag=True, help="With messages and attempts, as for a single object.")
@click.option("--rejected", is_flag=True, help="The messages that are left to the DLQ, instead.")
@json_option
@click.pass_context
def history(
    context: click.Context, /, table: str | None, rejected: bool, as_json: bool, verbose: bool, **asked: Any
) -> None:
    """Show what became of each object version, newest first.

    That is: its state, rows, error and snapshot, when it was put, claimed, committed and its messages deleted, and by which batches and runs.
    """
    services = open_services(context.obj)
    if rejected:
        if table or asked["keys"] or asked["states"] or asked["error_class"]:
            raise click.UsageError("--rejected goes with --since, --limit and --json only")
        _rejected(services, asked["since"], asked["limit"], as_json=as_json)
        return
    from ingest_project.batches.history import HistoryQuery
    from ingest_project.batches.model import ObjectState
    from ingest_project.history import expand_keys, render_history

    states = tuple(ObjectState(state) for state in asked["states"])
    keys = expand_keys(asked["keys"], services.settings, table)
    query = HistoryQuery(table, keys, states, asked["error_class"], asked["since"], asked["limit"])
    found = services.ledger.history(query)
    if not found:
        hint_at_unknown_table(services.settings, table)
    if as_json:
        print_json({"objects": [asdict(one) for one in found], "limit": query.limit})
    else:
        render_history(found, make_console(), verbose=verbose, limit=query.limit)


@click.command()
@click.option("--object", "uris", multiple=True, type=text, metavar="s3://BUCKET/KEY", help="Repeatable.")
@click.option(
    "--batch", "batch_id", type=text, help="What this batch could not ingest, or the open batch itself."
)
@click.option(
    "--error-class", type=error_class, help="What failed for this reason, such as missing or unreadable."
)
@click.option("--table", type=text, help="What failed of this table.")
@json_option
@click.pass_context
def retry(
    context: click.Context,
    /,
    *,
    uris: tuple[str, ...],
    batch_id: str | None,
    error_class: str | None,
    table: str | None,
    as_json: bool,
) -> None:
    """Put failed work back, to be tried again at once.

    That is: what failed or was parked, and what waits for its next try. With several options all must hold. What was skipped by rule comes back only by --object. Exits with 1 if nothing matched.
    """
    from ingest_project.batches.retry import RetrySelection

    selection = RetrySelection(uris, batch_id, error_class, table)
    if selection.is_empty:
        raise click.UsageError("say what to retry: --object, --batch, --error-class or --table")
    _check_uris(uris)
    services = open_services(context.obj)
    from ingest_project.repairs import retry_lines

    retried = services.ledger.retry(selection)
    if not retried.queues:
        hint_at_unknown_table(services.settings, table)
    if as_json:
        counts = [
            {"queue": queue, "table": name, "objects": count}
            for (queue, name), count in retried.objects.items()
        ]
        print_json(
            {
                "objects": counts, "batches": dict(retried.batches), "left_alone": dict(retried.left_alone),
                "more": retried.more,
            }
        )  # fmt: skip
    else:
        for line in retry_lines(retried, services.settings):
            make_console().print(cell(line))
    context.exit(0 if retried.queues else 1)


@click.command()
@click.argument("table", type=text)
@click.option("--object", "uris", multiple=True, type=text, metavar="s3://BUCKET/KEY", help="Repeatable.")
@click.option(
    "--all", "whole", is_flag=True, help="Every object in the table, not only those with rows in quarantine."
)
@json_option
@click.pass_context
def replay(
    context: click.Context, /, table: str, uris: tuple[str, ...], *, whole: bool, as_json: bool
) -> None:
    """Read objects of TABLE again, for their rows in quarantine.

    To be run once the settings or the data's reader are mended. Each object's rows and its rows in quarantine are replaced in one batch, which the next tick of the queue's sensor starts. Objects that cannot be read any more stay as they are. Exits with 1 if nothing matched.
    """
    _check_uris(uris)
    services = open_services(context.obj)
    from ingest_project.repairs import replay_lines

    try:
        settings = services.settings.table(table)
    except KeyError:
        raise click.UsageError(f"the settings have no table {table!r}") from None
    replayed = services.replay(table, uris=uris, whole=whole)
    if as_json:
        print_json({"objects": replayed.objects, **asdict(replayed)})
    else:
        for line in replay_lines(replayed, settings, services.settings):
            make_console().print(cell(line))
    context.exit(0 if replayed.batches else 1)


@click.group()
def ledger() -> None:
    """Keep the ledger in order: rebuild a lost one, prune a long one."""


@ledger.command()
@click.option("--table", "tables", multiple=True, type=text, help="Only this table; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@json_option
@click.pass_context
def rebuild(context: click.Context, tables: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Make a lost ledger anew, from the tables' own rows and S3's listing.

    Stop the sensors first and let the runs end. Exits with 1 if a table moved meanwhile, or a key has rows of more than one write.
    """
    services = open_services(context.obj)
    known = {table.name: table for table in services.settings.tables}
    if unknown := [name for name in tables if name not in known]:
        raise click.UsageError(f"the settings have no table {unknown[0]!r}")
    found = [services.restore.run(known[name], dry_run=dry_run) for name in tables or known]
    if as_json:
        print_json({"dry_run": dry_run, "tables": [asdict(one) for one in found]})
    else:
        from ingest_project.repairs import render_restored

        render_restored(found, make_console(), dry_run=dry_run)
    context.exit(0 if all(one.is_sound for one in found) else 1)


@ledger.command()
@click.option("--older-than", type=duration, required=True, help="At least 14d, better 30d.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten, and forget nothing.")
@json_option
@click.pass_context
def prune(context: click.Context, older_than: timedelta, dry_run: bool, as_json: bool) -> None:
    """Forget history that nothing can ask for any more.

    What is in a table, open, failed or parked is kept. Safe while the sensors run, and to be interrupted.
    """
    from ingest_project.batches.prune import MINIMUM_AGE

    if older_than < MINIMUM_AGE:
        raise click.UsageError(
            f"--older-than: SQS may deliver a message for {MINIMUM_AGE.days} days; keep at least as much"
        )
    services = open_services(context.obj)
    pruned = services.prune(older_than=older_than, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(pruned)})
        return
    verb = "Would forget" if dry_run else "Forgot"
    click.echo(
        f"{verb} {pruned.messages:,} messages, {pruned.batches:,} batches and {pruned.object_versions:,} "
        "object versions."
    )


def _rejected(services: Any, since: datetime | None, limit: int, *, as_json: bool) -> None:
    from ingest_project.history import render_rejected

    queues = [queue.name for queue in services.settings.queues]
    found = services.ledger.rejected_messages(queues, since=since, limit=limit)
    if as_json:
        print_json({"messages": [asdict(one) for one in found], "limit": limit})
    else:
        render_rejected(found, make_console())


def _check_uris(uris: tuple[str, ...]) -> None:
    if wrong := [uri for uri in uris if not uri.startswith("s3://")]:
        raise click.UsageError(f"--object takes s3://BUCKET/KEY, not {wrong[0]!r}")
