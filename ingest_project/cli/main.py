"""The command `ingest`: check the settings, show status and history, repair failures, send, run the demo.

Text for people, `--json` for programs. A command imports what it needs when it runs, so that `ingest --help`,
and every mistyped option, is answered at once.

Exit codes: 0 success; 1 a problem was found or a service did not answer; 2 wrong settings or usage; 130
Ctrl-C.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest_project.cli.answers import json_option, open_services, print_json, text
from ingest_project.cli.api import api
from ingest_project.cli.dead_letters import dlq, redrive
from ingest_project.cli.dev import dev
from ingest_project.cli.expire import expire
from ingest_project.cli.job import job
from ingest_project.cli.ledger import dismiss, history, ledger, replay, retry
from ingest_project.cli.preview import preview
from ingest_project.cli.reconcile import reconcile
from ingest_project.cli.send import send
from ingest_project.errors import IngestError, InvalidEntries, SettingsError
from ingest_project.reports.terminal import cell, make_console, printable
from ingest_project.settings.wording import plural

if TYPE_CHECKING:
    from ingest_project.checks.deployment.finding import Finding

INTERRUPTED = 130
"""The exit code that a shell reports for a command that SIGINT ended: 128 + 2."""


class _Commands(click.Group):
    """Reports every command's errors as one line and an exit code, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingsError, InvalidEntries) as error:
            for line in error.problems:
                click.echo(f"error: {printable(line)}", err=True)
            ctx.exit(2)
        except IngestError as error:
            click.echo(f"error: {printable(str(error))}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings file. Default: $INGEST_CONFIG, else ingest.yaml in the current folder.",
)
@click.version_option(package_name="ingest-project", message="ingest %(version)s")
@click.pass_context
def ingest(context: click.Context, config: Path | None) -> None:
    """Ingest S3 objects into Iceberg tables, exactly once.

    Dagster does the work (`make dev`); these commands inspect it and repair what failed.
    """
    context.obj = config


@ingest.command()
@json_option
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Check the settings against AWS, the ledger and the catalog.

    That is: credentials, queues, buckets, ledger, catalog, tables and DAGSTER_HOME. Exits with 1 if there is
    a problem; warnings do not count.
    """
    services = open_services(context.obj)
    from ingest_project.checks.deployment.checks import run_checks
    from ingest_project.checks.deployment.finding import Level

    findings = run_checks(services)
    is_ok = all(finding.level is not Level.PROBLEM for finding in findings)
    if as_json:
        print_json({"ok": is_ok, "findings": [asdict(finding) for finding in findings]})
    else:
        _print_findings(findings)
    context.exit(0 if is_ok else 1)


@ingest.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Show the state of queues, batches and tables.

    Also shows what failed and why. Exits with 1 if a queue or the ledger did not answer, or if the ledger was
    lost; the other answers are shown nevertheless.
    """
    services = open_services(context.obj)
    from ingest_project.reports.status import collect_status, render_status

    found = collect_status(services)
    if as_json:
        print_json({"complete": found.is_complete, **asdict(found)})
    else:
        render_status(found, make_console())
    context.exit(0 if found.is_complete and not found.problems else 1)


@ingest.command()
@click.option(
    "--exit",
    "exit_when_done",
    is_flag=True,
    help="End when all rows have arrived; exit code 1 if any is missing.",
)
@click.option("--port", type=click.IntRange(1, 65_535), help="The port of the web UI; default: a free one.")
@click.option(
    "--postgres", metavar="URL", envvar="INGEST_DEMO_POSTGRES_URL", type=text,
    help="Keep ledger, catalog and Dagster's storage in this PostgreSQL database, in three schemas "
    "ingest_demo_*, which are emptied first. Default: $INGEST_DEMO_POSTGRES_URL, else SQLite.",
)  # fmt: skip
@click.pass_context
def demo(context: click.Context, exit_when_done: bool, port: int | None, postgres: str | None) -> None:
    """Run the whole project on this machine.

    That is: an embedded AWS, sample files, and Dagster with its web UI. Runs until Ctrl-C, needs no settings
    and no account, and leaves no process behind.
    """
    if context.obj is not None:
        raise click.UsageError("the demo has its own settings; leave --config out")
    from ingest_project.demo.run import run_demo

    code = run_demo(
        exit_when_done=exit_when_done, port=port, postgres_url=postgres or None, console=make_console()
    )
    context.exit(code)


for command in (
    dev,
    api,
    preview,
    send,
    history,
    dlq,
    redrive,
    retry,
    dismiss,
    replay,
    reconcile,
    expire,
    ledger,
    job,
):
    ingest.add_command(command)


def main() -> None:
    """The entry point of `ingest`."""
    try:
        ingest(prog_name="ingest")
    except SystemExit as exit_:
        if exit_.code == INTERRUPTED:
            # Python would first wait for every thread; one that waits for a silent endpoint may take minutes.
            os._exit(INTERRUPTED)
        raise


def _print_findings(findings: Sequence["Finding"]) -> None:
    from rich.table import Table

    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    console = make_console()
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=len("warning"))
        grid.add_column(width=width)
        level = cell(finding.level, styles[finding.level])
        name = cell(finding.check.replace("_", " "))
        grid.add_row(level, name, cell(f"{finding.subject}: {finding.message}"))
        console.print(grid)
        if finding.remedy is not None:
            # Never wrapped: it may be a command to be copied.
            console.print(cell(f"-> {finding.remedy}", "cyan"), soft_wrap=True)
    counts = {level: sum(finding.level == level for finding in findings) for level in styles}
    console.print(
        cell(
            f"{plural(counts['problem'], 'problem')}, {plural(counts['warning'], 'warning')}, {counts['ok']} "
            "ok"
        )
    )
