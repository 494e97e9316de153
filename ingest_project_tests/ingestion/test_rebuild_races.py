"""A rebuild and an ingest of the same objects at once: each row once, a ledger that agrees, messages that go.

Frozen means here: what the other does meanwhile is done inside the frozen run's own call to the ledger.
"""

from pathlib import Path

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.factories import DAY, NEXT_DAY, QUEUE, Zone, order_key, orders, orders_table
from ingest_project_tests.faults import Killed, die, once
from ingest_project_tests.iceberg.readers import stored_files


@pytest.fixture(params=["replace", "append"])
def zone(request: pytest.FixtureRequest, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """A zone whose table replaces the rows of earlier writes by itself, or leaves that to rebuilds."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws, orders_table(on_overwrite=request.param))


def finish(zone: Zone) -> None:
    """What later ticks do."""
    while zone.ledger.open_batches(QUEUE) or zone.ledger.waiting_objects(QUEUE):
        zone.ingest()


def test_rebuild_leaves_objects_to_a_run_that_has_asked_the_ledger(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2, day=NEXT_DAY)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(after_confirm=once(lambda: zone.restarted().rebuild()))

    result = zone.process(batch_id, ledger=ledger)

    assert result is not None
    assert [one.partition_key for one in result.partitions] == [DAY, NEXT_DAY]
    zone.assert_exact(1, 2)
    assert zone.batch_states() == ["committed", "committed"]
    assert zone.acknowledge().deleted == 2


def test_rebuild_that_is_planned_while_a_run_commits_and_commits_after_it_leaves_its_rows_alone(
    zone: Zone,
) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    rebuilds: list[str] = []
    plan = once(lambda: rebuilds.append(zone.restarted().plan_rebuild()))

    zone.process(batch_id, ledger=zone.hooked_ledger(after_confirm=plan))
    zone.process(*rebuilds, run_id="rebuild-1")

    zone.assert_exact(1)
    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.acknowledge().deleted == 1


def test_rebuild_takes_objects_from_a_run_that_has_not_asked_the_ledger_yet(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2, day=NEXT_DAY)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(before_confirm=once(lambda: zone.restarted().rebuild()))

    result = zone.process(batch_id, ledger=ledger)

    assert result is not None
    assert [one.partition_key for one in result.partitions] == [NEXT_DAY]
    zone.assert_exact(1, 2)
    assert zone.batch_states() == ["committed", "committed"]
    assert len(stored_files(zone.lake_table())) == 2
    assert zone.acknowledge().deleted == 2


def test_run_all_of_whose_objects_a_rebuild_takes_has_nothing_left_to_do(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(before_confirm=once(lambda: zone.restarted().rebuild()))

    result = zone.process(batch_id, ledger=ledger)

    assert result is not None
    assert result.partitions == ()
    zone.assert_exact(1)
    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.acknowledge().deleted == 1


def test_run_that_starts_while_a_rebuild_commits_finds_nothing_to_do(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(after_confirm=once(lambda: zone.restarted().process(batch_id)))

    zone.rebuild(ledger=ledger)

    zone.assert_exact(1)
    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.acknowledge().deleted == 1


def test_other_partition_that_commits_while_a_rebuild_does_is_kept(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    def ingest_another_day() -> None:
        zone.put_orders("a", 2, day=NEXT_DAY)
        zone.drain()
        (_rebuild, ingest) = zone.ledger.open_batches(QUEUE)
        zone.restarted().process(ingest.batch_id, run_id="run-2")

    zone.rebuild(ledger=zone.hooked_ledger(after_confirm=once(ingest_another_day)))

    zone.assert_exact(1, 2)
    assert zone.acknowledge().deleted == 2


def test_event_of_an_object_that_is_being_rebuilt_waits_and_then_settles(zone: Zone) -> None:
    zone.put_orders("a", 1)

    def receive_the_event() -> None:
        zone.drain()
        assert [batch.kind for batch in zone.ledger.open_batches(QUEUE)] == ["rebuild"]

    zone.rebuild(ledger=zone.hooked_ledger(after_confirm=once(receive_the_event)))

    zone.drain()
    assert zone.ledger.open_batches(QUEUE) == []
    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


def test_rebuild_whose_run_is_taken_over_while_it_commits_comes_once(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    ledger = zone.hooked_ledger(after_confirm=once(lambda: finish(zone.restarted())))

    zone.rebuild(ledger=ledger)

    zone.assert_exact(1)
    assert zone.snapshots() == 2
    assert zone.acknowledge().deleted == 1


def test_two_rebuilds_of_a_partition_at_once_give_its_rows_once(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()
    ledger = zone.hooked_ledger(after_confirm=once(lambda: zone.restarted().rebuild(run_id="rebuild-2")))

    zone.rebuild(run_id="rebuild-1", ledger=ledger)

    zone.assert_exact(1, 2)
    assert zone.ledger.open_batches(QUEUE) == []


def test_later_rebuild_stops_one_that_has_not_asked_the_ledger_yet(zone: Zone) -> None:
    zone.put_orders("a", 1)
    ledger = zone.hooked_ledger(before_confirm=once(lambda: zone.restarted().rebuild(run_id="rebuild-2")))

    with pytest.raises(BatchSuperseded):
        zone.rebuild(run_id="rebuild-1", ledger=ledger)

    zone.assert_exact(1)
    assert sorted(zone.batch_states()) == ["abandoned", "committed"]


def test_rebuild_over_an_ingest_that_died_after_its_commit_leaves_it_to_finish(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))

    zone.rebuild()
    zone.process(batch_id, run_id="run-2")

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


def test_zombie_that_wakes_after_its_objects_were_given_back_and_rebuilt_is_refused(zone: Zone) -> None:
    """Run 1 has confirmed; run 2 finds the object gone; it is back, and a rebuild ingests it; run 1 wakes."""
    key = zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    zone.silence()

    def lose_replace_and_rebuild() -> None:
        zone.delete(key)
        zone.restarted().process(batch_id, run_id="run-2")
        zone.put(key, orders(1))
        zone.restarted().rebuild()

    zone.process(batch_id, ledger=zone.hooked_ledger(after_confirm=once(lose_replace_and_rebuild)))

    zone.assert_exact(1)
    assert zone.states() == {order_key("a"): ObjectState.COMMITTED}
    assert zone.acknowledge().deleted == 1
