"""Object versions that a table has and the ledger has lost, on each database."""

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind, ObjectState
from ingest_project.ledger.recover import Recovered, RecoveredBatch, RecoveredObject, planned_at
from ingest_project.ledger.tables import object_versions
from ingest_project.sources.routing import RoutedObject
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    find_outdated,
    ingest,
    keys_of,
    listed,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    start,
)

BATCH = RecoveredBatch("20261119T101530123Z-9f3a1c2b", BatchKind.INGEST, 1, 5, 42, NOW)


def in_table(one: RoutedObject, *older: RoutedObject) -> RecoveredObject:
    return RecoveredObject(one, 5, BATCH, older)


def recover(ledger: Ledger, *objects: RecoveredObject, dry_run: bool = False) -> Recovered:
    return ledger.recover(QUEUE, "replace", objects, dry_run=dry_run)


def test_a_recovered_version_settles_its_message_and_is_replaced_by_a_newer_write(ledger: Ledger) -> None:
    assert recover(ledger, in_table(routed(sequencer="05"))) == Recovered(new=1)

    deliver(ledger, claim(routed(sequencer="05")), claim(routed(sequencer="04")))
    find_outdated(ledger, plan_one(ledger))
    assert len(deletable(ledger)) == 2
    deliver(ledger, claim(routed(sequencer="06")))
    work = start(ledger, plan_one(ledger))
    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={work.objects[0].object_id})

    assert replaced is not None
    assert replaced.batch_ids == frozenset({BATCH.batch_id})


def test_a_recovered_version_has_its_batch_in_its_history(ledger: Ledger) -> None:
    recover(ledger, in_table(routed()))

    (record,) = ledger.history(HistoryQuery())

    assert (record.state, record.rows, record.snapshot_id) == (ObjectState.COMMITTED, 5, 42)
    assert record.claimed_at == planned_at(BATCH.batch_id, NOW)
    assert [(part.batch_id, part.rows, part.committed_at) for part in record.batches] == [
        (BATCH.batch_id, 5, NOW)
    ]


def test_older_writes_are_recorded_as_superseded_even_if_they_wait(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(version_id="v1")))

    counts = recover(
        ledger, in_table(routed(version_id="v3"), routed(version_id="v1"), routed(version_id="v2"))
    )

    assert counts == Recovered(new=1, older=2)
    assert plan(ledger) == []
    assert objects_by_state(ledger) == {"committed": 1, "superseded": 2}
    assert recover(
        ledger, in_table(routed(version_id="v3"), routed(version_id="v1"), routed(version_id="v2"))
    ) == Recovered(known=1)


@pytest.mark.parametrize("state", ["pending", "failed", "quarantined", "skipped"])
def test_what_would_be_read_again_is_committed_instead(
    ledger: Ledger, tables: sa.Connection, state: str
) -> None:
    deliver(ledger, claim(routed()))
    tables.execute(sa.update(object_versions).values(state=state, error_class="missing"))

    assert recover(ledger, in_table(routed()), dry_run=True) == Recovered(taken=1)
    assert objects_by_state(ledger) == {state: 1}
    assert recover(ledger, in_table(routed())) == Recovered(taken=1)
    assert objects_by_state(ledger) == {"committed": 1}


def test_a_version_is_taken_from_a_batch_that_was_never_confirmed(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a")), claim(routed("b")))
    work = start(ledger, plan_one(ledger))

    assert recover(ledger, in_table(routed("a"))) == Recovered(taken=1)

    with pytest.raises(BatchSuperseded):
        ledger.confirm(
            work.batch.batch_id, run_id="run-1", object_ids={one.object_id for one in work.objects}
        )
    assert keys_of(start(ledger, work.batch.batch_id, "run-2")) == ["b"]


def test_a_confirmed_batch_and_a_rebuild_keep_their_versions(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a")))
    work = start(ledger, plan_one(ledger))
    ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={work.objects[0].object_id})
    rebuilt = rebuild(ledger, listed("b"))

    assert recover(ledger, in_table(routed("a")), in_table(listed("b"))) == Recovered(left=2)

    commit(ledger, work.batch.batch_id)
    commit(ledger, rebuilt, run_id="rebuild-1")
    assert objects_by_state(ledger) == {"committed": 2}


def test_what_is_settled_stays_as_it_is(ledger: Ledger, tables: sa.Connection, clock: Clock) -> None:
    ingest(ledger, routed(sequencer="01"))
    clock.advance(minutes=1)
    ingest(ledger, routed(sequencer="02"))
    before = tables.execute(sa.select(object_versions)).all()

    assert recover(ledger, in_table(routed(sequencer="01")), in_table(routed(sequencer="02"))) == Recovered(
        known=2
    )
    assert tables.execute(sa.select(object_versions)).all() == before


def test_a_recovered_version_that_came_back_as_failed_is_not_failed_any_more(ledger: Ledger) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    failures = [failure(work.objects[0].object_id)]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures, snapshot_id=None))

    recover(ledger, in_table(routed()))

    assert ledger.failures() == []
    assert len(deletable(ledger)) == 1


def test_a_batch_id_of_another_form_has_the_time_of_its_commit() -> None:
    assert planned_at("b1", NOW) == NOW
    assert planned_at("20261119T101530123Z-9f3a1c2b", NOW).isoformat() == "2026-11-19T10:15:30.123000+00:00"
