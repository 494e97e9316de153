"""A run that dies between any two of its steps: the next attempt finishes the batch without duplicates."""

from pathlib import Path

import pytest

from ingest_project.errors import LedgerUnavailable
from ingest_project.ledger.model import ObjectState
from ingest_project.reading import format_options as options_module
from ingest_project.reading.limits import Limits, PortionLimits
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse

COMMITTED, FAILED, PENDING = ObjectState.COMMITTED, ObjectState.FAILED, ObjectState.PENDING


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def kill_before_the_commit(zone: Zone, batch_id: str) -> None:
    """A run writes its data files and dies."""
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die))


def kill_before_the_settling(zone: Zone, batch_id: str) -> None:
    """A run commits its batch and dies."""
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))


def test_crash_before_the_commit_leaves_no_row_and_the_next_attempt_ingests_all(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    batch_id = zone.plan_one()
    kill_before_the_commit(zone, batch_id)
    assert zone.snapshots() == 0
    assert zone.acknowledge().deleted == 0

    zone.restarted().process(batch_id, run_id="run-2")

    zone.assert_exact(1, 2)
    assert zone.snapshots() == 1
    assert zone.acknowledge().deleted == 1


def test_crash_between_two_portions_leaves_no_row(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=31)))
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()
    kill_before_the_commit(zone, batch_id)

    zone.restarted().process(batch_id, run_id="run-2")

    zone.assert_exact(1, 2)
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 2]


def test_crash_after_the_commit_is_finished_from_what_the_table_says(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    batch_id = zone.plan_one()
    kill_before_the_settling(zone, batch_id)
    committed = zone.lake_table().snapshot_id

    result = zone.restarted().process(batch_id, run_id="run-2")

    assert result is not None
    assert (result.snapshot_id, result.rows) == (committed, 3)
    assert [partition.sample for partition in result.partitions] == [None]
    zone.assert_exact(1, 2, 3)
    assert zone.snapshots() == 1
    assert zone.acknowledge().deleted == 2


def test_ledger_rows_are_the_same_whether_the_first_attempt_settles_or_the_second(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3, day="2026-11-22")
    batch_id = zone.plan_one()
    kill_before_the_settling(zone, batch_id)

    result = zone.process(batch_id, run_id="run-2")

    assert result is not None
    told = [(one.partition_key, one.objects, one.rows, one.rows_in_partition) for one in result.partitions]
    assert told == [("2026-11-20", 1, 2, 2), ("2026-11-22", 1, 1, 1)]
    zone.assert_exact(1, 2, 3)


def test_object_that_was_empty_is_settled_and_one_that_failed_before_the_crash_is_tried_in_a_later_batch(
    zone: Zone,
) -> None:
    good, empty, broken = zone.put_orders("good", 1), order_key("empty"), order_key("broken")
    zone.put(empty, b"")
    zone.put(broken, b"broken")
    batch_id = zone.plan_one()
    kill_before_the_settling(zone, batch_id)

    zone.process(batch_id, run_id="run-2")

    assert zone.states() == {good: COMMITTED, empty: COMMITTED, broken: PENDING}
    zone.ingest_one()
    assert zone.states() == {good: COMMITTED, empty: COMMITTED, broken: FAILED}
    zone.assert_exact(1)
    assert zone.snapshots() == 1
    assert zone.acknowledge().deleted == 2


def test_object_that_changed_after_the_commit_is_not_read_again(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    kill_before_the_settling(zone, batch_id)
    zone.delete(order_key("a"))

    zone.process(batch_id, run_id="run-2")

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


def test_crash_after_the_commit_of_a_replacement_replaces_once(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.put_orders("a", 2, 3)
    batch_id = zone.plan_one()
    kill_before_the_settling(zone, batch_id)

    zone.process(batch_id, run_id="run-2")

    zone.assert_exact(2, 3)
    assert zone.snapshots() == 2
    assert zone.acknowledge().deleted == 2


def test_crash_of_every_attempt_but_the_last_still_gives_one_snapshot(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    kill_before_the_commit(zone, batch_id)
    kill_before_the_commit(zone, batch_id)
    kill_before_the_settling(zone, batch_id)
    kill_before_the_settling(zone, batch_id)

    zone.process(batch_id, run_id="run-5")

    zone.assert_exact(1)
    assert zone.snapshots() == 1
    assert zone.ledger.batch(batch_id).starts == 5


def test_crash_before_the_deletion_is_finished_by_the_next_tick(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    assert zone.restarted().acknowledge().deleted == 1
    assert zone.queue.attributes().in_flight == 0


def test_message_delivered_again_before_the_deletion_ingests_nothing_twice(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.redeliver()

    assert zone.ingest() == []

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1
    assert zone.queue.attributes().visible == 0


def test_ledger_that_goes_away_before_the_settling_leaves_the_batch_to_the_next_attempt(zone: Zone) -> None:
    def unavailable() -> None:
        raise LedgerUnavailable("the database went away")

    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    with pytest.raises(LedgerUnavailable):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=unavailable))

    assert zone.ledger.batch(batch_id).error == "the database went away"
    assert zone.acknowledge().deleted == 0
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1)
    assert zone.snapshots() == 1


def test_crash_of_the_first_batch_of_a_table_with_inferred_columns(zone: Zone) -> None:
    zone = zone.declare(columns=None)
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    kill_before_the_commit(zone, batch_id)
    kill_before_the_settling(zone, batch_id)

    zone.process(batch_id, run_id="run-3")

    zone.assert_exact(1)
    assert zone.snapshots() == 1
