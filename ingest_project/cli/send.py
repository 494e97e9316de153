"""`ingest send`: the lines of a file, or of stdin, as messages of a queue."""

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ingest_project.cli.answers import json_option, print_json, text
from ingest_project.errors import IngestError
from ingest_project.reports.terminal import cell, make_console
from ingest_project.settings.wording import plural

if TYPE_CHECKING:
    from ingest_project.cli.send_input import LineFormat, Part
    from ingest_project.reports.sending import Tally
    from ingest_project.sources.sqs.send import Sender


@click.command()
@click.argument("queue", type=text)
@click.argument("file", type=click.File("rb"), default="-", metavar="[FILE|-]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["lines", "ndjson"]),
    default="lines",
    show_default=True,
    help="lines: each line is a message body. ndjson: each line is an entry, "
    '{"MessageBody": "...", "MessageGroupId": "..."}, with SQS\'s keys.',
)
@click.option("--group-id", type=text, help="The MessageGroupId of messages that do not have their own.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="At most so many messages a second."
)
@click.option("--max-trials", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--failed",
    "failed_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what failed to this file, as NDJSON that --format ndjson reads.",
)
@json_option
@click.pass_context
def send(
    context: click.Context,
    /,
    *,
    queue: str,
    file: IO[bytes],
    form: str,
    group_id: str | None,
    rate: float | None,
    max_trials: int,
    failed_path: Path | None,
    as_json: bool,
) -> None:
    """Send the lines of FILE, or of stdin, to QUEUE.

    QUEUE is a name in the settings, or a URL. A file is checked before anything is sent: a line that is not
    an entry refuses all of them. Exits with 1 if messages failed.
    """
    from ingest_project.cli.send_input import PART_ENTRIES, LineFormat, parts
    from ingest_project.preview.settings import preview_settings
    from ingest_project.reports.sending import Tally
    from ingest_project.services import Services
    from ingest_project.sources.sqs.pace import Pace
    from ingest_project.sources.sqs.send import Sender

    line_format = LineFormat(form == "ndjson", group_id)
    if failed_path is not None and _is_same(failed_path, file):
        raise click.UsageError("--failed names the file that is read; choose another one")
    opened = Services(preview_settings(context.obj)).queue_at(queue)
    _check(file, line_format)
    sender = Sender(opened, max_trials=max_trials, pace=None if rate is None else Pace(rate))
    part_entries = PART_ENTRIES if rate is None else min(PART_ENTRIES, max(10, math.ceil(rate)))
    tally = Tally(queue, failed_file=None if failed_path is None else str(failed_path))
    with nullcontext() if failed_path is None else _opened(failed_path) as failed:
        _send_parts(sender, parts(file, line_format, part_entries), tally, failed, _size(file))
    if as_json:
        print_json(tally.answer())
    else:
        for line in tally.lines():
            make_console().print(cell(line), soft_wrap=True)
    context.exit(1 if tally.failed else 0)


def _check(file: IO[bytes], line_format: "LineFormat") -> None:
    """Raise InvalidEntries for any line of a file that is not an entry. Stdin cannot be read twice."""
    from ingest_project.cli.send_input import parts

    if _size(file) is not None:
        for _ in parts(file, line_format):
            pass
        file.seek(0)


def _send_parts(
    sender: "Sender", found: Iterator["Part"], tally: "Tally", failed: IO[str] | None, size: int | None
) -> None:
    """Send the input, a part after the other, until an outage: the parts after it would wait as long."""
    from ingest_project.cli.send_input import ndjson_line
    from ingest_project.reports.sending import SendProgress

    try:
        with SendProgress(tally, total_bytes=size) as progress:
            for part in found:
                result = sender.send(part.entries)
                tally.add(result, lines=part.lines, empty_lines=part.empty_lines)
                for one in result.failed:
                    if failed is not None:
                        failed.write(ndjson_line(one))
                progress.show(part.bytes_read)
                if tally.is_stopped:
                    break
    except (IngestError, KeyboardInterrupt):
        # The entries of a part that did not end may have been sent.
        click.echo(
            f"{plural(tally.sent, 'message')} sent and {tally.failed:,} failed before this, of the first "
            f"{plural(tally.read_lines, 'line')}",
            err=True,
        )
        raise


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--failed: {error}") from None
    with file:
        yield file


def _size(file: IO[bytes]) -> int | None:
    """The bytes of a regular file; None for a pipe, which can be read only once."""
    try:
        found = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _is_same(path: Path, file: IO[bytes]) -> bool:
    try:
        return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except (OSError, ValueError):
        return False
