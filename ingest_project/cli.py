"""The command `ingest`: check the settings, see where everything stands and what became of it, try it all out.

Text for people, `--json` for programs. What a command needs is imported when it runs: `ingest --help`, and every
mistyped option, is answered at once.

Exit codes: 0 all is well; 1 a problem was found or something did not answer; 2 wrong settings or usage; 130 Ctrl-C.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingest_project.cli_answers import json_option, open_services, print_json
from ingest_project.cli_ledger import history, ledger, replay, retry
from ingest_project.cli_preview import preview
from ingest_project.errors import IngestError, SettingsError
from ingest_project.terminal import cell, make_console, printable

if TYPE_CHECKING:
    from ingest_project.check.finding import Finding

INTERRUPTED = 130
"""What a shell reports of a command that SIGINT ended: 128 + 2."""


class _Commands(click.Group):
    """Ends every command's errors in one line and an exit code, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
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

    Dagster does the work (`make dev`); these commands look at it and put right what failed.
    """
    context.obj = config


@ingest.command()
@json_option
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Check the settings against the real world.

    That is: credentials, queues, buckets, ledger, catalog, tables and DAGSTER_HOME. Exits with 1 if there is a problem; warnings do not count.
    """
    services = open_services(context.obj)
    from ingest_project.check.checks import run_checks
    from ingest_project.check.finding import Level

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
    """Show how everything stands.

    That is: queues, batches and tables, and what failed and why. Exits with 1 if a queue or the ledger did not answer; what did answer is shown all the same.
    """
    services = open_services(context.obj)
    from ingest_project.status import collect_status, render_status

    found = collect_status(services)
    if as_json:
        print_json({"complete": found.is_complete, **asdict(found)})
    else:
        render_status(found, make_console())
    context.exit(0 if found.is_complete else 1)


@ingest.command()
@click.option(
    "--exit", "exit_when_done", is_flag=True, help="End when all rows are in; 1 if anything is missing."
)
@click.option("--port", type=click.IntRange(1, 65_535), help="The port of the web UI; default: a free one.")
@click.pass_context
def demo(context: click.Context, exit_when_done: bool, port: int | None) -> None:
    """Run it all on this machine.

    That is: an embedded AWS, sample files, and Dagster with its web UI. Goes on until Ctrl-C, needs no settings and no account, and leaves no process behind.
    """
    if context.obj is not None:
        raise click.UsageError("the demo brings its own settings; leave --config out")
    from ingest_project.demo.run import run_demo

    context.exit(run_demo(exit_when_done=exit_when_done, port=port, console=make_console()))


for command in (preview, history, retry, replay, ledger):
    ingest.add_command(command)


def main() -> None:
    """The entry point of `ingest`."""
    try:
        ingest(prog_name="ingest")
    except SystemExit as exit_:
        if exit_.code == INTERRUPTED:
            # Python would first wait for every thread, up to minutes for one that asks a silent endpoint.
            os._exit(INTERRUPTED)
        raise


def _print_findings(findings: Sequence["Finding"]) -> None:
    from rich.table import Table

    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    grid = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        level = cell(finding.level, styles[finding.level])
        name = cell(finding.check.replace("_", " "))
        grid.add_row(level, name, cell(f"{finding.subject}: {finding.message}"))
        if finding.remedy is not None:
            grid.add_row("", "", cell(f"-> {finding.remedy}", "cyan"))
    console = make_console()
    console.print(grid)
    counts = {level: sum(finding.level == level for finding in findings) for level in styles}
    console.print(cell(f"{counts['problem']} problems, {counts['warning']} warnings, {counts['ok']} ok"))
