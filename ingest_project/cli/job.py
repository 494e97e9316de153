"""`ingest job`: ask the API for jobs, and follow them.

Exit codes: 0 the job has completed, or the request was answered; 1 the job has failed; 2 the request was
refused, or the usage is wrong; 3 the job was cancelled; 4 the time to wait is over; 5 the API did not answer.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from ingest_project.cli.answers import duration, json_option, print_json, text
from ingest_project.errors import JobApiRefused, JobApiUnavailable, SettingsError
from ingest_project.reports.terminal import make_console, printable

if TYPE_CHECKING:
    from ingest_project.cli.job_client import JobClient, Status

STATES: Final = ("submitted", "queued", "running", "completed", "failed", "cancelled")
EXIT_CODES: Final = {"completed": 0, "failed": 1, "cancelled": 3}
REFUSED, TIMEOUT, NO_ANSWER = 2, 4, 5
DEFAULT_URL: Final = "http://127.0.0.1:8080"
LONGEST_KEY: Final = 256


class _JobCommands(click.Group):
    """Reports what the API refused by field, and that it did not answer, each with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except JobApiRefused as error:
            for line in error.problems:
                click.echo(f"error: {printable(line)}", err=True)
            if error.status == 401:
                click.echo("put a token into INGEST_API_TOKEN, or its file into --token-file", err=True)
            ctx.exit(REFUSED)
        except JobApiUnavailable as error:
            click.echo(f"error: {printable(str(error))}", err=True)
            ctx.exit(NO_ANSWER)


@click.group(cls=_JobCommands)
@click.option(
    "--url", envvar="INGEST_API_URL", type=text,
    help="Where `ingest api` listens. Default: $INGEST_API_URL, else `api` in the settings, else "
    f"{DEFAULT_URL}.",
)  # fmt: skip
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False), envvar="INGEST_API_TOKEN_FILE",
    help="A file with the token. Default: $INGEST_API_TOKEN has the token itself.",
)  # fmt: skip
@click.pass_context
def job(context: click.Context, url: str | None, token_file: Path | None) -> None:
    """Ask for jobs over HTTP, and follow them.

    Exit codes: 0 completed or answered, 1 failed, 2 refused, 3 cancelled, 4 the time to wait is over, 5 the
    API did not answer.
    """
    config = context.obj
    context.obj = lambda: _client(config, url, token_file)


