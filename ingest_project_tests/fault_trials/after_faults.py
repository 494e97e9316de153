"""Faults around what `after` does to objects: tag, move and delete, once their rows are in the table."""

from ingest_project_tests.fault_trials.after_trial import AfterTrial, DeleteTrial, MoveTrial, TagTrial
from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, Trial

KINDS: dict[str, type[AfterTrial]] = {"tag": TagTrial, "move": MoveTrial, "delete": DeleteTrial}
POINTS = ("after-settle", "after-deletes", "after-due", "after-action")
"""From the settling over the messages' deletion to the action that is done and not recorded."""


def killed_at(name: str, point: str) -> Fault:
    """The run, or the code server that does what a run left, dies there."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.KILL_SELF)
        trial.land()
        trial.await_mark(point)
        trial.settle()

    return Fault(f"after-{name}-killed-{point}", script, kind=KINDS[name])


def overwritten_at(name: str, point: str) -> Fault:
    """Objects are overwritten, and no event says so, while the run stands there."""

    def script(trial: Trial) -> None:
        assert isinstance(trial, AfterTrial)
        trial.arm(point, Action.PAUSE, seconds=6)
        writes = trial.land()
        trial.await_mark(point)
        trial.overwrite(writes[::2])
        trial.settle()

    return Fault(f"after-{name}-overwritten-{point}", script, kind=KINDS[name])


AFTER = (
    *(killed_at(name, point) for name in KINDS for point in POINTS),
    *(killed_at("delete", point) for point in ("after-commit", "after-part-of-deletes")),
    *(killed_at("move", point) for point in ("after-copy", "before-delete")),
    *(overwritten_at(name, "after-settle") for name in KINDS),
    *(overwritten_at(name, "before-delete") for name in ("move", "delete")),
)
