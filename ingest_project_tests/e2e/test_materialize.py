"""Materializing a partition from the command line, before, between and after ticks of the sensor."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_project_tests.databases import on_both_databases
from ingest_project_tests.e2e.shop import ORDERS, Shop
from ingest_project_tests.e2e.world import BUCKET, World

pytestmark = [pytest.mark.e2e, on_both_databases]


def test_partition_materialized_twice_has_the_same_rows_and_no_duplicates(
    world: World,
) -> None:
    shop = Shop(world)
    shop.open(ORDERS)
    keys = [shop.put_orders(f"2026-11-{day:02d}", part) for day in (1, 2) for part in range(3)]
    of_day_2 = {f"s3://{BUCKET}/{key}": 20 for key in keys if "dt=2026-11-02" in key}

    for _ in range(2):
        materialized = world.materialize("sales/orders", "2026-11-02")
        assert materialized.returncode == 0, materialized.stderr[-4000:]
        assert shop.found("sales.orders") == of_day_2
    rebuilt = world.snapshots("sales.orders")

    world.start_daemon()
    world.wait_for(world.settled, name="the sensor settling what the rebuild had ingested")
    shop.assert_exact()
    batches = "select kind, objects from batches where state = 'committed' order by batch_id"
    assert world.ledger(batches) == [("rebuild", 3), ("rebuild", 3), ("ingest", 3)]
    assert len(world.snapshots("sales.orders")) == len(rebuilt) + 1

    # S3 is the truth: what it no longer holds goes, what was written again counts, the other partition stays.
    world.s3.delete_object(Bucket=BUCKET, Key=keys[3])
    shop.expected["sales.orders"].pop(f"s3://{BUCKET}/{keys[3]}")
    shop.put_orders("2026-11-02", 1, rows=7)
    materialized = world.materialize("sales/orders", "2026-11-02")
    assert materialized.returncode == 0, materialized.stderr[-4000:]
    shop.assert_exact()
    world.wait_for(world.settled, name="the event of the second write")
    shop.assert_exact()


def test_partition_with_an_unreadable_object_fails_on_the_command_line_and_keeps_its_rows(
    world: World,
) -> None:
    shop = Shop(world)
    shop.open(ORDERS)
    keys = [shop.put_orders("2026-11-01", part) for part in range(2)]
    assert world.materialize("sales/orders", "2026-11-01").returncode == 0
    world.s3.put_object(Bucket=BUCKET, Key=keys[1], Body=b"broken")

    materialized = world.materialize("sales/orders", "2026-11-01")

    assert materialized.returncode == 1
    assert "1 of 2 objects of sales.orders could not be read" in materialized.stderr
    shop.assert_exact()


def test_schedule_rebuilds_the_last_partition_that_is_over(world: World) -> None:
    shop = Shop(world)
    shop.open({**ORDERS, "rebuild_schedule": "* * * * *"})
    world.stop_sensors()
    today = datetime.now(UTC).date()
    yesterday = [shop.put_orders(f"{today - timedelta(days=1)}", part) for part in range(2)]
    shop.put_orders(f"{today}", 0)  # its window is still open: left to its event

    world.start_daemon()
    rebuilt = "select kind, partition_key from batches where state = 'committed'"
    world.wait_for(lambda: bool(world.ledger(rebuilt)), name="the schedule's rebuild")

    assert ("rebuild", f"{today - timedelta(days=1)}") in world.ledger(rebuilt)
    assert shop.found("sales.orders") == {f"s3://{BUCKET}/{key}": 20 for key in yesterday}
