"""A partition rebuilt from what S3 holds: the same rows however often, and a ledger that agrees with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest_project.batches.model import ObjectState
from ingest_project_tests.factories import DAY, NEXT_DAY, QUEUE, Zone, order_key, orders, orders_table
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse
from ingest_project_tests.landing import table

COMMITTED, FAILED, SUPERSEDED = ObjectState.COMMITTED, ObjectState.FAILED, ObjectState.SUPERSEDED


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def test_rebuilding_twice_gives_the_same_rows(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    zone.ingest_one()

    for run_id in ("rebuild-1", "rebuild-2"):
        result = zone.rebuild(run_id=run_id)
        assert result is not None
        assert [
            (one.partition_key, one.objects, one.rows, one.rows_in_partition) for one in result.partitions
        ] == [(DAY, 2, 3, 3)]
        zone.assert_exact(1, 2, 3)
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 2, 3]
    assert zone.batch_states() == ["committed"] * 3


def test_rebuild_brings_what_no_event_told_of(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    zone.rebuild()

    zone.assert_exact(1)


def test_object_that_is_gone_from_s3_disappears(zone: Zone) -> None:
    gone = zone.put_orders("a", 1, 2)
    kept = zone.put_orders("b", 3)
    zone.ingest_one()
    zone.delete(gone)

    zone.rebuild()

    zone.assert_exact(3)
    assert zone.states() == {gone: SUPERSEDED, kept: COMMITTED}
    assert zone.acknowledge().deleted == 2


def test_partition_of_which_s3_holds_nothing_becomes_empty(zone: Zone) -> None:
    key = zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.delete(key)

    result = zone.rebuild()

    assert result is not None
    assert result.partitions == ()
    zone.assert_exact()


def test_rebuild_of_nothing_at_all_is_fine(zone: Zone) -> None:
    result = zone.rebuild()

    assert result is not None
    assert result.rows == 0
    zone.assert_exact()


def test_unreadable_object_keeps_the_rows_that_its_key_has(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()
    zone.silence()
    zone.put(key, b"broken")
    zone.put_orders("b", 3)

    result = zone.rebuild()

    assert result is not None
    assert [failure.error_class for failure in result.failures] == ["unreadable"]
    zone.assert_exact(1, 3)
    assert zone.states()[key] is FAILED


def test_overwritten_object_brings_its_new_rows_alone(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a", 2, 3)

    zone.rebuild()

    zone.assert_exact(2, 3)


def test_rebuild_of_an_appending_table_keeps_what_s3_holds_now(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="append")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put_orders("a", 2)
    zone.ingest_one()
    zone.assert_exact(1, 2)

    zone.rebuild()

    zone.assert_exact(2)


def test_objects_of_other_partitions_are_not_touched(zone: Zone) -> None:
    zone.put_orders("a", 1)
    other = zone.put_orders("a", 2, day=NEXT_DAY)
    zone.ingest_one()
    batch_of_other = dict(zone.rows().select("order_id", "_batch_id").iter_rows())[2]
    zone.delete(other)

    zone.rebuild()

    zone.assert_exact(1, 2)
    assert dict(zone.rows().select("order_id", "_batch_id").iter_rows())[2] == batch_of_other


def test_objects_below_the_prefix_that_route_nowhere_are_ignored(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)
    zone.put("orders/_SUCCESS", b"")
    zone.put("orders/dt=2025-12-31/before-the-start.ndjson", orders(2))

    zone.rebuild()

    zone.assert_exact(1)
    assert list(zone.states()) == [order_key("a")]


def test_objects_of_another_table_below_the_same_prefix_are_ignored(zone: Zone) -> None:
    returns = table("sales.returns", "orders/", {"order_id": "long"}, suffix=".returns")
    zone.landing.write(tables=[orders_table(suffix=".ndjson"), returns])
    zone = zone.restarted()
    zone.silence()
    zone.put_orders("a", 1)
    zone.put(f"orders/dt={DAY}/a.returns", orders(2))

    zone.rebuild()

    zone.assert_exact(1)


def test_event_that_comes_after_the_rebuild_settles_without_a_run(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.rebuild()

    claimed = zone.drain()

    assert (claimed.new_objects, claimed.known_objects) == (0, 1)
    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.acknowledge().deleted == 1
    zone.assert_exact(1)


def test_event_with_a_sequencer_of_a_write_that_the_rebuild_saw_settles_without_a_run(zone: Zone) -> None:
    zone.silence()
    written_at = datetime.now(UTC)
    etag = zone.put(order_key("a"), orders(1))
    zone.rebuild()

    zone.announce(order_key("a"), etag, sequencer="0055AED6DCD90281E5", at=written_at)
    zone.drain()

    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.acknowledge().deleted == 1
    zone.assert_exact(1)


def test_rebuild_settles_what_waits_with_its_messages(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()

    zone.rebuild()

    zone.assert_exact(1, 2)
    assert zone.acknowledge().deleted == 2
    result = zone.process(batch_id)
    assert result is not None
    assert (result.rows, result.snapshot_id) == (0, None)
    zone.assert_exact(1, 2)


def test_rebuild_reads_again_what_had_failed(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.delete(key)
    zone.ingest_one()
    zone.silence()
    zone.put(key, orders(1))

    zone.rebuild()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


def test_table_partitioned_by_event_time_keeps_an_object_in_the_partition_of_its_event(zone: Zone) -> None:
    by_time = {"every": "day", "start": "2026-01-01", "from": "event_time"}
    zone = zone.declare(partition=by_time)
    zone.silence()
    today = datetime.now(UTC)
    yesterday = today - timedelta(days=1)
    etag = zone.put("orders/a.ndjson", orders(1))
    zone.announce("orders/a.ndjson", etag, at=yesterday)
    zone.ingest_one()

    zone.rebuild(f"{today:%Y-%m-%d}")
    zone.assert_exact(1)
    result = zone.rebuild(f"{yesterday:%Y-%m-%d}")

    assert result is not None
    assert [(one.partition_key, one.rows) for one in result.partitions] == [(f"{yesterday:%Y-%m-%d}", 1)]
    zone.assert_exact(1)
