"""The rebuild of a partition, against everything that may be under way in it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind, BatchState, ObjectState, RowsToReplace
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import (
    NOW,
    PARTITION,
    QUEUE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    finish,
    id_of,
    ingest,
    keys_of,
    listed,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    rules,
    start,
)
from ingest_project_tests.ledger.views import batch_state, state_of, states

KEY = "orders/a.ndjson"
URI = f"s3://acme-landing/{KEY}"


def test_a_rebuild_is_an_open_batch_of_its_run(ledger: Ledger) -> None:
    batch_id = rebuild(ledger, listed("a", size_bytes=30), listed("b", size_bytes=12))

    (batch,) = ledger.open_batches(QUEUE)
    assert (batch.batch_id, batch.kind, batch.partition_key) == (batch_id, BatchKind.REBUILD, PARTITION)
    assert (batch.run_id, batch.heartbeat_at) == ("rebuild-1", NOW)
    assert (batch.objects, batch.size_bytes) == (2, 42)
    assert keys_of(start(ledger, batch_id)) == ["a", "b"]


def test_a_known_write_is_ingested_again_as_the_version_that_it_is(ledger: Ledger) -> None:
    ingest(ledger, routed(version_id="v1"))

    (member,) = start(ledger, rebuild(ledger, listed())).objects

    assert member.object == routed(version_id="v1").object
    assert objects_by_state(ledger) == {"committed": 1}


def test_a_write_whose_event_never_came_is_ingested_by_its_etag(
    ledger: Ledger, tables: sa.Connection
) -> None:
    batch_id = rebuild(ledger, listed(etag="new"))

    commit(ledger, batch_id, run_id="rebuild-1")

    assert states(tables) == {(KEY, "new"): ObjectState.COMMITTED}


def test_a_rebuild_replaces_all_rows_of_its_keys_and_those_of_keys_that_are_gone(ledger: Ledger) -> None:
    ingest(ledger, routed("kept"), routed("gone"), routed("elsewhere", partition="2026-11-19"))
    work = start(ledger, rebuild(ledger, listed("kept")))

    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={id_of(work, "kept")})

    assert replaced == RowsToReplace(
        frozenset({"s3://acme-landing/kept", "s3://acme-landing/gone"}), batch_ids=None
    )


def test_a_rebuild_supersedes_what_it_replaced_and_what_is_gone(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed("kept", etag="old"), routed("gone"), routed("elsewhere", partition="2026-11-19"))

    commit(ledger, rebuild(ledger, listed("kept", etag="new")), run_id="rebuild-1")

    assert states(tables) == {
        ("kept", "0055"): ObjectState.SUPERSEDED,
        ("kept", "new"): ObjectState.COMMITTED,
        ("gone", "0055"): ObjectState.SUPERSEDED,
        ("elsewhere", "0055"): ObjectState.COMMITTED,
    }


def test_a_rebuild_of_a_partition_that_s3_no_longer_holds_empties_it(ledger: Ledger) -> None:
    ingest(ledger, routed())
    work = start(ledger, rebuild(ledger))

    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=set())
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome())

    assert work.objects == ()
    assert replaced == RowsToReplace(frozenset({URI}), None)
    assert objects_by_state(ledger) == {"superseded": 1}


def test_a_table_without_partitions_is_rebuilt_as_one(ledger: Ledger) -> None:
    ingest(ledger, routed("kept", partition=None), routed("gone", partition=None))

    batch_id = rebuild(ledger, listed("kept", partition=None), partition=None)
    commit(ledger, batch_id, run_id="rebuild-1")

    assert objects_by_state(ledger) == {"committed": 1, "superseded": 1}


def test_doing_it_again_leaves_the_same(ledger: Ledger) -> None:
    ingest(ledger, routed("a"))
    commit(ledger, rebuild(ledger, listed("a"), listed("b")), run_id="rebuild-1")
    once = objects_by_state(ledger)

    commit(ledger, rebuild(ledger, listed("a"), listed("b")), run_id="rebuild-1")

    assert once == objects_by_state(ledger) == {"committed": 2}


def test_an_object_that_cannot_be_read_again_keeps_its_rows_and_stays_committed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed("good"), routed("bad"))
    work = start(ledger, rebuild(ledger, listed("good"), listed("bad")))
    good, bad = id_of(work, "good"), id_of(work, "bad")

    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={good})
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome({good: 1}, [failure(bad)]))

    assert replaced == RowsToReplace(frozenset({"s3://acme-landing/good"}), None)
    assert state_of(tables, "bad", "0055") == ObjectState.COMMITTED


def test_a_new_write_that_cannot_be_read_leaves_the_older_ones_rows(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed(etag="old"))
    work = start(ledger, rebuild(ledger, listed(etag="new")))

    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=set())
    ended = outcome(failures=[failure(id_of(work))])
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)

    assert replaced == RowsToReplace(frozenset(), None)
    assert states(tables) == {(KEY, "0055"): ObjectState.COMMITTED, (KEY, "new"): ObjectState.FAILED}


def test_pending_versions_are_settled_by_the_rebuild_and_their_messages_go(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(etag="old", sequencer="01"), message_id="older write"))
    deliver(ledger, claim(routed(etag="new", sequencer="02"), message_id="current write"))

    commit(ledger, rebuild(ledger, listed(etag="new")), run_id="rebuild-1")

    assert deletable(ledger) == ["current write", "older write"]
    assert plan(ledger) == []


def test_a_failed_version_is_tried_again_by_a_rebuild(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(), message_id="m"))
    work = start(ledger, plan_one(ledger))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[failure(id_of(work))]))

    commit(ledger, rebuild(ledger, listed()), run_id="rebuild-1")

    assert deletable(ledger) == ["m"]


def test_a_version_is_taken_from_a_batch_that_was_not_confirmed_yet(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a"), routed("b", partition="2026-11-19")))
    robbed = start(ledger, plan_one(ledger))
    both = {member.object_id for member in robbed.objects}

    batch_id = rebuild(ledger, listed("a"))

    with pytest.raises(BatchSuperseded):
        ledger.confirm(robbed.batch.batch_id, run_id="run-1", object_ids=both)
    assert keys_of(start(ledger, robbed.batch.batch_id, "run-2")) == ["b"]
    assert keys_of(start(ledger, batch_id)) == ["a"]


def test_a_key_whose_batch_was_confirmed_is_left_to_that_batch(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed("in flight")))
    ingested = start(ledger, plan_one(ledger))
    object_ids = {id_of(ingested, "in flight")}
    ledger.confirm(ingested.batch.batch_id, run_id="run-1", object_ids=object_ids)

    work = start(ledger, rebuild(ledger, listed("in flight"), listed("free")), "rebuild-1")
    replaced = ledger.confirm(
        work.batch.batch_id, run_id="rebuild-1", object_ids={one.object_id for one in work.objects}
    )
    rows = dict.fromkeys(object_ids, 1)
    ledger.settle(ingested.batch.batch_id, run_id="run-1", outcome=outcome(rows))
    ledger.settle(work.batch.batch_id, run_id="rebuild-1", outcome=outcome({id_of(work, "free"): 1}))

    assert keys_of(work) == ["free"]
    assert replaced == RowsToReplace(frozenset({"s3://acme-landing/free"}), None)
    assert set(states(tables).values()) == {ObjectState.COMMITTED}


def test_an_unfinished_rebuild_of_the_partition_is_abandoned(ledger: Ledger, tables: sa.Connection) -> None:
    first = rebuild(ledger, listed("a"), listed("b"), run_id="rebuild-1")
    object_ids = {member.object_id for member in start(ledger, first, "rebuild-1").objects}

    second = rebuild(ledger, listed("b"), listed("c"), run_id="rebuild-2")

    with pytest.raises(BatchSuperseded):
        ledger.confirm(first, run_id="rebuild-1", object_ids=object_ids)
    assert batch_state(tables, first) == BatchState.ABANDONED
    assert [batch.batch_id for batch in ledger.open_batches(QUEUE)] == [second]
    assert keys_of(start(ledger, second)) == ["b", "c"]


def test_a_rebuild_that_may_have_been_committed_is_finished_instead(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    first = rebuild(ledger, listed("a"), run_id="rebuild-1")
    object_ids = {member.object_id for member in start(ledger, first, "rebuild-1").objects}
    ledger.confirm(first, run_id="rebuild-1", object_ids=object_ids)
    later = clock.advance(minutes=5)

    second = rebuild(ledger, listed("a"), listed("b"), run_id="rebuild-2")

    batch = ledger.batch(second)
    assert second == first
    assert (batch.run_id, batch.heartbeat_at) == ("rebuild-2", later)
    with pytest.raises(BatchSuperseded):
        ledger.confirm(first, run_id="rebuild-1", object_ids=object_ids)
    commit(ledger, second, run_id="rebuild-2")
    assert states(tables) == {("a", "etag-1"): ObjectState.COMMITTED}


def test_rebuilds_of_two_partitions_do_not_touch_each_other(ledger: Ledger) -> None:
    first = rebuild(ledger, listed("a"))
    second = rebuild(ledger, listed("b", partition="2026-11-19"), partition="2026-11-19")

    assert {batch.batch_id for batch in ledger.open_batches(QUEUE)} == {first, second}


def test_a_newer_write_of_a_key_waits_until_its_rebuild_is_settled(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed("rebuilt", sequencer="01"))
    work = start(ledger, rebuild(ledger, listed("rebuilt")), "rebuild-1")
    deliver(
        ledger, claim(routed("rebuilt", sequencer="02", etag="new")), claim(routed("new in the partition"))
    )

    meanwhile = [keys_of(start(ledger, one)) for one in plan(ledger)]
    finish(ledger, work, run_id="rebuild-1")
    afterwards = [keys_of(start(ledger, one)) for one in plan(ledger)]

    assert meanwhile == [["new in the partition"]]
    assert afterwards == [["rebuilt"]]


def test_a_newer_write_of_a_key_that_is_gone_waits_too(ledger: Ledger) -> None:
    ingest(ledger, routed("gone", sequencer="01"))
    batch_id = rebuild(ledger)
    deliver(ledger, claim(routed("gone", sequencer="02", etag="back again")))

    meanwhile = plan(ledger)
    commit(ledger, batch_id, run_id="rebuild-1")

    assert meanwhile == []
    assert keys_of(start(ledger, plan_one(ledger))) == ["gone"]


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_an_event_that_comes_after_the_rebuild_ingested_its_write_settles_at_once(
    ledger: Ledger, clock: Clock, policy: OnOverwrite
) -> None:
    table = rules(on_overwrite=policy)
    commit(ledger, rebuild(ledger, listed(), table=table), run_id="rebuild-1")
    clock.advance(minutes=1)
    deliver(ledger, claim(routed(version_id="v1"), message_id="m"))

    assert plan(ledger, table) == []
    assert objects_by_state(ledger) == {"committed": 1, "superseded": 1}
    assert deletable(ledger) == ["m"]


def test_a_write_after_the_rebuild_is_ingested_and_replaces_the_rebuilt_rows(ledger: Ledger) -> None:
    batch_id = rebuild(ledger, listed())
    commit(ledger, batch_id, run_id="rebuild-1")

    deliver(ledger, claim(routed(etag="new", event_time=NOW + timedelta(minutes=1))))
    work = start(ledger, plan_one(ledger))
    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={id_of(work)})

    assert replaced == RowsToReplace(frozenset({URI}), frozenset({batch_id}))


def test_what_was_written_and_ingested_after_the_listing_began_stays(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    ingest(ledger, routed("overwritten", sequencer="01", etag="old"))
    listed_at = clock.advance(seconds=1)
    in_the_listing = [listed("overwritten", etag="old")]
    clock.advance(seconds=1)
    ingest(ledger, routed("overwritten", sequencer="02", etag="new"), routed("new"))

    commit(ledger, rebuild(ledger, *in_the_listing, listed_at=listed_at), run_id="rebuild-1")

    assert state_of(tables, "overwritten", "02") == ObjectState.COMMITTED
    assert state_of(tables, "new", "0055") == ObjectState.COMMITTED


def test_a_key_whose_newer_write_lies_in_another_partition_keeps_that_writes_rows(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed(sequencer="01", etag="old", partition="2026-11-19"))
    ingest(ledger, routed(sequencer="02", etag="new", partition=PARTITION))

    work = start(ledger, rebuild(ledger, partition="2026-11-19"))
    replaced = ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=set())
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome())

    assert replaced == RowsToReplace(frozenset(), None)
    assert state_of(tables, KEY, "02") == ObjectState.COMMITTED


def test_the_partitions_of_known_writes_are_told_by_uri(ledger: Ledger) -> None:
    ingest(ledger, routed("a", sequencer="01", etag="x", partition="1"))
    ingest(ledger, routed("a", sequencer="02", etag="x", partition="2", event_time=NOW))
    ingest(ledger, routed("b", etag="y", partition="1"))

    known = ledger.partitions_of([listed("a", etag="x"), listed("b", etag="another write"), listed("c")])

    assert known == {"s3://acme-landing/a": "2"}


def test_an_ingest_run_that_was_robbed_settles_what_it_still_has(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed("a"), routed("b", partition="2026-11-19")))
    robbed = start(ledger, plan_one(ledger))
    batch_id = rebuild(ledger, listed("a"))

    ended = outcome({one.object_id: 1 for one in robbed.objects})
    ledger.settle(robbed.batch.batch_id, run_id="run-1", outcome=ended)

    assert state_of(tables, "a", "0055") == ObjectState.PLANNED
    assert state_of(tables, "b", "0055") == ObjectState.COMMITTED
    assert keys_of(start(ledger, batch_id)) == ["a"]
