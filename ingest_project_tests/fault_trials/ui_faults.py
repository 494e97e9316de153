"""What a person may click: cancel a run while queued or running, launch a finished or failed one again."""

import sys

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial


def cancelled_while_queued(trial: Trial) -> None:
    """Cancel the run before it starts: the daemon stands still meanwhile, for the moment is short."""
    trial.land()
    trial.await_first_run()
    with trial.daemon_frozen():
        queued = _first_status(trial) == "QUEUED"
        if queued:
            _click(trial, "cancel-first")
            trial.strikes += _first_status(trial) == "CANCELED"
    trial.settle()
    if trial.strikes == 0:
        raise NotReached("the run was started before it could be cancelled")


def cancelled_at(point: str) -> Fault:
    """Cancel the run while it works."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.PAUSE, seconds=12)
        trial.land()
        trial.await_mark(point)
        _click(trial, "cancel-first")
        trial.settle()

    return Fault(f"cancelled-{point}", script)


def succeeded_run_launched_again(trial: Trial) -> None:
    """Re-execute a run that has done its work."""
    trial.land()
    trial.settle()
    _click(trial, "launch-first-again")
    trial.strikes += 1
    trial.wait(lambda: len(trial.deployment.runs(trial.table)) > 1, "the run launched again")
    trial.settle()


def failed_run_launched_again(trial: Trial) -> None:
    """Re-execute a run that was killed, while the sensor is about to do the same."""
    trial.arm("after-commit", Action.KILL_SELF)
    trial.land()
    trial.await_mark("after-commit")
    trial.wait(lambda: _first_status(trial) == "FAILURE", "the killed run known as failed")
    _click(trial, "launch-first-again")
    trial.settle()


def _first_status(trial: Trial) -> str:
    return trial.deployment.runs(trial.table)[0][2]


def _click(trial: Trial, what: str) -> None:
    module = "ingest_project_tests.fault_trials.clicks"
    clicked = trial.deployment.spawn("clicks.log", sys.executable, "-m", module, what, trial.table)
    trial.wait(lambda: clicked.poll() is not None, f"the end of {what}")
    if clicked.returncode != 0:
        raise RuntimeError(f"{what} failed; see clicks.log in {trial.deployment.home}")


UI_FAULTS = (
    Fault("cancelled-while-queued", cancelled_while_queued, deadline_seconds=360),
    *(cancelled_at(point) for point in ("after-start", "after-data-files", "after-commit")),
    Fault("succeeded-run-launched-again", succeeded_run_launched_again, deadline_seconds=360),
    Fault("failed-run-launched-again", failed_run_launched_again, deadline_seconds=360),
)
