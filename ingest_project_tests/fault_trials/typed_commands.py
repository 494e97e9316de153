"""Commands of `ingest` that a trial types, as processes of its deployment."""

import subprocess
import sys
from collections.abc import Callable

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Trial

MODULE = "ingest_project_tests.fault_trials.command"


def typed(trial: Trial, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a command, once the first tick has made the ledger."""
    trial.wait(lambda: bool(trial.deployment.ledger("select count(*) from batches")), "the first tick")
    return trial.deployment.spawn("command.log", sys.executable, "-m", MODULE, *arguments)


def await_end(trial: Trial, *processes: "subprocess.Popen[bytes]") -> None:
    trial.wait(lambda: all(one.poll() is not None for one in processes), "the end of the commands")


def type_until(trial: Trial, is_done: Callable[[], bool], *arguments: str) -> None:
    """Type the command until it succeeds and this holds."""
    while True:
        process = typed(trial, *arguments)
        await_end(trial, process)
        if process.returncode == 0 and is_done():
            return
        trial.pass_time(1)


def killed(trial: Trial, point: str, *arguments: str) -> None:
    """Type the command, and let it die at this point; if it does not come there, nothing was struck."""
    trial.arm(point, Action.KILL_SELF)
    process = typed(trial, *arguments)
    trial.wait(
        lambda: trial.deployment.control.mark(point) is not None or process.poll() is not None,
        f"{point} reached",
    )
    await_end(trial, process)
    trial.strikes += trial.deployment.control.mark(point) is not None
