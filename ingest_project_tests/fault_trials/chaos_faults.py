"""Several faults at once, chosen by the seed: network failures, kills and freezes, shuffled rewrites."""

import sys
from collections.abc import Callable

from ingest_project_tests.fault_trials.object_faults import expect, rewrite
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule
from ingest_project_tests.fault_trials.trial import Fault, Trial, announced_once_or_more

STRIKES = 3
FREEZE_SECONDS = 14.0
"""Longer than a lease."""
NOISE = (
    ("ReceiveMessage", Effect.LOSE_ANSWER),
    ("DeleteMessageBatch", Effect.LOSE_ANSWER),
    ("DeleteMessageBatch", Effect.REFUSE_SOME),
    ("ChangeMessageVisibilityBatch", Effect.SERVER_ERROR),
    ("GetObject", Effect.RESET_MID_BODY),
    ("GetObject", Effect.THROTTLE),
)
NOISE_PROBABILITY = 0.1


def chaos(trial: Trial) -> None:
    """Rewrites come in three portions while the network fails and processes die; then there is peace."""
    for operation, effect in NOISE:
        trial.deployment.proxy.rules.add(
            Rule(operation, effect, times=sys.maxsize, probability=NOISE_PROBABILITY)
        )
    for _ in range(STRIKES):
        history = [rewrite(trial, key, trial.rng.randint(1, 3)) for key in trial.landing.new_keys(5)]
        for writes in history:
            expect(trial, writes)
        announced_once_or_more(trial, [write for writes in history for write in writes])
        trial.pass_time(trial.rng.uniform(1, 12))
        trial.strikes += trial.rng.choice(BLOWS)(trial) or _kill_everything(trial)
    trial.deployment.proxy.rules.clear()
    trial.settle()


def _kill_runs(trial: Trial) -> int:
    return trial.kill_runs()


def _freeze_runs(trial: Trial) -> int:
    frozen = trial.freeze_runs()
    trial.pass_time(FREEZE_SECONDS if frozen else 0)
    for pid in frozen:
        trial.thaw(pid)
    return len(frozen)


def _kill_daemon(trial: Trial) -> int:
    trial.kill_daemon()
    return 1


def _kill_everything(trial: Trial) -> int:
    trial.kill_everything()
    return 1


BLOWS: tuple[Callable[[Trial], int], ...] = (_kill_runs, _freeze_runs, _kill_daemon, _kill_everything)
"""Each gives how many processes it struck."""
CHAOS = (
    Fault("chaos-replace", chaos, policy="replace", deadline_seconds=360),
    Fault("chaos-append", chaos, policy="append", versioned=True, deadline_seconds=360),
    Fault("chaos-ignore", chaos, policy="ignore", versioned=True, deadline_seconds=360),
)
