"""Materializing by hand: a run succeeds only if it read all objects, and reports its changes correctly."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.checks.tables.verdict import checks_of
from ingest_project.defs.asset_checks import table_checks
from ingest_project.defs.assets import table_assets
from ingest_project.errors import CatalogUnavailable, QueueUnavailable
from ingest_project.ingestion.rebuild import Rebuild
from ingest_project.services import Services
from ingest_project_tests.factories import DAY, NEXT_DAY, Zone, order_key, orders

ORDERS = dg.AssetKey(["sales", "orders"])
RANGE = {"dagster/asset_partition_range_start": DAY, "dagster/asset_partition_range_end": "2026-11-22"}
LAST_DAY = "2026-11-22"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def materialize(
    zone: Zone, instance: dg.DagsterInstance, day: str | None = DAY, **arguments: Any
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        table_assets(zone.services.settings),
        partition_key=day,
        resources={"services": zone.services},
        instance=instance,
        raise_on_error=False,
        **arguments,
    )


def told(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> dict[str | None, dict[str, Any]]:
    """The metadata of the run's materializations of orders, by partition, one for each."""
    events = [entry.dagster_event for entry in instance.all_logs(result.run_id)]
    found = [
        event.step_materialization_data.materialization
        for event in events
        if event is not None and event.is_step_materialization and event.asset_key == ORDERS
    ]
    by_partition = {
        one.partition: {name: value.value for name, value in one.metadata.items()} for one in found
    }
    assert len(by_partition) == len(found)
    return by_partition


