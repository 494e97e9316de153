"""Faults around a rebuild, which lists S3 and ingests objects without events."""

import random
import re
import subprocess
from collections.abc import Sequence

from ingest_project_tests.e2e.world import BIN
from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.deployment import LOCATION
from ingest_project_tests.fault_trials.outlive import outlive
from ingest_project_tests.fault_trials.quarantine_faults import (
    BEFORE_TABLE,
    COMMITTED,
    IN_TABLE,
    REPLACED,
    write_bad,
)
from ingest_project_tests.fault_trials.trial import (
    Fault,
    NotReached,
    Trial,
    announced_once_or_more,
)
from ingest_project_tests.fault_trials.workload import Write

DAY = "2026-11-07"
REMAINING = 8
"""Of sixteen objects that were in the table, how many are neither written again nor deleted."""


def _write_on_the_day(trial: Trial, count: int, *, foreign_times: int = 0) -> list[Write]:
    """Objects of one partition; nothing is expected of them yet."""
    keys = [re.sub(r"dt=[0-9-]{10}", f"dt={DAY}", key) for key in trial.landing.new_keys(count)]
    return [trial.landing.write(key, foreign_times=foreign_times) for key in keys]


def _miss(trial: Trial, *, foreign_times: int = 0) -> list[Write]:
    """Objects of the partition whose events nobody sent, expected under the versions that a listing tells."""
    missed = _write_on_the_day(trial, trial.rng.randint(5, 12), foreign_times=foreign_times)
    trial.expected.all_of(write.as_listed() for write in missed)
    return missed


def _materialize(trial: Trial) -> "subprocess.Popen[bytes]":
    """Starts `dagster asset materialize` for the partition, or for a table without partitions."""
    # Two processes that create Dagster's SQLite storage at the same time break it for good (Dagster 1.13).
    trial.wait(trial.deployment.has_dagster_storage, "the first heartbeat of the daemon")
    partition = ("--partition", DAY) if "partition" in trial.table_settings() else ()
    asset = trial.table.replace(".", "/")
    command = (str(BIN / "dagster"), "asset", "materialize", "-m", LOCATION, "--select", asset, *partition)
    return trial.deployment.spawn("materialize.log", *command)


def _await(trial: Trial, *typed: "subprocess.Popen[bytes]") -> None:
    trial.wait(lambda: all(one.poll() is not None for one in typed), "the end of dagster asset materialize")


def _rebuild(trial: Trial) -> None:
    """Materialize once more, undisturbed: it must succeed, and change nothing that is there already."""
    typed = _materialize(trial)
    _await(trial, typed)
    if typed.returncode != 0:
        raise RuntimeError(f"dagster gave {typed.returncode}; see materialize.log in {trial.deployment.home}")
    trial.settle()


def _strike(trial: Trial, point: str, action: Action) -> None:
    """A rebuild is struck at a point, and once all is settled done again."""
    trial.arm(point, action)
    typed = _materialize(trial)
    mark = trial.await_mark(point)
    if action is Action.FREEZE:
        outlive(trial, mark)
    _await(trial, typed)
    trial.settle()
    _rebuild(trial)


def struck(name: str, point: str, action: Action) -> Fault:
    """A rebuild of missed objects is hit at a point and repeated; their events come later."""

    def script(trial: Trial) -> None:
        trial.land()
        trial.settle()
        missed = _miss(trial, foreign_times=1)
        _strike(trial, point, action)
        trial.landing.announce(missed)
        trial.settle()

    return Fault(f"rebuild-{name}-{point}", script, versioned=True, bad_rows=True, deadline_seconds=400)


