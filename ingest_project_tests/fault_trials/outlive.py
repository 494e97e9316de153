"""Has frozen processes sleep until others have done their work, and then lets them go on."""

import sqlite3

from ingest_project_tests.fault_trials.control import Mark
from ingest_project_tests.fault_trials.outages import locked
from ingest_project_tests.fault_trials.processes import is_stopped
from ingest_project_tests.fault_trials.trial import NotReached, Trial

OPEN_BATCHES = "select 1 from batches where table_name = :table and state = 'planned'"


def outlive(trial: Trial, *marks: Mark) -> None:
    """Wait until others have done the work of the frozen, then let these go on, in this order."""
    for mark in marks:
        trial.wait(lambda pid=mark.pid: is_stopped(pid), "the run frozen")  # type: ignore[misc]
        if _holds_the_ledger(trial):
            trial.thaw(mark.pid)
            trial.settle()
            raise NotReached("the run was frozen in the middle of a heartbeat, with SQLite's only lock")
    ledger = trial.deployment.ledger
    trial.wait(lambda: not ledger(OPEN_BATCHES, table=trial.table), "a successor's commit")
    trial.wait(lambda: trial.deployment.messages_in(trial.queue) == 0, "the messages deleted")
    for mark in marks:
        trial.thaw(mark.pid)
    for mark in marks:
        trial.await_end(mark)


def _holds_the_ledger(trial: Trial) -> bool:
    """Whether nobody can write to the ledger's file for some seconds."""
    engine = trial.deployment.databases.ledger
    if engine.dialect.name != "sqlite":
        return False
    try:
        with locked(engine):
            return False
    except sqlite3.OperationalError:
        return True
