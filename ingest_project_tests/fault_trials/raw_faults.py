"""Faults that strike a queue of messages that are rows: most of them are those of files, with other work."""

from dataclasses import replace

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.crash_faults import at_point, at_sensor_point
from ingest_project_tests.fault_trials.delivery_faults import visible_again
from ingest_project_tests.fault_trials.network_faults import commit_answer_lost, on_call
from ingest_project_tests.fault_trials.proxy_rules import Effect
from ingest_project_tests.fault_trials.raw_trial import COPIES, PoisonTrial, RawTrial
from ingest_project_tests.fault_trials.trial import Fault, Trial
from ingest_project_tests.fault_trials.zombie_faults import frozen_at


def redriven_later(trial: Trial) -> None:
    """Copies come after everything was settled, and its contents dropped."""
    assert isinstance(trial, RawTrial)
    trial.land()
    trial.settle()
    trial.redrive(COPIES)
    trial.strikes += 1
    trial.settle()


def redriven_while_committing(trial: Trial) -> None:
    """Copies come, and are claimed, between the confirmation of a batch and its commit."""
    assert isinstance(trial, RawTrial)
    trial.arm("after-confirm", Action.PAUSE, seconds=8)
    trial.land()
    trial.await_mark("after-confirm")
    trial.redrive(COPIES)
    trial.settle()


def poison(trial: Trial) -> None:
    """No other fault than bodies that cannot be read."""
    trial.land()
    trial.strikes += 1
    trial.settle()


def of_messages(fault: Fault, kind: type[RawTrial] = RawTrial) -> Fault:
    """The same fault, on messages."""
    prefix = "raw-poison-" if kind is PoisonTrial else "raw-"
    return replace(fault, name=f"{prefix}{fault.name}", kind=kind)


KILLED_AT = (
    "after-start",
    "after-data-files",
    "after-confirm",
    "catalog-committed",
    "after-commit",
    "after-settle",
    "after-part-of-deletes",
)

RAW_FAULTS = (
    *(of_messages(at_point(point, Action.KILL_SELF)) for point in KILLED_AT),
    of_messages(at_sensor_point("after-receive", Action.KILL_SELF, "code-server")),
    of_messages(at_sensor_point("after-claim", Action.KILL_BOTH, "daemon")),
    *(of_messages(frozen_at(point)) for point in ("after-fetch", "after-confirm")),
    of_messages(on_call("receive-answer-lost", "ReceiveMessage", Effect.LOSE_ANSWER, times=2)),
    of_messages(on_call("receive-reset-mid-body", "ReceiveMessage", Effect.RESET_MID_BODY)),
    of_messages(on_call("delete-answer-lost", "DeleteMessageBatch", Effect.LOSE_ANSWER, times=4)),
    of_messages(Fault("commit-answer-lost", commit_answer_lost)),
    of_messages(Fault("visible-again", visible_again)),
    of_messages(Fault("redriven-later", redriven_later)),
    of_messages(Fault("redriven-while-committing", redriven_while_committing)),
    of_messages(Fault("alone", poison), PoisonTrial),
    of_messages(at_point("catalog-committed", Action.KILL_SELF), PoisonTrial),
)
