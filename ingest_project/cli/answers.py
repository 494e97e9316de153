"""What the commands of `ingest` share: the services of the settings, parsing of times, JSON on stdout."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest_project.settings.duration import parse_duration
from ingest_project.settings.error_classes import ERROR_CLASSES

if TYPE_CHECKING:
    from ingest_project.services import Services
    from ingest_project.settings.model import Settings


def duration(text: str) -> timedelta:
    """A length of time: `90s`, `15m`, `12h`, `30d`, `2w`."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is {error}") from None


def time(text: str) -> datetime:
    """A time in UTC: ISO 8601, or a length of time before now."""
    with suppress(ValueError):
        return datetime.now(UTC) - parse_duration(text)
    try:
        written = datetime.fromisoformat(text)
        return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is not a time; write it like 2026-11-20T13:00 or 2d") from None


def text(written: str) -> str:
    """Text that a database accepts. Raises BadParameter if an argument's bytes are not UTF-8."""
    try:
        written.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("it is not valid UTF-8") from None
    return written


def error_class(written: str) -> str:
    """The name of an error class of docs/errors.md."""
    if written not in ERROR_CLASSES:
        near = get_close_matches(written, ERROR_CLASSES, 1)
        remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(ERROR_CLASSES)}"
        raise click.BadParameter(f"{written!r} is not an error class; {remedy}")
    return written


def hint_at_unknown_table(settings: "Settings", table: str | None) -> None:
    """Says on stderr that the settings have no such table.

    Call it if nothing was found: removed tables keep a history.
    """
    from ingest_project.settings.job_settings import job_table

    kinds = settings.jobs.names if settings.jobs is not None else ()
    known = [*(one.name for one in settings.tables), *map(job_table, kinds)]
    if table is not None and table not in known:
        click.echo(f"ingest.yaml has no table {table!r}: it has {', '.join(known) or 'none'}", err=True)


def json_option(command: Any) -> Any:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs.")(
        command
    )


def open_services(config: Path | None) -> "Services":
    """The services of the settings, none opened yet. Raises SettingsError."""
    from ingest_project.services import Services
    from ingest_project.settings.load import load_settings

    return Services(load_settings(config))


def print_json(value: Any) -> None:
    """Print a value made of dataclasses' dictionaries as JSON."""
    click.echo(json.dumps(value, indent=2, default=_json_value))


def _json_value(value: object) -> str:
    """Times as ISO 8601, all with the offset of UTC."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no representation in our JSON")