def failure(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = [one for one in result.all_events if one.is_step_failure]
    return event.step_failure_data.user_failure_data


def test_object_that_cannot_be_read_fails_the_run_and_its_old_rows_stay(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2, 3)
    zone.ingest()
    zone.put(order_key("b"), b"broken\n")
    zone.put_orders("a", 7)

    result = materialize(zone, instance)

    assert not result.success
    zone.assert_exact(2, 3, 7)
    metadata = told(instance, result)[DAY]
    assert (metadata["rows_added"], metadata["objects"], metadata["failed_objects"]) == (1, 1, 1)
    assert (metadata["dagster/row_count"], metadata["dagster/partition_row_count"]) == (3, 3)
    description = failure(result).description
    assert description.startswith("1 of 2 objects of sales.orders could not be read (unreadable 1)")
    assert "--select sales/orders --partition 2026-11-20 -m ingest_project.definitions" in description
    assert failure(result).metadata["error_class"].value == "unreadable"


def test_partition_of_which_nothing_can_be_read_has_no_materialization(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    zone.ingest()
    zone.put(order_key("a"), b"broken\n")

    result = materialize(zone, instance)

    assert not result.success
    zone.assert_exact(1)
    assert told(instance, result) == {}


def test_partition_that_only_lost_rows_says_so_although_the_run_fails(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    gone = zone.put_orders("b", 2, 3)
    zone.ingest()
    zone.put(order_key("a"), b"broken\n")
    zone.delete(gone)

    result = materialize(zone, instance)

    assert not result.success
    zone.assert_exact(1)
    metadata = told(instance, result)[DAY]
    assert (metadata["rows_added"], metadata["dagster/row_count"]) == (0, 1)


def test_fixed_object_lets_the_next_rebuild_succeed(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), b"broken\n")
    assert not materialize(zone, instance).success
    zone.put_orders("a", 1)

    assert materialize(zone, instance).success
    zone.assert_exact(1)


def test_rebuild_of_an_empty_partition_tells_the_rows_of_the_whole_table(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1, 2)
    zone.ingest()

    result = materialize(zone, instance, NEXT_DAY)

    metadata = told(instance, result)[NEXT_DAY]
    assert (metadata["dagster/row_count"], metadata["dagster/partition_row_count"]) == (2, 0)
    assert (metadata["rows_added"], metadata["objects"], metadata["failed_objects"]) == (0, 0, 0)
    assert "lag_seconds" not in metadata


def test_table_without_partitions_tells_one_row_count(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone = zone.declare(partition=None)
    zone.put_orders("a", 1, 2)

    metadata = told(instance, materialize(zone, instance, None))[None]

    assert metadata["dagster/row_count"] == 2
    assert "dagster/partition_row_count" not in metadata


def test_range_is_one_run_with_a_materialization_for_each_partition(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3, day=LAST_DAY)

    result = materialize(zone, instance, None, tags=RANGE)

    assert result.success
    zone.assert_exact(1, 2, 3)
    counts = {
        key: (one["rows_added"], one["dagster/partition_row_count"], one["dagster/row_count"])
        for key, one in told(instance, result).items()
    }
    assert counts == {DAY: (2, 2, 2), NEXT_DAY: (0, 0, 2), LAST_DAY: (1, 1, 3)}
    assert len({one["batch_id"] for one in told(instance, result).values()}) == 3


def test_partition_that_fails_does_not_stop_the_others_of_the_range(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put(order_key("a"), b"broken\n")
    zone.put_orders("b", 1, day=NEXT_DAY)
    zone.put_orders("c", 2, day=LAST_DAY)

    result = materialize(zone, instance, None, tags=RANGE)

    assert not result.success
    zone.assert_exact(1, 2)
    assert told(instance, result).keys() == {NEXT_DAY, LAST_DAY}
    assert "1 of 3 partitions of sales.orders were not rebuilt" in failure(result).description
    (record,) = failure(result).metadata["failures"].records
    assert (record.data["partition"], record.data["error_class"]) == (DAY, "unreadable")


def test_outage_in_one_partition_does_not_stop_the_others_of_the_range(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Rebuild.run

    def unavailable(rebuild: Rebuild, table: Any, key: str | None, **arguments: Any) -> Any:
        if key == NEXT_DAY:
            raise CatalogUnavailable("sales.orders", "the catalog did not answer")
        return run(rebuild, table, key, **arguments)

    monkeypatch.setattr(Rebuild, "run", unavailable)
    zone.put_orders("a", 1)
    zone.put_orders("c", 2, day=LAST_DAY)

    result = materialize(zone, instance, None, tags=RANGE)

    assert not result.success
    assert told(instance, result).keys() == {DAY, LAST_DAY}
    assert failure(result).metadata["error_class"].value == "catalog"


def test_fault_of_ours_half_way_through_a_range_does_not_hide_what_is_done(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Rebuild.run

    def broken(rebuild: Rebuild, table: Any, key: str | None, **arguments: Any) -> Any:
        if key == NEXT_DAY:
            raise ZeroDivisionError
        return run(rebuild, table, key, **arguments)

    monkeypatch.setattr(Rebuild, "run", broken)
    zone.put_orders("a", 1)

    result = materialize(zone, instance, None, tags=RANGE)

    assert not result.success
    assert told(instance, result).keys() == {DAY}


def test_rebuild_that_is_settled_is_green_although_sqs_does_not_answer(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise QueueUnavailable("landing", "the endpoint does not answer")

    monkeypatch.setattr(Services, "acknowledge", silent)
    zone.put_orders("a", 1)

    result = materialize(zone, instance)

    assert result.success
    assert any("does not answer" in entry.user_message for entry in instance.all_logs(result.run_id))


def test_failed_rebuild_makes_the_checks_that_its_batch_tells(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put(order_key("a"), b"broken\n")
    zone.put(order_key("b"), orders(1) + b"not JSON\n")
    settings = zone.services.settings
    definitions = dg.Definitions(
        assets=table_assets(settings),
        asset_checks=table_checks(settings),
        jobs=[dg.define_asset_job("rebuild", dg.AssetSelection.assets(ORDERS))],
        resources={"services": zone.services},
        executor=dg.in_process_executor,
    )

    result = definitions.resolve_job_def("rebuild").execute_in_process(
        instance=instance, partition_key=DAY, raise_on_error=False
    )

    assert not result.success
    key = dg.AssetCheckKey(ORDERS, "bad_rows")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert isinstance(record.evaluation, dg.AssetCheckEvaluation)
    assert not record.evaluation.passed
    for name in checks_of(
        settings.tables[0]
    ):  # one that was planned and does not come is a failed one to Dagster
        key = dg.AssetCheckKey(ORDERS, name)
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert isinstance(record.evaluation, dg.AssetCheckEvaluation), name
