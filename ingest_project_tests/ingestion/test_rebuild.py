"""A partition rebuilt from what S3 holds: the same rows however often, and a ledger that agrees with them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest_project.checks.tables.failed_objects import judge_failed_objects
from ingest_project.checks.tables.verdict import Verdict
from ingest_project.ledger.model import ObjectState
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.factories import (
    DAY,
    NEXT_DAY,
    ORDERS,
    QUEUE,
    Zone,
    order_key,
    orders,
    orders_table,
)
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse
from ingest_project_tests.landing import BUCKET, table

COMMITTED, FAILED, SUPERSEDED = ObjectState.COMMITTED, ObjectState.FAILED, ObjectState.SUPERSEDED
SKIPPED = ObjectState.SKIPPED


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def failed_objects(zone: Zone) -> Verdict:
    """The verdict of the table's check."""
    table = zone.services.settings.table(ORDERS)
    return judge_failed_objects(table, zone.ledger.unread_objects(QUEUE, ORDERS, limit=10))


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


def test_rebuild_brings_what_no_event_has_named(zone: Zone) -> None:
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
    (partition,) = result.partitions
    assert (partition.partition_key, partition.objects, partition.rows_in_partition) == (DAY, 0, 0)
    assert (result.rows_in_table, result.rows_replaced) == (0, 2)
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


def test_hidden_and_excluded_objects_have_no_rows_in_a_rebuild(zone: Zone) -> None:
    zone.landing.write(tables=[orders_table(exclude=["old-*", "*/archive/*"])])
    zone = zone.restarted()
    zone.silence()
    zone.put_orders("a", 1)
    for name in ("_b", ".c", "_tmp/d", "old-e", "archive/f"):
        zone.put_orders(name, 2)

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


def forge(zone: Zone, key: str, **told: Any) -> None:
    """Send the event of a write that never happened."""
    zone.announce(key, "0" * 32, **{"sequencer": "0055AED6DCD90281E5", **told})


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_failure_of_an_object_that_never_was_ends_with_the_rebuild_and_its_message_goes(
    zone: Zone, policy: str
) -> None:
    zone = zone.declare(on_overwrite=policy)
    zone.put_orders("a", 1)
    forge(zone, order_key("never"))
    zone.ingest_one()
    assert zone.error_classes() == {order_key("never"): "missing"}
    assert zone.acknowledge().deleted == 1
    assert not failed_objects(zone).passed

    result = zone.rebuild()

    assert result is not None
    assert (result.objects_gone, result.failures) == (1, ())
    assert zone.states() == {order_key("a"): COMMITTED, order_key("never"): SKIPPED}
    assert failed_objects(zone).passed
    assert zone.acknowledge().deleted == 1
    assert zone.message_states() == {"deleted": 2}
    zone.assert_exact(1)


def test_failure_of_a_version_whose_key_was_deleted_ends_with_the_rebuild(zone: Zone) -> None:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    key = order_key("a")
    zone.put(key, b"broken")
    zone.ingest_one()
    zone.delete(key)

    result = zone.rebuild()

    assert result is not None
    assert result.objects_gone == 1
    assert zone.states() == {key: SKIPPED}
    assert zone.acknowledge().deleted == 1


def test_failure_of_what_s3_holds_stays_though_the_table_passes_it_over_now(zone: Zone) -> None:
    hidden = order_key("kept")
    zone.put(hidden, b"broken")
    zone.ingest_one()
    zone = zone.declare(exclude=["kept*"])

    result = zone.rebuild()

    assert result is not None
    assert result.objects_gone == 0
    assert zone.states() == {hidden: FAILED}
    assert not failed_objects(zone).passed


def test_failure_in_another_partition_or_outside_of_what_is_listed_stays(zone: Zone) -> None:
    forge(zone, order_key("never", NEXT_DAY))
    forge(zone, order_key("never"))
    zone.ingest_one()
    zone = zone.declare(prefix="orders/dt=2026-11-20/archive/")

    result = zone.rebuild()

    assert result is not None
    assert result.objects_gone == 0
    assert set(zone.states().values()) == {FAILED}


def test_failure_that_comes_while_the_rebuild_lists_stays(zone: Zone) -> None:
    """Its object may have been written after the listing had passed its key."""

    class SlowStore(ObjectStore):
        def list(self, bucket: str, prefix: str) -> Iterator[ObjectVersion]:
            listed = list(super().list(bucket, prefix))
            key = zone.put_orders("a", 1)
            zone.delete(key)
            zone.ingest_one()
            yield from listed

    result = zone.rebuild(store=SlowStore(zone.services.aws))

    assert result is not None
    assert result.objects_gone == 0
    assert zone.states() == {order_key("a"): FAILED}


def test_failure_stays_until_the_rebuild_is_settled_and_a_crash_is_finished_by_the_next_run(
    zone: Zone,
) -> None:
    zone.put_orders("a", 1)
    forge(zone, order_key("never"))
    zone.ingest_one()

    with pytest.raises(Killed):
        zone.rebuild(ledger=zone.hooked_ledger(before_settle=die))
    assert zone.states()[order_key("never")] is FAILED
    assert zone.acknowledge().deleted == 1
    (batch,) = zone.ledger.open_batches(QUEUE)
    result = zone.restarted().process(batch.batch_id, run_id="run-2")

    assert result is not None
    assert result.objects_gone == 1
    assert zone.states()[order_key("never")] is SKIPPED
    assert zone.acknowledge().deleted == 1
    zone.assert_exact(1)


def test_object_that_is_written_after_its_failure_was_settled_is_ingested(zone: Zone) -> None:
    zone.silence()
    key = order_key("late")
    forge(zone, key)
    zone.ingest_one()
    zone.rebuild()

    zone.announce(key, zone.put(key, orders(1)), sequencer="0055AED6DCD90281F0")
    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


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
