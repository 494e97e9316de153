"""Faults that strike jobs on demand: the API, the daemon or a run dies between any two steps of a job."""

from dataclasses import replace

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.crash_faults import at_point
from ingest_project_tests.fault_trials.job_trial import JobTrial
from ingest_project_tests.fault_trials.trial import Fault, Trial

API_POINTS = ("after-record", "after-send", "after-accept")
TICK_POINTS = ("after-receive", "after-claim", "after-deletes")
RUN_POINTS = ("after-start", "after-work", "before-wait", "after-result")
EXPORT_POINTS = ("after-work", "after-result", "after-commit", "after-settle")
ACTIONS = (Action.KILL_SELF, Action.KILL_BOTH)


def exported_after(point: str, action: Action) -> Fault:
    """Strikes while an export works or ends."""

    def script(trial: Trial) -> None:
        assert isinstance(trial, JobTrial)
        trial.land()
        trial.settle()
        trial.arm(point, action)
        trial.export()
        trial.await_mark(point)

    return Fault(f"export-{action.value}-{point}", script)


def answer_lost(trial: Trial) -> None:
    """The API accepts the jobs, and its answers are lost: the clients ask again with the same keys."""
    assert isinstance(trial, JobTrial)
    trial.land()
    first = dict(trial.accepted)
    trial.accepted.clear()
    for one in first.values():
        trial.strikes += 1
        trial.ask(one.kind, one.given, one.state)
    if {one.job_id for one in trial.accepted.values()} != {one.job_id for one in first.values()}:
        raise RuntimeError("the same key gave another job")
    trial.settle()


def of_jobs(fault: Fault) -> Fault:
    """The fault, on jobs; their bucket is versioned, because a listing tells other versions than events."""
    return replace(fault, name=f"job-{fault.name}", kind=JobTrial, versioned=True, bad_rows=False)


JOB_FAULTS = tuple(
    of_jobs(fault)
    for fault in (
        *(at_point(point, Action.KILL_SELF) for point in API_POINTS),
        *(at_point(point, action) for point in (*TICK_POINTS, *RUN_POINTS) for action in ACTIONS),
        *(exported_after(point, action) for point in EXPORT_POINTS for action in ACTIONS),
        Fault("answer-lost", answer_lost),
    )
)
