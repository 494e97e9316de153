"""A run that is frozen past its lease, its messages' visibility and its successor's commit."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.deployment import VISIBILITY_SECONDS
from ingest_project_tests.fault_trials.outlive import outlive
from ingest_project_tests.fault_trials.processes import is_stopped
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial

POINTS = ("after-start", "after-fetch", "after-data-files", "after-confirm", "after-commit", "after-settle")


def frozen_at(point: str) -> Fault:
    """The successor does all of the work while the zombie sleeps."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.FREEZE)
        trial.land()
        mark = trial.await_mark(point)
        outlive(trial, mark)
        trial.settle()

    return Fault(f"zombie-{point}", script, deadline_seconds=360)


def frozen_twice(trial: Trial) -> None:
    """The successor freezes as well, between its look and its commit; both wake at once."""
    trial.arm("after-confirm", Action.FREEZE)
    trial.land()
    first = trial.await_mark("after-confirm")
    trial.deployment.control.disarm()
    trial.arm("after-confirm", Action.FREEZE)
    second = trial.await_mark("after-confirm")
    trial.thaw(second.pid)
    trial.thaw(first.pid)
    trial.await_end(first)
    trial.await_end(second)
    trial.settle()


def frozen_at_random(trial: Trial) -> None:
    """All runs at a moment chosen by the seed freeze for longer than a lease and the visibility timeout."""
    trial.land()
    trial.await_first_run()
    trial.pass_time(trial.rng.uniform(0, 8))
    frozen = trial.freeze_runs()
    trial.strikes += len(frozen)
    trial.pass_time(VISIBILITY_SECONDS + 5)
    for pid in frozen:
        trial.thaw(pid)
    trial.settle()
    if not frozen:
        raise NotReached("no run was alive at the moment drawn")


def frozen_code_server(trial: Trial) -> None:
    """The code server freezes in a tick, after its claim, until the messages are delivered again."""
    trial.arm("after-receive", Action.FREEZE)
    trial.land()
    mark = trial.await_mark("after-receive")
    trial.wait(lambda: is_stopped(mark.pid), "the code server frozen")
    trial.pass_time(VISIBILITY_SECONDS + 5)
    trial.thaw(mark.pid)
    trial.settle()


ZOMBIES = (
    *(frozen_at(point) for point in POINTS),
    Fault("zombies-both-after-confirm", frozen_twice, deadline_seconds=360),
    Fault("zombie-at-random", frozen_at_random, deadline_seconds=360),
    Fault("zombie-sensor-after-receive", frozen_code_server, deadline_seconds=360),
)
