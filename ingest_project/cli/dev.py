"""`ingest dev`: `dagster dev` on the settings, only once for each DAGSTER_HOME, and only with its web UI.

`dagster dev` itself runs without a web UI if the port is taken, and starts a second daemon beside a first
one.
"""

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ingest_project.errors import IngestError

if TYPE_CHECKING:
    from ingest_project.demo.interrupts import Interrupts

LOCK_NAME = "ingest-dev.lock"
GLANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HomeLock:
    """The lock on a DAGSTER_HOME. It is held exactly as long as any process has `file` open."""

    path: Path
    file: IO[str]

    def name_owner(self, pid: int) -> None:
        """Write the process id that the message names if somebody finds the lock taken."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(f"{pid}\n")
        self.file.flush()

    def check(self) -> None:
        """Raise IngestError if the folder was removed: Dagster would continue, and write to deleted files."""
        try:
            is_there = os.path.samestat(self.path.stat(), os.fstat(self.file.fileno()))
        except OSError:
            is_there = False
        if not is_there:
            raise IngestError(
                f"{self.path.parent} was removed while Dagster was running. Dagster is stopped. If the "
                "ledger was in it too, run `ingest ledger recover` before you start again"
            )


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the web UI listens.")
@click.option("--port", type=click.IntRange(1, 65_535), default=3000, show_default=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF dagster dev]")
@click.pass_context
def dev(context: click.Context, host: str, port: int, arguments: tuple[str, ...]) -> None:
    """Run `dagster dev`: the web UI and the daemon.

    Runs until Ctrl-C. Exits with 1 if the port is taken, or if Dagster already runs on this DAGSTER_HOME.
    """
    from ingest_project.demo.interrupts import Interrupts

    home = dagster_home(os.environ)
    if context.obj is not None:
        os.environ["INGEST_CONFIG"] = str(context.obj)
    command = [sys.executable, "-m", "dagster", "dev", "--host", host, "--port", str(port), *arguments]
    with Interrupts() as interrupts, home_lock(home) as lock:
        check_port(host, port)
        context.exit(run_until_it_ends(command, lock, interrupts))


def dagster_home(environment: Mapping[str, str]) -> Path:
    """The folder that DAGSTER_HOME names. Raises UsageError if it does not name a folder."""
    home = Path(environment.get("DAGSTER_HOME") or "")
    if not home.is_absolute() or not home.is_dir():
        raise click.UsageError(
            "DAGSTER_HOME must be the absolute path of an existing folder; `make dev` creates .dagster and "
            "sets it"
        )
    return home


@contextmanager
def home_lock(home: Path) -> Iterator[HomeLock]:
    """The lock on this folder. Raises IngestError if another process holds it."""
    path = home / LOCK_NAME
    # A process that crashes leaves the file behind, but never the lock.
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.readline(32).strip()
            known = f" (process {owner})" if owner.isdecimal() else ""
            raise IngestError(
                f"Dagster is already running on {home}{known}. End it with Ctrl-C first, or set DAGSTER_HOME "
                "to another folder: two daemons on one folder would do all work twice"
            ) from error
        yield HomeLock(path, file)


def check_port(host: str, port: int) -> None:
    """Raise IngestError if no server can listen there."""
    from ingest_project.demo.dagster_dev import why_not_free

    if (reason := why_not_free(host, port)) is not None:
        raise IngestError(
            f"port {port} of {host} cannot be used for the web UI: {reason}. End the program that listens "
            f"there, or choose another port: `make dev PORT={port % 65_535 + 1}`"
        )


def run_until_it_ends(command: Sequence[str], lock: HomeLock, interrupts: "Interrupts") -> int:
    """Run until the command ends; gives its exit code. All processes that it started have ended then."""
    from ingest_project.demo.process_group import ProcessGroup

    group = ProcessGroup(command, cwd=Path.cwd(), log=None, interrupts=interrupts, keep=(lock.file.fileno(),))
    with group:
        lock.name_owner(os.getpid())
        while (code := group.exit_code) is None:
            interrupts.sleep(GLANCE_SECONDS)
            lock.check()
    return code
