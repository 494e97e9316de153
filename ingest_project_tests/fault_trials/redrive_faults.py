"""Faults of `ingest redrive`: killed at each step, and between it and SQS. The sensor ingests meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ingest_project_tests.fault_trials.proxy_rules import Effect
from ingest_project_tests.fault_trials.raw_trial import MESSAGES, RawTrial
from ingest_project_tests.fault_trials.raw_workload import Letter, raw_letters, send
from ingest_project_tests.fault_trials.trial import Fault, Trial
from ingest_project_tests.fault_trials.typed_commands import await_end, killed, type_until, typed
from ingest_project_tests.fault_trials.workload import Write

POINTS = (
    "dlq-after-receive",
    "after-part-of-sends",
    "dlq-before-deletes",
    "dlq-after-part-of-deletes",
    "dlq-after-deletes",
)


@dataclass
class DeadTrial(RawTrial):
    """Raw messages that are in the DLQ from the beginning."""

    def letters(self) -> list[Letter]:
        return raw_letters(self.rng, MESSAGES)

    def land(self, count: int | None = None) -> list[Write]:
        url = self.deployment.queue_url(f"{self.queue}-dlq")
        self.sent = send(self.deployment.sqs, url, self.letters())
        return []


@dataclass
class DeadEventsTrial(Trial):
    """Objects whose events are in the DLQ from the beginning."""

    def land(self, count: int | None = None) -> list[Write]:
        writes = self.write_new(count)
        self.landing.announce(writes, queue_url=self.deployment.queue_url(f"{self.queue}-dlq"))
        return writes


def killed_at(point: str) -> Fault:
    """The command dies there, and is typed again until the DLQ is empty."""

    def script(trial: Trial) -> None:
        trial.land()
        killed(trial, point, "redrive", trial.queue)
        _redrive(trial)
        trial.settle()

    return Fault(f"redrive-killed-{point}", script, kind=DeadTrial, deadline_seconds=360)


def killed_often(trial: Trial) -> None:
    """The command dies at every point, one after another."""
    trial.land()
    for point in POINTS:
        if not _is_empty(trial)():
            killed(trial, point, "redrive", trial.queue)
            trial.deployment.control.disarm()
    _redrive(trial)
    trial.settle()


def at_once(trial: Trial) -> None:
    """Two people type the command at the same moment, and one process dies."""
    trial.land()
    other = typed(trial, "redrive", trial.queue)
    killed(trial, "after-part-of-sends", "redrive", trial.queue)
    await_end(trial, other)
    _redrive(trial)
    trial.settle()


def on_call(name: str, operation: str, effect: Effect, times: int) -> Fault:
    """The network strikes the command's calls."""

    def script(trial: Trial) -> None:
        trial.land()
        rule = trial.proxy_rule(operation, effect, times=times)
        _redrive(trial)
        trial.strikes += rule.hits
        trial.settle()

    return Fault(f"redrive-{name}", script, kind=DeadTrial)


def of_events(fault: Fault) -> Fault:
    """The same fault, on events of S3."""
    return replace(fault, name=f"{fault.name}-of-events", kind=DeadEventsTrial)


def _redrive(trial: Trial) -> None:
    type_until(trial, _is_empty(trial), "redrive", trial.queue)


def _is_empty(trial: Trial) -> Callable[[], bool]:
    return lambda: trial.deployment.messages_in(f"{trial.queue}-dlq") == 0


REDRIVES = (
    *(killed_at(point) for point in POINTS),
    Fault("redrive-killed-often", killed_often, kind=DeadTrial, deadline_seconds=420),
    Fault("redrive-twice-at-once", at_once, kind=DeadTrial, deadline_seconds=360),
    on_call("send-answer-lost", "SendMessageBatch", Effect.LOSE_ANSWER, 4),
    on_call("send-entries-fail", "SendMessageBatch", Effect.REFUSE_SOME, 6),
    on_call("send-reset", "SendMessageBatch", Effect.RESET, 12),
    on_call("delete-answer-lost", "DeleteMessageBatch", Effect.LOSE_ANSWER, 6),
    on_call("delete-entries-fail", "DeleteMessageBatch", Effect.REFUSE_SOME, 6),
    *(of_events(killed_at(point)) for point in ("after-part-of-sends", "dlq-before-deletes")),
)