@job.command()
@click.argument("kind", type=text)
@click.option("--input", "given", type=text, metavar="JSON|@FILE|-", help="The input, as a JSON object.")
@click.option(
    "--set", "values", type=text, multiple=True, metavar="KEY=VALUE",
    help="One field of the input, as JSON or else as text; repeatable, and stronger than --input.",
)  # fmt: skip
@click.option("--idempotency-key", type=text, help="Sent again with the same key, it is the same job.")
@click.option("--wait", "waits", is_flag=True, help="Wait until the job has ended.")
@click.option("--timeout", type=duration, help="With --wait: at most so long, like 10m.")
@json_option
@click.pass_obj
def submit(
    connect: "Callable[[], JobClient]", /, kind: str, *, given: str | None, values: tuple[str, ...],
    idempotency_key: str | None, waits: bool, timeout: timedelta | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask for a job of this KIND, such as ingest, rebuild, replay or export.

    It is accepted once the jobs' queue has it.
    """
    asked = {**_input(given), **dict(_field(one) for one in values)}
    if timeout is not None and not waits:
        raise click.UsageError("--timeout goes with --wait")
    if idempotency_key is not None and not _is_key(idempotency_key):
        raise click.UsageError(f"--idempotency-key: use 1 to {LONGEST_KEY} visible ASCII characters")
    with connect() as client:
        found = client.submit(kind, asked, idempotency_key=idempotency_key)
        if not waits:
            _show(found, as_json=as_json)
            return
        if not as_json:
            click.echo(f"job {found['id']}", err=True)
        _wait(client, found["id"], timeout, as_json=as_json)


@job.command()
@click.argument("job_id", type=text)
@json_option
@click.pass_obj
def status(connect: "Callable[[], JobClient]", job_id: str, as_json: bool) -> None:
    """Show what became of a job. Exits with 0, whatever that is."""
    with connect() as client:
        _show(client.status(job_id), as_json=as_json)


@job.command()
@click.argument("job_id", type=text)
@click.option("--timeout", type=duration, help="At most so long, like 10m; then the exit code is 4.")
@json_option
@click.pass_obj
def wait(connect: "Callable[[], JobClient]", job_id: str, timeout: timedelta | None, as_json: bool) -> None:
    """Wait until a job has ended; the exit code says how."""
    with connect() as client:
        _wait(client, job_id, timeout, as_json=as_json)


@job.command()
@click.argument("job_id", type=text)
@json_option
@click.pass_obj
def cancel(connect: "Callable[[], JobClient]", job_id: str, as_json: bool) -> None:
    """Cancel a job that has not ended: at once if it waits; if it runs, its run is ended soon after."""
    with connect() as client:
        _show(client.cancel(job_id), as_json=as_json)


@job.command(name="list")
@click.option("--job", "kind", type=text, help="Only jobs of this kind.")
@click.option("--state", type=click.Choice(STATES))
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--all", "shows_all", is_flag=True, help="All of them, instead of --limit.")
@json_option
@click.pass_obj
def list_(
    connect: "Callable[[], JobClient]", /, *, kind: str | None, state: str | None, limit: int,
    shows_all: bool, as_json: bool,
) -> None:  # fmt: skip
    """List jobs, the newest first: your own, or everybody's if your token allows that."""
    from ingest_project.reports.jobs import render_jobs

    with connect() as client:
        found = list(client.jobs(job=kind, state=state, limit=None if shows_all else limit))
    if as_json:
        print_json({"jobs": found})
    else:
        render_jobs(found, make_console())


def _wait(client: "JobClient", job_id: str, timeout: timedelta | None, *, as_json: bool) -> None:
    from ingest_project.reports.jobs import JobBar

    found: Status | None = None
    with JobBar(job_id) as bar:
        seconds = None if timeout is None else timeout.total_seconds()
        for found in client.wait(job_id, timeout_seconds=seconds):
            bar.show(found)
    assert found is not None  # noqa: S101 (it asks at least once)
    _show(found, as_json=as_json)
    code = EXIT_CODES.get(found["state"], TIMEOUT)
    if code == TIMEOUT:
        click.echo(f"error: the job has not ended within {timeout}; it goes on", err=True)
    click.get_current_context().exit(code)


def _show(found: "Status", *, as_json: bool) -> None:
    from ingest_project.reports.jobs import render_job

    if as_json:
        print_json(found)
    else:
        render_job(found, make_console())


def _client(config: Path | None, url: str | None, token_file: Path | None) -> "JobClient":
    try:
        from ingest_project.cli.job_client import JobClient
    except ModuleNotFoundError as error:
        remedy = "install the project with its `api` extra"
        raise SettingsError([f"ingest job: {error.name} is not installed; {remedy}"]) from error
    return JobClient(_checked_url(url or _url_of_settings(config)), _token(token_file))


def _url_of_settings(config: Path | None) -> str:
    """Where the API of the settings listens, if there are any."""
    from ingest_project.settings.load import load_settings

    path = config or Path(os.environ.get("INGEST_CONFIG") or "ingest.yaml")
    if config is None and not path.exists():
        return DEFAULT_URL
    api = load_settings(path).api
    if api is None:
        return DEFAULT_URL
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(api.host, api.host)  # noqa: S104 (it is not bound)
    return f"http://{f'[{host}]' if ':' in host else host}:{api.port}"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or parts.username is not None or parts.password is not None or parts.query:
        raise click.UsageError(
            "--url, or INGEST_API_URL, is not the URL of an API; write it like https://jobs.acme"
        )
    return url.rstrip("/")


def _token(file: Path | None) -> str | None:
    """The token, which is never an argument: arguments are shown to everybody on the machine."""
    if file is None:
        found, where = os.environ.get("INGEST_API_TOKEN", ""), "INGEST_API_TOKEN"
    else:
        where = str(file)
        try:
            found = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not ASCII"
            raise SettingsError([f"--token-file: {where}: {said}"]) from None
    found = found.strip()
    if not all("!" <= one <= "~" for one in found):
        raise SettingsError([f"{where}: it does not have one token of visible ASCII characters"])
    return found or None


def _input(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    if given == "-":
        written, where = sys.stdin.read(), "stdin"
    elif given.startswith("@"):
        where = given[1:]
        try:
            written = Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"--input: {where} cannot be read: {type(error).__name__}") from None
    else:
        written, where = given, "it"
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--input: {where} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"--input: {where} is not a JSON object")
    return found


def _field(written: str) -> tuple[str, Any]:
    name, separator, value = written.partition("=")
    if not separator or not name:
        raise click.UsageError(f"--set takes KEY=VALUE, not {written!r}")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _is_key(key: str) -> bool:
    return 0 < len(key) <= LONGEST_KEY and all("!" <= one <= "~" for one in key)
