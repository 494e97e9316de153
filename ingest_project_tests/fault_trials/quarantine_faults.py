"""Faults between a batch's commits to table and quarantine: bad rows are there exactly once, too."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.object_faults import expect
from ingest_project_tests.fault_trials.outages import locked
from ingest_project_tests.fault_trials.outlive import outlive
from ingest_project_tests.fault_trials.processes import is_stopped
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial
from ingest_project_tests.fault_trials.workload import Write

BEFORE, COMMITTED = "before-quarantine-commit", "quarantine-committed"
BEFORE_MARK, MARKED = "before-mark-commit", "mark-committed"
BEFORE_TABLE, IN_TABLE = "before-catalog-commit", "catalog-committed"
BEFORE_REPLACED, REPLACED = "before-replaced-commit", "replaced-committed"
LOCK_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a batch is made to do: `prepare` is settled before the fault is armed, and `land` meets it."""

    prepare: Callable[[Trial], list[Write]]
    land: Callable[[Trial, list[Write]], None]
    policy: str | None = None


def write_bad(trial: Trial, count: int) -> list[Write]:
    """Objects under new keys, with rows whose times the settings cannot read, expected as those have it."""
    writes = [trial.landing.write(key, rows=6, foreign_times=2) for key in trial.landing.new_keys(count)]
    trial.expected.all_of(writes)
    return writes


def _settle_bad(trial: Trial) -> list[Write]:
    writes = write_bad(trial, 6)
    trial.landing.announce(writes)
    trial.settle()
    return writes


def _land_new(trial: Trial, _writes: list[Write]) -> None:
    trial.landing.announce_together([*write_bad(trial, 2), *trial.write_new()])


def _land_again(trial: Trial, writes: list[Write]) -> None:
    again = [trial.landing.write(write.key, rows=5, foreign_times=1) for write in writes[:3]]
    for older, newer in zip(writes, again, strict=False):
        expect(trial, [older, newer])
    trial.landing.announce_together(again)


NEW = Work(lambda _trial: [], _land_new)
AGAIN = Work(_settle_bad, _land_again, policy="replace")


def struck(name: str, point: str, action: Action, work: Work = NEW, databases: str | None = None) -> Fault:
    """A fault that strikes the first process to come to a point."""

    def script(trial: Trial) -> None:
        writes = work.prepare(trial)
        trial.arm(point, action)
        work.land(trial, writes)
        mark = trial.await_mark(point)
        if action is Action.FREEZE:
            outlive(trial, mark)
        trial.settle()

    return Fault(name, script, policy=work.policy, bad_rows=True, deadline_seconds=400, databases=databases)


def second_attempt(name: str, point: str, action: Action) -> Fault:
    """The first attempt dies between the two commits, and the second one is struck at a point."""

    def script(trial: Trial) -> None:
        trial.arm(COMMITTED, Action.KILL_SELF)
        _land_new(trial, [])
        trial.await_mark(COMMITTED)
        trial.arm(point, action)
        mark = trial.await_mark(point)
        if action is Action.FREEZE:
            outlive(trial, mark)
        trial.settle()

    return Fault(name, script, bad_rows=True, deadline_seconds=400)


def zombies_at_both_commits(trial: Trial) -> None:
    """One attempt sleeps before its good rows' commit, the next before its bad rows'; a third one
    succeeds.
    """
    trial.arm(BEFORE_TABLE, Action.FREEZE)
    _land_new(trial, [])
    first = trial.await_mark(BEFORE_TABLE)
    trial.wait(lambda: is_stopped(first.pid), "the first run frozen")
    trial.arm(BEFORE, Action.FREEZE)
    second = trial.await_mark(BEFORE)
    outlive(trial, second, first)
    trial.settle()


def mended_in_between(trial: Trial) -> None:
    """An attempt commits bad rows and dies; the settings are corrected, and the next one finds fewer bad
    rows.
    """
    trial.arm(COMMITTED, Action.KILL_SELF)
    trial.landing.announce_together(write_bad(trial, 8))
    trial.await_mark(COMMITTED)
    trial.mend()
    trial.settle()


