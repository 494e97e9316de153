"""`ingest api`: jobs over HTTP; `ingest api token` makes a token for a requester."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest_project.cli.answers import duration, text
from ingest_project.errors import SettingsError
from ingest_project.settings.clocks import utc_now

if TYPE_CHECKING:
    from ingest_project.settings.model import Settings


@click.group(invoke_without_command=True)
@click.option("--host", type=text, help="Where it listens; default: `api.host`.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Default: `api.port`; 0: a free one, which is printed."
)
@click.pass_context
def api(context: click.Context, host: str | None, port: int | None) -> None:
    """Serve jobs over HTTP, with a page for people at /.

    Runs until Ctrl-C or SIGTERM; what is in progress then may end. The access log is on stdout, one JSON
    object for each request.
    """
    if context.invoked_subcommand is not None:
        return
    settings = _settings(context.obj)
    try:
        from ingest_project.api.serve import serve
    except ModuleNotFoundError as error:
        remedy = "install the project with its `api` extra"
        raise SettingsError([f"api: {error.name} is not installed; {remedy}"]) from error
    serve(settings, host=host, port=port, listens=_say_where)


@api.command()
@click.argument("name", type=text)
@click.option("--scope", "scopes", type=text, multiple=True, required=True, help=(
    "What it allows; may be given several times: job:KIND, job:*, table:NAME, table:*, jobs:read_all, "
    "jobs:cancel_all, metrics."
))  # fmt: skip
@click.option("--expires", type=duration, help="How long it is valid, like 90d. Default: without end.")
@click.option("--replace", is_flag=True, help="Remove the other tokens of NAME.")
@click.pass_context
def token(
    context: click.Context, name: str, scopes: tuple[str, ...], expires: timedelta | None, replace: bool
) -> None:
    """Make a token for NAME, and print it once.

    Its digest is added to the file of `api.tokens`, which a running API reads again. If the tokens are in AWS
    Secrets Manager, the entry to add there is printed instead.
    """
    from ingest_project.api.tokens import add_to_file, new_token

    settings = _settings(context.obj)
    tokens = None if settings.api is None else settings.api.tokens
    if tokens is None:
        raise SettingsError(["api.tokens: the settings do not say where tokens are; add `file: tokens.json`"])
    try:
        made = new_token(name, scopes, _end(expires))
        if tokens.file is None:
            _show_entry(made.entry)
        else:
            add_to_file(Path(tokens.file), made.entry, replaces=replace)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise SettingsError([f"{tokens.file}: it cannot be written ({error.strerror})"]) from error
    click.echo(made.token)


def _settings(config: Path | None) -> "Settings":
    from ingest_project.settings.load import load_settings

    return load_settings(config)


def _say_where(url: str) -> None:
    click.echo(f"ingest api listens on {url}", err=True)


def _end(expires: timedelta | None) -> datetime | None:
    return None if expires is None else utc_now() + expires


def _show_entry(entry: dict[str, Any]) -> None:
    import json

    click.echo("add this entry to the `tokens` of the secret:", err=True)
    click.echo(json.dumps(entry), err=True)
