"""`ingest dlq` and `ingest redrive`: what lies in the dead-letter queues and why, and how to move it back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ingest_project.cli.answers import duration, error_class, json_option, open_services, print_json, text
from ingest_project.errors import IngestError
from ingest_project.reports.terminal import cell, make_console, printable

if TYPE_CHECKING:
    from ingest_project.ingestion.dead_letters.dead_letter_queue import DeadLetterQueue
    from ingest_project.ingestion.dead_letters.letter import Wanted
    from ingest_project.services import Services


def filters(command: Any) -> Any:
    """The options that select messages; all given options must hold."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option("--reason", type=text, help="Messages with this text in a reason, in any case."),
        click.option(
            "--error-class",
            type=error_class,
            help="Messages with an object that failed with this class, such as missing or unreadable.",
        ),
        click.option("--older-than", type=duration, help="Sent longer ago than this: 2d, 12h."),
        click.option(
            "--object",
            "objects",
            multiple=True,
            type=text,
            metavar="KEY|URI|GLOB",
            help="Messages that name such an object: a key, an s3:// or sqs:// URI, or a glob with * and ?; "
            "repeatable.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("queue", required=False, type=text)
@filters
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True,
    help="How many messages of each DLQ to look at.",
)  # fmt: skip
@json_option
@click.pass_context
def dlq(context: click.Context, /, *, queue: str | None, limit: int, as_json: bool, **asked: Any) -> None:
    """Show what lies in the DLQ of QUEUE, or of every queue, and why.

    That is: the message's age, its objects or the start of its body, and the ledger's reason. Nothing is
    consumed: for the time of the look the messages are invisible to others, and their receive counts rise.
    """
    services = open_services(context.obj)
    wanted = _wanted(asked)
    from ingest_project.reports.dead_letters import look_answer, remark, render_look

    looks = [one.look(wanted, limit=limit) for one in _dead_letter_queues(services, queue)]
    now = datetime.now(UTC)
    for look in looks:
        if (warning := remark(look)) is not None:
            click.echo(f"warning: {printable(warning)}", err=True)
    if as_json:
        print_json({"queues": [look_answer(look, now) for look in looks]})
        return
    for look in looks:
        render_look(look, make_console(), now)


@click.command()
@click.argument("queue", required=False, type=text)
@filters
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="At most so many messages a second."
)
@click.option("--dry-run", is_flag=True, help="Only count what would be moved and deleted.")
@json_option
@click.pass_context
def redrive(
    context: click.Context,
    /,
    *,
    queue: str | None,
    rate: float | None,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Move messages from the DLQ of QUEUE, or of every queue, back to their queue.

    Without options: all of them. What is ingested or settled already is deleted instead. The id under which a
    message was first sent travels with it, so a message that is a row stays the same row. It may be
    interrupted and run again: nothing is ingested twice. Exits with 1 if a message could not be moved.
    """
    services = open_services(context.obj)
    wanted = _wanted(asked)
    from ingest_project.reports.dead_letters import (
        RedriveProgress,
        redrive_answer,
        redrive_lines,
        remark,
    )

    all_done, is_well = [], True
    for one in _dead_letter_queues(services, queue):
        try:
            with RedriveProgress(one.queue.name) as progress:
                done = one.redrive(wanted, rate=rate, dry_run=dry_run, progress=progress.show)
        except IngestError as error:  # what was done in other queues is told nevertheless
            click.echo(f"error: {printable(str(error))}", err=True)
            is_well = False
            continue
        all_done.append(done)
        is_well = is_well and not done.failed and done.stopped is None
        if (warning := remark(done)) is not None:
            click.echo(f"warning: {printable(warning)}", err=True)
        for line in () if as_json else redrive_lines(done):
            make_console().print(cell(line), soft_wrap=True)
    if as_json:
        print_json({"queues": [redrive_answer(done) for done in all_done]})
    context.exit(0 if is_well else 1)


def _wanted(asked: dict[str, Any]) -> "Wanted":
    from ingest_project.ingestion.dead_letters.letter import Wanted

    return Wanted(**asked)


def _dead_letter_queues(services: "Services", queue: str | None) -> list["DeadLetterQueue"]:
    """The DLQ of this queue, or those of all queues; at least one. Raises UsageError."""
    known = [one.name for one in services.settings.queues]
    if queue is not None and queue not in known:
        raise click.UsageError(
            f"the settings have no queue {queue!r}; known are {', '.join(known) or 'none'}"
        )
    found = [services.dead_letters(name) for name in ([queue] if queue is not None else known)]
    with_dlq = [one for one in found if one is not None]
    if not with_dlq:
        raise click.UsageError(
            f"{f'queue {queue}' if queue is not None else 'no queue of the settings'} has "
            f"{'no' if queue is not None else 'a'} DLQ; `ingest check` says how to get one"
        )
    return with_dlq