def gone_in_between(trial: Trial) -> None:
    """A run dies after committing bad rows of newer writes; one write is gone then, and its older one
    stays.
    """
    older = _settle_bad(trial)
    trial.arm(COMMITTED, Action.KILL_SELF)
    newer = [trial.landing.write(write.key, rows=6, foreign_times=1) for write in older]
    trial.landing.announce_together(newer)
    trial.await_mark(COMMITTED)
    gone, *others = newer
    trial.landing.delete(gone, for_good=True)
    for write in others:
        expect(trial, [write])
    trial.expected.failed[gone] = "missing"  # one, as a single message names them all
    trial.settle()


def catalog_locked(trial: Trial) -> None:
    """The catalog is locked between the two commits."""
    trial.arm(COMMITTED, Action.PAUSE, seconds=1)
    _land_new(trial, [])
    trial.await_mark(COMMITTED)
    with locked(trial.deployment.databases.catalog):
        trial.pass_time(LOCK_SECONDS)
    trial.settle()


def snapshots_expired(trial: Trial) -> None:
    """A run dies after its commits; others compact the quarantine and expire snapshots of both tables."""
    _settle_bad(trial)
    trial.arm("after-commit", Action.KILL_SELF)
    _land_new(trial, [])
    trial.await_mark("after-commit")
    with trial.daemon_frozen():
        _foreign(trial, "compact", trial.quarantine)
        _foreign(trial, "expire", trial.quarantine)
        _foreign(trial, "append", trial.table, "--writers", "1")
        trial.expected.foreign_rows = 1
        _foreign(trial, "expire", trial.table)
    trial.settle()


def _foreign(trial: Trial, work: str, table: str, *options: str) -> None:
    module = "ingest_project_tests.fault_trials.foreign"
    command = (sys.executable, "-m", module, work, table, "--times", "1", *options)
    other = trial.deployment.spawn("foreign.log", *command)
    trial.wait(lambda: other.poll() is not None, "the end of the other writer")
    if other.returncode != 0:
        raise NotReached("the other writer failed; see foreign.log")


QUARANTINE_FAULTS = (
    *(struck(f"quarantine-killed-{one}", one, Action.KILL_SELF) for one in (BEFORE, COMMITTED, BEFORE_TABLE)),
    *(
        struck(f"quarantine-killed-{one}", one, Action.KILL_SELF, AGAIN)
        for one in (IN_TABLE, BEFORE_REPLACED, REPLACED)
    ),
    struck("quarantine-all-killed", COMMITTED, Action.KILL_BOTH, AGAIN),
    *(struck(f"quarantine-zombie-{one}", one, Action.FREEZE) for one in (BEFORE, COMMITTED, BEFORE_TABLE)),
    struck(f"quarantine-zombie-{BEFORE_REPLACED}", BEFORE_REPLACED, Action.FREEZE, AGAIN),
    Fault("quarantine-zombies-at-both-commits", zombies_at_both_commits, bad_rows=True, deadline_seconds=400),
    *(
        second_attempt(f"quarantine-second-killed-{one}", one, Action.KILL_SELF)
        for one in (MARKED, BEFORE, COMMITTED)
    ),
    *(
        second_attempt(f"quarantine-second-zombie-{one}", one, Action.FREEZE)
        for one in (BEFORE_MARK, BEFORE)
    ),
    struck("quarantine-commit-answer-lost", COMMITTED, Action.FAIL),
    struck("quarantine-commit-connection-lost", BEFORE, Action.FAIL),
    struck("quarantine-replaced-answer-lost", REPLACED, Action.FAIL, AGAIN),
    second_attempt("quarantine-mark-answer-lost", MARKED, Action.FAIL),
    Fault("quarantine-catalog-locked", catalog_locked, bad_rows=True, deadline_seconds=400),
    Fault("quarantine-settings-mended-in-between", mended_in_between, bad_rows=True),
    Fault(
        "quarantine-newer-write-gone-in-between", gone_in_between, policy="replace", versioned=True,
        bad_rows=True, deadline_seconds=400,
    ),
    Fault("quarantine-snapshots-expired", snapshots_expired, bad_rows=True, deadline_seconds=400),
)  # fmt: skip
