"""The commands on the ledger: history, retry, dismiss, replay, and `ingest ledger recover` and `prune`."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ingest_project.cli.answers import (
    duration,
    error_class,
    hint_at_unknown_table,
    json_option,
    open_services,
    print_json,
    text,
    time,
)
from ingest_project.reports.terminal import cell, make_console
from ingest_project.settings.wording import plural

if TYPE_CHECKING:
    from ingest_project.ledger.selection import Selection

STATES = ("pending", "planned", "failed", "committed", "quarantined", "superseded", "skipped")


@click.command()
@click.argument("table", required=False, type=text)
@click.option(
    "--key", "keys", multiple=True, type=text, help="A key, an s3:// URI, or a glob with * and ?; repeatable."
)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Repeatable.")
@click.option(
    "--error-class",
    type=error_class,
    help="Objects that failed with this class, such as missing or unreadable.",
)
@click.option("--batch", "batch_id", type=text, help="All objects of this batch, ingested or not.")
@click.option("--since", type=time, help="Claimed since this time: 2d, 12h, or an ISO time in UTC.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--verbose", "-v", is_flag=True, help="Show messages and attempts, as for a single object.")
@click.option("--rejected", is_flag=True, help="Show the messages that are left to the DLQ instead.")
@json_option
@click.pass_context
def history(
    context: click.Context, /, table: str | None, rejected: bool, as_json: bool, verbose: bool, **asked: Any
) -> None:
    """Show what became of each object version, newest first.

    That is: its state, rows, error and snapshot; when it was put, claimed and committed, and when its
    messages were deleted; its batches and runs.
    """
    services = open_services(context.obj)
    if rejected:
        if table or asked["keys"] or asked["states"] or asked["error_class"] or asked["batch_id"]:
            raise click.UsageError("--rejected goes with --since, --limit and --json only")
        _rejected(services, asked["since"], asked["limit"], as_json=as_json)
        return
    from ingest_project.ledger.history import HistoryQuery
    from ingest_project.ledger.model import ObjectState
    from ingest_project.reports.history import expand_keys, render_history

    states = tuple(ObjectState(state) for state in asked["states"])
    keys = expand_keys(asked["keys"], services.settings, table)
    query = HistoryQuery(
        table, keys, states, asked["error_class"], asked["since"], asked["limit"], asked["batch_id"]
    )
    found = services.existing_ledger().history(query)
    if not found:
        hint_at_unknown_table(services.settings, table)
    if as_json:
        print_json({"objects": [asdict(one) for one in found], "limit": query.limit})
    else:
        filters = _filters(table, asked)
        render_history(found, make_console(), verbose=verbose, limit=query.limit, filters=filters)


def selection_options(*, batch: str) -> Callable[[Any], Any]:
    """The options that select object versions; all given options must hold.

    `batch` is the help of `--batch`.
    """
    options = (
        click.option(
            "--object", "uris", multiple=True, type=text, metavar="s3://BUCKET/KEY", help="Repeatable."
        ),
        click.option("--batch", "batch_id", type=text, help=batch),
        click.option(
            "--error-class",
            type=error_class,
            help="Objects that failed with this class, such as missing or unreadable.",
        ),
        click.option("--table", type=text, help="Failed objects of this table."),
    )

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command()
@selection_options(batch="Failed objects of this batch, or the open batch itself.")
@json_option
@click.pass_context
def retry(context: click.Context, /, *, as_json: bool, **asked: Any) -> None:
    """Put failed work back, to be tried again at once.

    That is: objects that failed, were parked, or wait for their next try. With several options all must hold.
    Objects that were skipped, by rule or because they were dismissed, are put back only by --object. Exits
    with 1 if nothing matched.
    """
    selection = _selection("retry", asked)
    services = open_services(context.obj)
    from ingest_project.reports.repairs import retry_lines

    retried = services.existing_ledger().retry(selection)
    if not retried.queues:
        hint_at_unknown_table(services.settings, selection.table)
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
@selection_options(batch="Failed objects of this batch.")
@json_option
@click.pass_context
def dismiss(context: click.Context, /, *, as_json: bool, **asked: Any) -> None:
    """Settle failed work that will not be ingested.

    Objects that failed or were parked become skipped, their messages may be deleted, and the check
    failed_objects passes. With several options all must hold. The history stays, and `ingest retry --object`
    puts an object back. Exits with 1 if nothing matched.
    """
    selection = _selection("dismiss", asked)
    services = open_services(context.obj)
    from ingest_project.reports.repairs import dismissal_lines

    dismissed = services.existing_ledger().dismiss(selection)
    if not dismissed.objects:
        hint_at_unknown_table(services.settings, selection.table)
    if as_json:
        counts = [
            {"queue": queue, "table": table, "error_class": error_class, "objects": count}
            for (queue, table, error_class), count in dismissed.objects.items()
        ]
        print_json({"objects": counts, "left_alone": dict(dismissed.left_alone), "more": dismissed.more})
    else:
        for line in dismissal_lines(dismissed):
            make_console().print(cell(line))
    context.exit(0 if dismissed.objects else 1)


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
    """Read objects of TABLE again that have rows in quarantine.

    Run it once the settings or the reader are corrected. Each object's rows and its rows in quarantine are
    replaced in one batch, which the next tick of the queue's sensor starts. Objects that cannot be read any
    more stay as they are. Exits with 1 if nothing matched.
    """
    _check_uris(uris)
    services = open_services(context.obj)
    from ingest_project.reports.repairs import replay_lines

    try:
        settings = services.settings.table(table)
    except KeyError:
        raise click.UsageError(f"the settings have no table {table!r}") from None
    services.existing_ledger()
    replayed = services.replay(table, uris=uris, whole=whole)
    if as_json:
        print_json({"objects": replayed.objects, **asdict(replayed)})
    else:
        for line in replay_lines(replayed, settings, services.settings):
            make_console().print(cell(line))
    context.exit(0 if replayed.batches else 1)


@click.group()
def ledger() -> None:
    """Maintain the ledger: recover a lost one, prune a long one."""


@ledger.command()
@click.option("--table", "tables", multiple=True, type=text, help="Only this table; repeatable.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, without writing.")
@json_option
@click.pass_context
def recover(context: click.Context, tables: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Rebuild a lost ledger from the tables' own rows and S3's listing.

    Stop the sensors first and let the runs end. Exits with 1 if a table changed meanwhile, or a key has rows
    of more than one write.
    """
    services = open_services(context.obj)
    known = {table.name: table for table in services.settings.tables}
    if unknown := [name for name in tables if name not in known]:
        raise click.UsageError(f"the settings have no table {unknown[0]!r}")
    found = [services.recovery.run(known[name], dry_run=dry_run) for name in tables or known]
    if as_json:
        print_json({"dry_run": dry_run, "tables": [asdict(one) for one in found]})
    else:
        from ingest_project.reports.repairs import render_recovered

        render_recovered(found, make_console(), dry_run=dry_run)
    context.exit(0 if all(one.is_sound for one in found) else 1)


