"""Other writers of the table during ingest: appends from eight at once, snapshot expiry, compaction.

The project has no maintenance of its own yet; these writers stand for it.
"""

import subprocess
import sys

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial

WRITERS = 8
APPENDS = 3


def foreign_appends(trial: Trial) -> None:
    """Eight writers append while a batch is between its look at the table and its commit."""
    trial.land(5)
    trial.settle()
    trial.arm("after-confirm", Action.PAUSE, seconds=9)
    writers = _start(trial, "append", "--writers", str(WRITERS), "--times", str(APPENDS))
    trial.expected.foreign_rows = WRITERS * APPENDS
    trial.land(10)
    trial.await_mark("after-confirm")
    _finish(trial, writers)
    trial.settle()


def foreign_appends_and_kill(trial: Trial) -> None:
    """Eight writers append, and the run is killed after its commit, which is then no longer the newest."""
    trial.arm("after-commit", Action.KILL_SELF)
    writers = _start(trial, "append", "--writers", str(WRITERS), "--times", str(APPENDS))
    trial.expected.foreign_rows = WRITERS * APPENDS
    trial.land(10)
    trial.await_mark("after-commit")
    _finish(trial, writers)
    trial.settle()


def snapshots_expired(trial: Trial) -> None:
    """Snapshots older than all open batches are expired during commits; one run is killed after its
    commit.
    """
    for _ in range(2):
        trial.land(4)
        trial.settle()
    trial.arm("after-commit", Action.KILL_SELF)
    expiry = _start(trial, "expire", "--times", "30")
    trial.land(8)
    trial.await_mark("after-commit")
    trial.settle()
    _finish(trial, expiry)


def own_snapshot_expired(trial: Trial) -> None:
    """A batch's own snapshot is expired after its commit; its successor must find its rows."""
    trial.arm("after-commit", Action.KILL_SELF)
    trial.land(8)
    trial.await_mark("after-commit")
    with trial.daemon_frozen():
        _finish(trial, _start(trial, "append", "--writers", "1", "--times", "1"))
        trial.expected.foreign_rows = 1
        _finish(trial, _start(trial, "expire", "--times", "1"))
    trial.settle()


def compacted(trial: Trial) -> None:
    """The table is rewritten repeatedly during commits, and one run pauses between look and commit."""
    trial.land(6)
    trial.settle()
    trial.arm("after-confirm", Action.PAUSE, seconds=9)
    compaction = _start(trial, "compact", "--times", "12")
    trial.land(6)
    trial.await_mark("after-confirm")
    trial.land(6)
    _finish(trial, compaction)
    trial.settle()


def compacted_and_killed(trial: Trial) -> None:
    """The table is compacted between a batch's commit and the death of its run, and its successor."""
    trial.arm("after-commit", Action.KILL_SELF)
    trial.land(8)
    trial.await_mark("after-commit")
    _finish(trial, _start(trial, "compact", "--times", "1"))
    trial.settle()


def _start(trial: Trial, work: str, *options: str) -> "subprocess.Popen[bytes]":
    module = "ingest_project_tests.fault_trials.foreign"
    return trial.deployment.spawn("foreign.log", sys.executable, "-m", module, work, trial.table, *options)


def _finish(trial: Trial, writers: "subprocess.Popen[bytes]") -> None:
    trial.wait(lambda: writers.poll() is not None, "the end of the other writers")
    if writers.returncode != 0:
        raise NotReached("the other writers failed; see foreign.log")


WRITER_FAULTS = (
    Fault("foreign-appends-by-eight", foreign_appends, deadline_seconds=360),
    Fault("foreign-appends-run-killed", foreign_appends_and_kill, deadline_seconds=360),
    Fault("snapshots-expired-run-killed", snapshots_expired, deadline_seconds=400),
    Fault("own-snapshot-expired-run-killed", own_snapshot_expired, deadline_seconds=400),
    Fault("foreign-compaction", compacted, deadline_seconds=360),
    Fault("foreign-compaction-run-killed", compacted_and_killed, deadline_seconds=360),
)