def changed(name: str, point: str, action: Action) -> Fault:
    """Keys were written again and deleted without events; the rebuild that finds this is hit at a point."""

    def script(trial: Trial) -> None:
        first = _write_on_the_day(trial, 2 * REMAINING, foreign_times=1)
        others = write_bad(trial, 3)
        trial.landing.announce([*first, *others])
        trial.expected.all_of(first)
        trial.settle()
        _change(trial, first[REMAINING:])
        _strike(trial, point, action)
        trial.landing.announce(first)  # once more, as SQS may: none of them may come back
        trial.settle()

    return Fault(
        f"rebuild-changed-{name}-{point}", script, policy="replace", versioned=True, bad_rows=True,
        deadline_seconds=400,
    )  # fmt: skip


def _change(trial: Trial, writes: Sequence[Write]) -> None:
    """Of these, every second key is deleted, and every other written again."""
    for write in writes[::2]:
        trial.landing.delete(write, for_good=False)
        trial.expected.choices[write.key] = [frozenset()]
    for write in writes[1::2]:
        again = trial.landing.write(write.key, rows=5, foreign_times=1)
        trial.expected.choices[write.key] = [frozenset({again.as_listed()})]


def raced(trial: Trial) -> None:
    """Two rebuilds of one partition at once, while the events of its objects arrive."""
    writes = _write_on_the_day(trial, 12)
    for write in writes:
        trial.expected.either(write.key, [write, write.as_listed()])
    trial.landing.announce(writes[:4])
    trial.pass_time(trial.rng.uniform(0, 3))
    typed = [_materialize(trial), _materialize(trial)]
    trial.pass_time(trial.rng.uniform(0, 6))
    trial.landing.announce(writes[4:])
    trial.strikes += 1
    _await(trial, *typed)
    trial.settle()


def events_late(trial: Trial) -> None:
    """The events of what a rebuild has ingested come after it, each twice and in any order."""
    missed = _miss(trial)
    _rebuild(trial)
    trial.strikes += 1
    announced_once_or_more(trial, missed)
    trial.settle()


def killed_at_random(trial: Trial) -> None:
    """Rebuilds are killed one after the other, each at a moment of its own, while events arrive."""
    moments = random.Random(f"{trial.seed}:{trial.number}:moments")  # noqa: S311 - moments, not secrets
    _miss(trial)
    for write in trial.write_new():  # a rebuild of a table without partitions may find these, too
        trial.expected.either(write.key, [write, write.as_listed()])
    for _ in range(3):
        typed = _materialize(trial)
        trial.pass_time(moments.uniform(2.5, 8))
        if typed.poll() is None:
            typed.kill()
            trial.strikes += 1
        _await(trial, typed)
    trial.landing.announce(_announced(trial))
    _rebuild(trial)
    if not trial.strikes:
        raise NotReached("each rebuild was over before its moment came")


def _announced(trial: Trial) -> list[Write]:
    """What `write_new` made: all that is not expected as a listing tells it."""
    expected = (write for choices in trial.expected.choices.values() for write in choices[0])
    return [write for write in expected if write.version_id is not None]


REBUILDS = (
    *(
        struck("killed", one, Action.KILL_SELF)
        for one in ("after-start", "after-fetch", "after-data-files", COMMITTED, BEFORE_TABLE, IN_TABLE,
            "after-commit", "after-settle")
    ),
    *(struck("zombie", one, Action.FREEZE) for one in ("after-fetch", "after-confirm", BEFORE_TABLE,
        "after-commit")),
    *(struck("answer-lost", one, Action.FAIL) for one in (COMMITTED, IN_TABLE)),
    struck("daemon-killed", "after-confirm", Action.KILL_DAEMON),
    *(changed("killed", one, Action.KILL_SELF) for one in ("after-data-files", COMMITTED, IN_TABLE,
        REPLACED)),
    changed("zombie", BEFORE_TABLE, Action.FREEZE),
    *(
        Fault(f"rebuild-{name}-{policy}", script, policy=policy, versioned=True, deadline_seconds=400)
        for name, script in (("raced", raced), ("events-late", events_late))
        for policy in ("replace", "append", "ignore")
    ),
    Fault("rebuild-killed-at-random", killed_at_random, versioned=True, deadline_seconds=400),
)  # fmt: skip
