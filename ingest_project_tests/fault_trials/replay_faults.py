"""Faults around `ingest replay`, which reads objects again with corrected settings and replaces their
rows.
"""

from ingest_project_tests.e2e.world import BIN
from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.object_faults import expect
from ingest_project_tests.fault_trials.quarantine_faults import (
    BEFORE,
    BEFORE_REPLACED,
    BEFORE_TABLE,
    COMMITTED,
    IN_TABLE,
    REPLACED,
    Work,
    struck,
    write_bad,
)
from ingest_project_tests.fault_trials.trial import Fault, Trial
from ingest_project_tests.fault_trials.workload import Write

NOTHING_MATCHED = 1


def _prepare(trial: Trial) -> list[Write]:
    """Objects with times that the settings cannot parse are in quarantine, and the settings are corrected."""
    writes = write_bad(trial, 6)
    trial.landing.announce([*writes, *trial.write_new()])
    trial.settle()
    trial.mend()
    return writes


def _replay(trial: Trial, *options: str) -> None:
    """`ingest replay` of the trial's table, as a person would type it."""
    typed = trial.deployment.spawn("replay.log", str(BIN / "ingest"), "replay", trial.table, *options)
    trial.wait(lambda: typed.poll() is not None, "the end of ingest replay")
    if typed.returncode not in (0, NOTHING_MATCHED):
        raise RuntimeError(
            f"ingest replay gave {typed.returncode}; see replay.log in {trial.deployment.home}"
        )


def _land_replay(trial: Trial, _writes: list[Write]) -> None:
    _replay(trial)


REPLAY = Work(_prepare, _land_replay)


def gone_in_between(trial: Trial) -> None:
    """A replay dies between its commits, and some of its objects are gone later: their rows stay."""
    writes = _prepare(trial)
    trial.arm(BEFORE_TABLE, Action.KILL_SELF)
    _replay(trial)
    trial.await_mark(BEFORE_TABLE)
    for write in writes[:3]:
        trial.landing.delete(write, for_good=True)
        trial.expected.choices[write.key] = [frozenset({write})]
    trial.settle()


def rewritten_meanwhile(trial: Trial) -> None:
    """Objects are written again while a replay has them; it dies after its commit to the table."""
    writes = _prepare(trial)
    trial.arm(IN_TABLE, Action.KILL_SELF)
    _replay(trial)
    again = [trial.landing.write(write.key, rows=5, foreign_times=1).once_mended() for write in writes[:3]]
    for older, newer in zip((write.once_mended() for write in writes), again, strict=False):
        trial.expected.choices[older.key] = [frozenset()]
        if trial.policy == "ignore":
            trial.expected.one_of(older.key, [older])
        else:
            expect(trial, [older, newer])
    trial.landing.announce(again)
    trial.await_mark(IN_TABLE)
    trial.wait(
        lambda: (
            {(write.uri, write.version) for write in again} <= trial.deployment.recorded(trial.table).keys()
        ),
        "the newer events claimed",
    )
    trial.settle()


def again_and_again(trial: Trial) -> None:
    """Several replays of everything run at once, and one is killed: each row is there once."""
    _prepare(trial)
    trial.arm(REPLACED, Action.KILL_SELF)
    for _ in range(3):
        _replay(trial, "--all")
        trial.pass_time(trial.rng.uniform(0, 6))
    trial.await_mark(REPLACED)
    trial.settle()


def killed_at_random(trial: Trial) -> None:
    """Whatever runs at a moment that the seed draws is killed, twice, while a replay is under way."""
    _prepare(trial)
    _replay(trial)
    for _ in range(2):
        trial.pass_time(trial.rng.uniform(2, 9))
        trial.strikes += trial.kill_runs()
    trial.settle()


REPLAYS = (
    *(
        struck(f"replay-killed-{one}", one, Action.KILL_SELF, REPLAY)
        for one in (BEFORE, COMMITTED, BEFORE_TABLE, IN_TABLE, BEFORE_REPLACED, REPLACED)
    ),
    *(
        struck(f"replay-zombie-{one}", one, Action.FREEZE, REPLAY)
        for one in (BEFORE, BEFORE_TABLE, BEFORE_REPLACED)
    ),
    struck("replay-all-killed", IN_TABLE, Action.KILL_BOTH, REPLAY),
    struck("replay-commit-answer-lost", IN_TABLE, Action.FAIL, REPLAY),
    Fault("replay-gone-in-between", gone_in_between, bad_rows=True, deadline_seconds=400),
    *(
        Fault(
            f"replay-rewritten-meanwhile-{policy}", rewritten_meanwhile, policy=policy, versioned=True,
            bad_rows=True, deadline_seconds=400,
        )
        for policy in ("replace", "append", "ignore")
    ),
    Fault("replay-again-and-again", again_and_again, bad_rows=True, deadline_seconds=400),
    Fault("replay-killed-at-random", killed_at_random, bad_rows=True, deadline_seconds=400),
)  # fmt: skip
