"""The job and the schedule that reconcile a table, and the asset check that tells the result."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.checks.tables.evaluate import TableChecks
from ingest_project.checks.tables.verdict import checks_at_any_time, checks_of
from ingest_project.defs.reconcile import ledger_reconcile, reconcile_schedule
from ingest_project_tests.defs import test_operations
from ingest_project_tests.defs.test_operations import launch, output_metadata, records, refused
from ingest_project_tests.factories import ORDERS, Zone, order_key
from ingest_project_tests.ingestion.reconcile import metadata_tables
from ingest_project_tests.ingestion.reconcile.inventories import as_csv
from ingest_project_tests.ingestion.reconcile.test_inventory import held, publish

NIGHTLY = {"every": "0 3 * * *", "window": "7d", "grace": "1s", "enqueue": True}


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws).declare(reconcile=NIGHTLY)


def launched(zone: Zone, **config: Any) -> dg.ExecuteInProcessResult:
    return launch(ledger_reconcile, "reconcile", zone, {"table": ORDERS, "grace": "0s", **config})


def test_job_tells_what_is_missing_in_its_metadata_and_as_a_check_that_blocks_nothing(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    result = launched(zone)

    assert result.success
    metadata = output_metadata(result, "reconcile")
    assert (metadata["missing"].value, metadata["result"].value) == (1, "1 object is missing")
    assert records(metadata["examples"])[0]["object"].endswith(order_key("a"))
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == (
        "reconciled", False, dg.AssetCheckSeverity.WARN,
    )  # fmt: skip


def test_job_that_enqueues_lets_the_sensor_close_the_gap(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    assert output_metadata(launched(zone, enqueue=True), "reconcile")["enqueued"].value == 1
    zone.ingest_one()
    (check,) = launched(zone).get_asset_check_evaluations()

    zone.assert_exact(1)
    assert check.passed


def test_job_compares_by_an_inventory_and_fails_if_it_cannot_be_used(zone: Zone) -> None:
    zone.landing.s3.create_bucket(Bucket="inventories")
    zone.silence()
    zone.put_orders("a", 1)
    listed = publish(zone, as_csv(held(zone)))
    zone.put_orders("b", 2)  # after the inventory

    metadata = output_metadata(launched(zone, inventory=listed), "reconcile")
    wrong = launched(zone, inventory=publish(zone, as_csv([]), sourceBucket="another"))

    assert (metadata["missing"].value, metadata["compared_with"].value.split(",")[0]) == (1, listed)
    assert not wrong.success


def test_job_compares_only_what_the_config_names(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    for config in ({"since": "2999-01-01T00:00"}, {"until": "7d"}, {"prefix": "orders/dt=2026-11-21/"}):
        assert output_metadata(launched(zone, **config), "reconcile")["listed"].value == 0
    assert output_metadata(launched(zone, prefix="orders/dt=2026"), "reconcile")["listed"].value == 1


def test_every_field_is_described_and_filled_in_by_the_launchpad() -> None:
    test_operations.test_every_field_is_described_and_filled_in_by_the_launchpad(ledger_reconcile)


def test_job_refuses_what_cannot_be_compared(zone: Zone) -> None:
    assert "`table` is one of sales.orders" in refused(launched(zone, table="none"), "reconcile")
    assert "the segment `..`" in refused(launched(zone, prefix="orders/../x"), "reconcile")
    assert "since" in refused(launched(zone, since="yesterday"), "reconcile")


def test_schedule_asks_for_the_window_of_the_table(zone: Zone) -> None:
    schedule = reconcile_schedule(zone.services.settings.table(ORDERS))
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)

    with dg.instance_for_test() as instance:
        tick = schedule.evaluate_tick(
            dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        )

    (request,) = tick.run_requests or ()
    assert (schedule.name, schedule.cron_schedule) == ("sales_orders_reconcile", "0 3 * * *")
    assert request.run_config["ops"]["reconcile"]["config"] == {
        "table": ORDERS, "since": "2026-11-13T03:00:00+00:00", "grace": "1s", "enqueue": True,
        "metadata_table": "",
    }  # fmt: skip


def test_job_compares_by_a_table_of_s3_metadata_as_the_schedule_asks(zone: Zone) -> None:
    zone = metadata_tables.declare(zone, reconcile={**NIGHTLY, "metadata_table": metadata_tables.NAME})
    zone.silence()
    zone.put_orders("a", 1)
    name = metadata_tables.publish(zone, metadata_tables.held(zone))
    schedule = reconcile_schedule(zone.services.settings.table(ORDERS))
    with dg.instance_for_test() as instance:
        at = datetime(2026, 11, 20, 3, tzinfo=UTC)
        tick = schedule.evaluate_tick(
            dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        )
    (request,) = tick.run_requests or ()
    asked = request.run_config["ops"]["reconcile"]["config"]["metadata_table"]

    metadata = output_metadata(launched(zone, metadata_table=asked), "reconcile")
    both = launched(zone, metadata_table=asked, inventory="s3://inventories/manifest.json")

    assert (metadata["missing"].value, metadata["compared_with"].value.split(",")[0]) == (1, name)
    assert "exclude each other" in refused(both, "reconcile")


def test_check_can_be_made_alone_but_not_by_the_sensor_of_every_few_minutes(zone: Zone) -> None:
    table = zone.services.settings.table(ORDERS)
    assert set(checks_of(table)) - set(checks_at_any_time(table)) == {"reconciled"}

    (verdict,) = TableChecks(zone.services).verdicts(table, ["reconciled"])

    assert (verdict.passed, verdict.description) == (
        True,
        "S3, the ledger and the table agree about 0 objects",
    )
