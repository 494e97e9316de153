"""SIGKILL of the run, the daemon, or both, at each named point and at random moments."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial

SENSOR_POINTS = ("after-receive", "after-claim")
RUN_POINTS = (
    "after-start",
    "after-fetch",
    "after-data-files",
    "after-confirm",
    "catalog-committed",
    "after-commit",
    "after-settle",
    "after-part-of-deletes",
    "after-deletes",
)
RUN_ACTIONS = {"run": Action.KILL_SELF, "daemon": Action.KILL_DAEMON, "both": Action.KILL_BOTH}


def at_point(point: str, action: Action) -> Fault:
    """A fault that kills at a point."""

    def script(trial: Trial) -> None:
        trial.arm(point, action)
        trial.land()
        trial.await_mark(point)
        trial.settle()

    victim = next((name for name, one in RUN_ACTIONS.items() if one is action), "")
    return Fault(f"kill-{victim}-{point}", script)


def at_sensor_point(point: str, action: Action, victim: str) -> Fault:
    """The same for points that a sensor's tick reaches: the code server stands where a run would."""
    fault = at_point(point, action)
    return Fault(f"kill-{victim}-{point}", fault.script)


def queued(trial: Trial) -> None:
    """Kill the daemon while Dagster's storage has a run of the trial that is not started."""
    trial.land()
    trial.await_first_run()
    if all(status != "QUEUED" for _, _, status in trial.deployment.runs(trial.table)):
        trial.settle()
        raise NotReached("the run was started before it could be seen queued")
    trial.kill_everything()
    trial.strikes += 1
    trial.settle()


def at_random(victim: str) -> Fault:
    """A fault that kills at a moment that the seed draws."""

    def script(trial: Trial) -> None:
        trial.land()
        if victim == "run":
            trial.await_first_run()
        trial.pass_time(trial.rng.uniform(0, 5 if victim == "run" else 16))
        if trial.is_over():
            raise NotReached("all was settled before the moment drawn")
        killed = trial.kill_runs() if victim == "run" else 1
        if victim == "daemon":
            trial.kill_daemon()
        elif victim == "both":
            trial.kill_everything()
        trial.settle()
        if not killed:
            raise NotReached("no run was working at the moment drawn")
        trial.strikes += 1

    return Fault(f"kill-{victim}-at-random", script, deadline_seconds=360)


CRASHES = (
    *(at_sensor_point(point, Action.KILL_SELF, "code-server") for point in SENSOR_POINTS),
    *(at_sensor_point(point, Action.KILL_BOTH, "daemon") for point in SENSOR_POINTS),
    Fault("kill-daemon-run-queued", queued),
    *(at_point(point, action) for point in RUN_POINTS for action in RUN_ACTIONS.values()),
    *(at_random(victim) for victim in RUN_ACTIONS),
)