@ledger.command("rebuild", hidden=True, params=recover.params)
@click.pass_context
def renamed(context: click.Context, /, **given: Any) -> None:
    """The former name of `ingest ledger recover`: a rebuild is a partition's."""
    click.echo("`ingest ledger rebuild` is called `ingest ledger recover` now", err=True)
    context.invoke(recover, **given)


@ledger.command()
@click.option("--older-than", type=duration, required=True, help="At least 14d; 30d is recommended.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, without deleting.")
@json_option
@click.pass_context
def prune(context: click.Context, older_than: timedelta, dry_run: bool, as_json: bool) -> None:
    """Delete history that no message can need any more.

    Objects that are in a table, open, failed or parked are kept, and jobs that have not ended. Safe while
    sensors run, and if interrupted.
    """
    from ingest_project.ledger.prune import MINIMUM_AGE

    if older_than < MINIMUM_AGE:
        raise click.UsageError(
            f"--older-than: SQS may deliver a message for {MINIMUM_AGE.days} days; keep at least as many"
        )
    services = open_services(context.obj)
    services.existing_ledger()
    pruned = services.prune(older_than=older_than, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(pruned)})
        return
    verb = "Would delete" if dry_run else "Deleted"
    click.echo(
        f"{verb} {plural(pruned.messages, 'message')}, {plural(pruned.batches, 'batch')}, "
        f"{plural(pruned.object_versions, 'object version')}, "
        f"{plural(pruned.message_contents, 'content')} of messages and {plural(pruned.jobs, 'job')}."
    )


def _selection(verb: str, asked: dict[str, Any]) -> "Selection":
    """What the options select. Raises UsageError if the selection is empty, or a URI is invalid."""
    from ingest_project.ledger.selection import Selection

    selection = Selection(**asked)
    if selection.is_empty:
        raise click.UsageError(f"say what to {verb}: --object, --batch, --error-class or --table")
    _check_uris(selection.uris)
    return selection


def _filters(table: str | None, asked: dict[str, Any]) -> list[str]:
    """The filters of a history, as they were typed."""
    named = {
        "table": [table],
        "--key": asked["keys"],
        "--state": asked["states"],
        "--error-class": [asked["error_class"]],
        "--batch": [asked["batch_id"]],
    }
    since = [] if asked["since"] is None else [f"--since {asked['since']:%Y-%m-%dT%H:%M}"]
    return [
        f"{name} {value}" for name, values in named.items() for value in values if value is not None
    ] + since


def _rejected(services: Any, since: datetime | None, limit: int, *, as_json: bool) -> None:
    from ingest_project.reports.history import render_rejected

    queues = [queue.name for queue in services.settings.queues]
    found = services.existing_ledger().rejected_messages(queues, since=since, limit=limit)
    if as_json:
        print_json({"messages": [asdict(one) for one in found], "limit": limit})
    else:
        render_rejected(found, make_console())


def _check_uris(uris: tuple[str, ...]) -> None:
    from ingest_project.sources.object_version import is_object_uri

    if wrong := [uri for uri in uris if not is_object_uri(uri)]:
        raise click.UsageError(f"--object takes s3://BUCKET/KEY or sqs://QUEUE/MESSAGE-ID, not {wrong[0]!r}")
