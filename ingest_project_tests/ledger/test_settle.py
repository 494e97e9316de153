"""Settling: what became of each object of a batch, without harm to the others of a failing one."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.failed_objects import MAX_OBJECT_ATTEMPTS
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchState, FailedObject, ObjectState
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    id_of,
    ingest,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    routed,
    rules,
    start,
)
from ingest_project_tests.ledger.views import batch_state, state_of, states

KEY = "orders/a.ndjson"


def test_a_batch_settles_its_objects_and_their_messages(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed("a"), message_id="1"), claim(routed("b"), message_id="2"))
    work = start(ledger, plan_one(ledger))

    rows = {id_of(work, "a"): 3, id_of(work, "b"): 0}
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(rows, snapshot_id=99))

    report = ledger.table_report(TABLE)
    assert batch_state(tables, work.batch.batch_id) == BatchState.COMMITTED
    assert (report.objects, report.rows, report.last_snapshot_id) == ({"committed": 2}, 3, 99)
    assert deletable(ledger) == ["1", "2"]


def test_the_last_commit_is_when_the_table_says_it_was(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    clock.advance(minutes=3)

    committed_at = NOW + timedelta(minutes=1)
    ended = outcome({id_of(work): 1}, committed_at=committed_at)
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)

    assert ledger.table_report(TABLE).last_commit == committed_at


def test_settling_again_changes_nothing(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome({id_of(work): 3}))
    before = ledger.table_report(TABLE)
    clock.advance(minutes=1)

    broken = failure(id_of(work))
    ledger.settle(
        work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken], committed_at=clock.now)
    )

    assert ledger.table_report(TABLE) == before


def test_another_runs_outcome_is_refused(ledger: Ledger) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))

    with pytest.raises(BatchSuperseded):
        ledger.settle(work.batch.batch_id, run_id="run-0", outcome=outcome({id_of(work): 3}))

    assert objects_by_state(ledger) == {"planned": 1}


def test_one_broken_object_does_not_hold_back_the_others(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed("good"), message_id="1"), claim(routed("bad"), message_id="2"))
    work = start(ledger, plan_one(ledger))

    broken = failure(id_of(work, "bad"), reason="line 3 is not valid JSON: \0")
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome({id_of(work, "good"): 1}, [broken]))

    assert batch_state(tables, work.batch.batch_id) == BatchState.COMMITTED
    assert objects_by_state(ledger) == {"committed": 1, "failed": 1}
    assert deletable(ledger) == ["1"]
    (report,) = ledger.failures()
    assert (report.kind, report.name, report.table) == ("object", "s3://acme-landing/bad", TABLE)
    assert (report.error_class, report.reason) == ("unreadable", "line 3 is not valid JSON: �")


def test_a_batch_of_which_nothing_could_be_ingested_has_failed(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))

    ended = outcome(failures=[failure(id_of(work))], snapshot_id=None)
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)

    assert batch_state(tables, work.batch.batch_id) == BatchState.FAILED
    assert plan(ledger) == []


def test_a_transient_failure_comes_back_after_a_backoff_and_fails_for_good_in_the_end(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    deliver(ledger, claim(routed()))
    waits = []
    for _ in range(MAX_OBJECT_ATTEMPTS):
        waits.append(_seconds_until_planned(ledger, clock))
        (batch,) = ledger.open_batches(QUEUE)
        work = start(ledger, batch.batch_id)
        broken = FailedObject(id_of(work), "overwritten", "the key holds another write", transient=True)
        ledger.settle(batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken]))

    assert waits == [0, 5, 10, 20, 40, 80]
    assert state_of(tables, KEY, "0055") == ObjectState.FAILED
    clock.advance(days=1)
    assert plan(ledger) == []


def _seconds_until_planned(ledger: Ledger, clock: Clock) -> int:
    for seconds in range(0, 200, 5):
        if plan(ledger):
            return seconds
        clock.advance(seconds=5)
    raise AssertionError("it was not planned again")


def test_what_is_in_neither_rows_nor_failures_is_planned_again(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed("a")), claim(routed("b")))
    work = start(ledger, plan_one(ledger))

    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome({id_of(work, "a"): 1}))

    assert state_of(tables, "b", "0055") == ObjectState.PENDING
    assert [member.object.key for member in start(ledger, plan_one(ledger)).objects] == ["b"]


def test_an_empty_object_of_a_commit_that_is_read_back_from_the_table_is_committed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed("full")), claim(routed("empty")), claim(routed("failed")))
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id, "killed after its commit")
    read = {id_of(work, "full"), id_of(work, "empty")}
    ledger.confirm(batch_id, run_id="killed after its commit", object_ids=read)
    start(ledger, batch_id, "run-2")

    ledger.settle(batch_id, run_id="run-2", outcome=outcome({id_of(work, "full"): 3}))

    assert {key: state for (key, _), state in states(tables).items()} == {
        "full": ObjectState.COMMITTED,
        "empty": ObjectState.COMMITTED,
        "failed": ObjectState.PENDING,
    }


def test_an_object_that_only_some_attempts_could_read_is_not_taken_for_empty(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed("a")), claim(routed("b")))
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id, "zombie")
    a, b = id_of(work, "a"), id_of(work, "b")
    ledger.confirm(batch_id, run_id="zombie", object_ids={a})
    start(ledger, batch_id, "run-2")
    ledger.confirm(batch_id, run_id="run-2", object_ids={b})
    ledger.confirm(batch_id, run_id="run-2", object_ids={a, b})

    ledger.settle(batch_id, run_id="run-2", outcome=outcome())

    assert set(states(tables).values()) == {ObjectState.PENDING}


def test_a_version_whose_rows_were_replaced_no_longer_counts(ledger: Ledger, tables: sa.Connection) -> None:
    ingest(ledger, routed(sequencer="0055"), routed("other"))

    ingest(ledger, routed(sequencer="0056"))

    assert state_of(tables, KEY, "0055") == ObjectState.SUPERSEDED
    assert state_of(tables, KEY, "0056") == ObjectState.COMMITTED
    assert state_of(tables, "other", "0055") == ObjectState.COMMITTED
    assert ledger.table_report(TABLE).rows == 20


def test_a_newer_write_that_was_not_read_leaves_the_older_one_committed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed(sequencer="0055"))
    deliver(ledger, claim(routed(sequencer="0056")))
    work = start(ledger, plan_one(ledger))

    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[failure(id_of(work))]))

    assert state_of(tables, KEY, "0055") == ObjectState.COMMITTED
    assert state_of(tables, KEY, "0056") == ObjectState.FAILED


def test_with_append_every_version_counts(ledger: Ledger, tables: sa.Connection) -> None:
    appending = rules(on_overwrite="append")
    ingest(ledger, routed(sequencer="0055"), table=appending)

    ingest(ledger, routed(sequencer="0056"), table=appending)

    assert objects_by_state(ledger) == {"committed": 2}


def test_a_batch_settles_only_its_own(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(4)])
    first, second = plan(ledger, rules(max_objects=2))

    commit(ledger, first)

    assert objects_by_state(ledger) == {"committed": 2, "planned": 2}
    assert [batch.batch_id for batch in ledger.open_batches(QUEUE)] == [second]
