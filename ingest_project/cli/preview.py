"""`ingest preview`: look at files before a table is declared for them, and write the declaration."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingest_project.cli.answers import json_option, print_json, text
from ingest_project.reports.terminal import cell, make_console

if TYPE_CHECKING:
    from ingest_project.preview.preview import Asked, Preview
    from ingest_project.preview.queue_look import QueueLook
    from ingest_project.services import Services

MESSAGES = 100
"""How many messages one look may receive: each look uses up one receive of a message."""


@click.command()
@click.argument("uri", required=False, type=text, metavar="[s3://BUCKET/PREFIX]")
@click.option("--queue", type=text, help="Preview the objects that this queue's messages name instead.")
@click.option("--table", type=text, help="The name for the suggestion, or the table to compare with.")
@click.option(
    "--objects", type=click.IntRange(1, 1_000), default=20, show_default=True, help="Objects to read."
)
@click.option("--rows", type=click.IntRange(0, 1_000), default=5, show_default=True, help="Rows to show.")
@click.option("--write", is_flag=True, help="Add a commented table to the settings file.")
@click.option("--into-queue", type=text, help="With --write: the queue that will feed the table.")
@json_option
@click.pass_context
def preview(
    context: click.Context,
    /,
    *,
    uri: str | None,
    queue: str | None,
    table: str | None,
    objects: int,
    rows: int,
    write: bool,
    into_queue: str | None,
    as_json: bool,
) -> None:
    """Look at files before they are ingested.

    Shows their format, their columns and types, a sample, and a table for them. Nothing is ingested
    and no message is deleted, but with --queue each message that is looked at counts as received once. Exits
    with 1 if nothing matched, or nothing could be read.
    """
    if (uri is None) == (queue is None):
        raise click.UsageError("say what to preview: s3://BUCKET/PREFIX, or --queue NAME")
    from ingest_project.preview.preview import Asked
    from ingest_project.preview.settings import preview_settings
    from ingest_project.services import Services

    services = Services(preview_settings(context.obj))
    look, found = _found(services, uri, queue, Asked(objects, rows, table))
    written = _write(context.obj, services, found, into_queue or queue) if write else None
    names = [one.name for one in services.settings.queues]
    _show(look, found, written, queue=into_queue or queue or next(iter(names), "QUEUE"), as_json=as_json)
    context.exit(0 if found and all(one.is_found for one in found) else 1)


def _found(
    services: "Services", uri: str | None, queue: str | None, asked: "Asked"
) -> tuple["QueueLook | None", Sequence["Preview"]]:
    from ingest_project.preview.places import groups
    from ingest_project.preview.preview import preview_prefix, previews_of
    from ingest_project.preview.queue_look import look

    if queue is None:
        bucket, _, prefix = (uri or "").removeprefix("s3://").partition("/")
        if not (uri or "").startswith("s3://") or not bucket:
            raise click.UsageError(f"{uri!r} is not a place in S3; write s3://BUCKET/PREFIX")
        return None, [preview_prefix(services, bucket, prefix, asked)]
    names = [one.name for one in services.settings.queues]
    if queue not in names:
        raise click.UsageError(
            f"the settings have no queue {queue!r}; known are {', '.join(names) or 'none'}"
        )
    looked = look(services.queue(queue), MESSAGES)
    tables = services.settings.tables_of(queue)
    return looked, previews_of(services, groups(looked.objects, tables), asked)


def _write(
    config: Path | None, services: "Services", found: Sequence["Preview"], queue: str | None
) -> str | None:
    """The name of the table that was written. Raises UsageError or SettingsError, and writes nothing."""
    from ingest_project.preview.config_file import add_table, refuse_taken
    from ingest_project.preview.entry import entry_lines, routed_table
    from ingest_project.preview.settings import settings_path

    new = [one for one in found if one.is_found and (len(found) == 1 or one.place.table is None)]
    if not new:
        return None
    if len(new) > 1:
        places = ", ".join(one.place.uri for one in new)
        raise click.UsageError(
            f"--write adds one table, but these are several: {places}; preview them one by one"
        )
    (one,) = new
    path = settings_path(config)
    if not path.exists():
        raise click.UsageError(
            f"{path} does not exist, so --write cannot add to it; start with the README's example"
        )
    into = _queue_for(services, queue)
    refuse_taken(services.settings, routed_table(one, into))
    add_table(path, entry_lines(one, into))
    return one.table


def _queue_for(services: "Services", queue: str | None) -> str:
    names = [one.name for one in services.settings.queues]
    if queue is not None and queue not in names:
        raise click.UsageError(
            f"the settings have no queue {queue!r}; known are {', '.join(names) or 'none'}"
        )
    if queue is None and len(names) != 1:
        raise click.UsageError(
            f"say which queue feeds the table: --into-queue, one of {', '.join(names) or 'none'}"
        )
    return queue or names[0]


def _show(
    look: "QueueLook | None", found: Sequence["Preview"], written: str | None, *, queue: str, as_json: bool
) -> None:
    from ingest_project.preview.answer import look_answer, preview_answer
    from ingest_project.preview.render import render_look, render_preview

    if as_json:
        previews = [preview_answer(one, queue) for one in found]
        print_json({"queue": look and look_answer(look), "previews": previews, "written": written})
        return
    console = make_console()
    if look is not None:
        render_look(look, console)
    for one in found:
        render_preview(one, console)
    if written is None and len(found) == 1 and found[0].is_found and found[0].place.table is None:
        console.print(cell(f"--write adds table {found[0].table} to the settings file"))
    if written is not None:
        console.print(cell(f"written: table {written}; review its entry, then run `ingest check`", "green"))
