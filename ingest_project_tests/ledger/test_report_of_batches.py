"""What a table's batches brought lately."""

from datetime import timedelta

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind, BatchOutcome
from ingest_project.ledger.report import CommittedRows, RowTotals
from ingest_project_tests.ledger.factories import (
    NOW,
    TABLE,
    claim,
    deliver,
    failure,
    ingest,
    listed,
    outcome,
    plan_one,
    rebuild,
    routed,
    start,
)

HOUR = timedelta(hours=1)


def settle(ledger: Ledger, key: str, rows: int, rejected_rows: int, *, ago: timedelta) -> str:
    """Ingest one object whose commit is so long ago; returns its batch."""
    deliver(ledger, claim(routed(key)))
    work = start(ledger, plan_one(ledger))
    (member,) = work.objects
    ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={member.object_id})
    made = BatchOutcome(
        {member.object_id: rows}, (), 7, NOW - ago, rejected_rows={member.object_id: rejected_rows}
    )
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=made)
    return work.batch.batch_id


def test_rows_are_those_of_the_commits_in_between(ledger: Ledger) -> None:
    settle(ledger, "a", 10, 1, ago=3 * HOUR)
    settle(ledger, "b", 20, 2, ago=2 * HOUR)
    settle(ledger, "c", 40, 0, ago=HOUR)
    ingest(ledger, routed("elsewhere", table="web.clicks"))

    assert ledger.committed_rows(TABLE, NOW - 3 * HOUR, NOW - HOUR) == RowTotals(2, 30, 3)
    assert ledger.committed_rows(TABLE, NOW - 9 * HOUR, NOW + HOUR) == RowTotals(3, 70, 3)
    assert ledger.committed_rows(TABLE, NOW, NOW + HOUR) == RowTotals(0, 0, 0)


def test_last_commit_is_the_one_committed_last_whichever_was_planned_last(ledger: Ledger) -> None:
    assert ledger.last_commit(TABLE) is None
    settle(ledger, "a", 10, 1, ago=2 * HOUR)
    newest = settle(ledger, "b", 20, 2, ago=HOUR)
    settle(ledger, "c", 40, 0, ago=3 * HOUR)

    assert ledger.last_commit(TABLE) == CommittedRows(newest, NOW - HOUR, 20, 2)


def test_batch_of_which_nothing_could_be_ingested_is_no_commit(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a")))
    work = start(ledger, plan_one(ledger))
    broken = failure(work.objects[0].object_id)
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken], snapshot_id=None))

    assert ledger.last_commit(TABLE) is None


def test_rows_of_rebuilds_can_be_left_out(ledger: Ledger) -> None:
    settle(ledger, "a", 10, 0, ago=HOUR)
    batch_id = rebuild(ledger, listed("a"))
    work = start(ledger, batch_id, "rebuild-1")
    again = {member.object_id: 10 for member in work.objects}
    ledger.confirm(batch_id, run_id="rebuild-1", object_ids=set(again))
    ledger.settle(batch_id, run_id="rebuild-1", outcome=outcome(again))

    every = ledger.committed_rows(TABLE, NOW - 2 * HOUR, NOW + HOUR)
    ingested = ledger.committed_rows(TABLE, NOW - 2 * HOUR, NOW + HOUR, BatchKind.INGEST)

    assert (every.rows, ingested.rows) == (20, 10)
