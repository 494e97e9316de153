"""Checks of tables: what an ingest run records by itself, and what a person makes by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs import asset_checks
from ingest_project.defs.asset_checks import checks_definition, checks_job, table_checks
from ingest_project.defs.assets import table_assets
from ingest_project.errors import LedgerUnavailable
from ingest_project.iceberg.table import LakeTable
from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.defs.factories import ingest
from ingest_project_tests.factories import DAY, ORDERS, Zone, order_key, orders

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def record_of(instance: dg.DagsterInstance, name: str) -> Any:
    """What Dagster shows of sales.orders' check."""
    key = dg.AssetCheckKey(dg.AssetKey(["sales", "orders"]), name)
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return record


def latest(instance: dg.DagsterInstance, name: str) -> dg.AssetCheckEvaluation:
    evaluation = record_of(instance, name).evaluation
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    return evaluation


def log_lines(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    return [entry.user_message for entry in instance.all_logs(result.run_id)]


def definitions(zone: Zone) -> dg.Definitions:
    settings = zone.services.settings
    return dg.Definitions(
        assets=table_assets(settings),
        asset_checks=table_checks(settings),
        jobs=[checks_job()],
        resources={"services": zone.services},
        executor=dg.in_process_executor,
    )


def records(value: Any) -> list[dict[str, Any]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def test_run_records_the_share_of_its_bad_rows(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1, 2, 3) + b"not JSON\n")

    assert ingest(zone, instance).success

    found = latest(instance, "bad_rows")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["bad_rows"].value == 1
    assert found.metadata["bad_row_share_percent"].value == 25.0
    assert "1 of the 4 rows of batch" in (found.description or "")


def test_run_names_the_columns_that_it_added(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\n')
    ingest(zone, instance)
    assert latest(instance, "schema_drift").passed
    zone.put(order_key("b"), b'{"order_id": 2, "coupon": "X", "%s": 1}\n' % HOSTILE.encode())

    result = ingest(zone, instance)

    found = latest(instance, "schema_drift")
    assert not found.passed
    assert found.description == "columns have changed; new: coupon and 1 more"
    by_column = {row["column"]: row for row in records(found.metadata["drift"])}
    assert set(by_column) == {"coupon", HOSTILE}
    assert by_column["coupon"]["type"] == "string"
    last = zone.ledger.last_commit(ORDERS)
    assert last is not None
    assert by_column["coupon"]["batch"] == last.batch_id
    assert any("new or wider column" in line and "coupon" in line for line in log_lines(instance, result))


def test_look_up_that_fails_is_a_failed_check_and_no_failed_run(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise LedgerUnavailable("the ledger does not answer")

    def secret(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(Ledger, "committed_rows", unavailable)
    monkeypatch.setattr(LakeTable, "column_changes", secret)
    zone.put_orders("a", 1)

    assert ingest(zone, instance).success

    bad_rows = latest(instance, "bad_rows")
    assert bad_rows.description == "could not be checked: ledger"
    assert bad_rows.metadata["reason"].value == "the ledger does not answer"
    drift = latest(instance, "schema_drift")
    assert (drift.passed, drift.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert drift.description == "could not be checked: RuntimeError"


def test_check_that_dagster_does_not_accept_is_logged(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(asset_checks, "evaluation", broken)
    zone.put_orders("a", 1)

    result = ingest(zone, instance)

    assert result.success
    lines = log_lines(instance, result)
    assert "the checks of sales.orders could not be made: RuntimeError" in lines
    assert not any("hunter2" in line for line in lines)


def test_run_makes_no_check_that_is_switched_off(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone = zone.declare(checks={"max_bad_row_share": None, "schema_drift": False, "failed_objects": False})
    zone.put_orders("a", 1)

    result = ingest(zone, instance)

    assert result.success
    assert result.get_asset_check_evaluations() == []


def test_run_repeats_the_last_verdict_of_what_its_batch_does_not_tell(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    ingest(zone, instance)
    zone.landing.sqs.send_message(QueueUrl=f"{zone.landing.queue_url}-dlq", MessageBody="lost")
    definitions(zone).resolve_job_def("table_checks").execute_in_process(instance=instance)
    made = record_of(instance, "dlq_empty")
    zone.put_orders("b", 2)

    first = ingest(zone, instance)
    zone.put_orders("c", 3)
    second = ingest(zone, instance)

    for result in (first, second):
        repeated = {one.check_name: one for one in result.get_asset_check_evaluations()}
        assert repeated.keys() == {"failed_objects", "bad_rows", "schema_drift", "row_count", "dlq_empty"}
        assert repeated["dlq_empty"].description == "1 message in the DLQ of queue landing"
        assert repeated["dlq_empty"].metadata["messages"].value == 1
        assert repeated["dlq_empty"].metadata["made_at"].value == made.create_timestamp


def test_run_does_not_repeat_an_outdated_verdict(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions(zone).resolve_job_def("table_checks").execute_in_process(instance=instance)
    monkeypatch.setattr(asset_checks, "REPEATED_FOR_SECONDS", 0)
    zone.put_orders("a", 1)

    made = ingest(zone, instance).get_asset_check_evaluations()

    assert {one.check_name for one in made} == {"failed_objects", "bad_rows", "schema_drift"}


def test_run_that_adds_the_first_rows_does_not_repeat_that_there_are_none(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    definitions(zone).resolve_job_def("table_checks").execute_in_process(instance=instance)
    assert latest(instance, "row_count").description == "no rows yet"
    zone.put_orders("a", 1)

    ingest(zone, instance)

    assert latest(instance, "row_count").description != "no rows yet"


def test_run_judges_the_partition_again_to_which_its_batch_adds_rows(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    judged = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
    zone.put_orders("a", 1)
    ingest(zone, instance)
    definitions(zone).resolve_job_def("table_checks").execute_in_process(instance=instance)
    assert (latest(instance, "row_count").description or "").startswith(f"{judged} has no rows")
    zone.put_orders("b", 2, day=judged)

    ingest(zone, instance)

    assert (latest(instance, "row_count").description or "").startswith(f"{judged} has 1 row;")


def test_run_says_which_objects_failed_and_how_to_fix_them(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    zone.put(order_key("bad"), f"{HOSTILE}\n".encode())

    assert ingest(zone, instance).success

    found = latest(instance, "failed_objects")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.description == "1 object failed: unreadable 1"
    (newest,) = records(found.metadata["newest"])
    assert newest["object"].endswith(order_key("bad"))
    assert "`ingest retry --table sales.orders`" in str(found.metadata["what_to_do"].value)
    zone.put_orders("bad", 2)

    assert ingest(zone, instance).success

    assert latest(instance, "failed_objects").passed


def test_rebuild_clears_the_check_of_objects_that_never_were(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.announce(order_key("never"), "0" * 32)
    assert ingest(zone, instance).success
    found = latest(instance, "failed_objects")
    assert not found.passed
    assert "`ingest dismiss`" in str(found.metadata["what_to_do"].value)
    (by_class,) = records(found.metadata["by_class"])
    assert "materializing the partition" in str(by_class["cleared_by"])
    job = dg.define_asset_job("rebuild", dg.AssetSelection.assets(["sales", "orders"]))
    with_job = dg.Definitions.merge(definitions(zone), dg.Definitions(jobs=[job]))

    result = with_job.resolve_job_def("rebuild").execute_in_process(instance=instance, partition_key=DAY)

    assert result.success
    assert latest(instance, "failed_objects").passed


def test_person_makes_all_checks_with_one_job(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone = zone.declare(checks={"fresh_within": "1h"})
    zone.put_orders("a", 1)
    zone.ingest()

    result = definitions(zone).resolve_job_def("table_checks").execute_in_process(instance=instance)

    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {
        "failed_objects": True, "bad_rows": True, "schema_drift": True, "freshness": True, "row_count": True,
        "dlq_empty": True,
    }  # fmt: skip


def test_person_makes_one_check_alone(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    zone.ingest()
    key = dg.AssetCheckKey(dg.AssetKey(["sales", "orders"]), "dlq_empty")

    result = dg.materialize(
        [*table_assets(zone.services.settings), checks_definition(zone.services.settings.table(ORDERS))],
        selection=dg.AssetSelection.checks(key),
        resources={"services": zone.services},
        instance=instance,
    )

    assert [one.check_name for one in result.get_asset_check_evaluations()] == ["dlq_empty"]


def test_rebuild_of_a_partition_makes_the_checks_of_its_table(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put(order_key("a"), orders(1) + b"not JSON\n")
    job = dg.define_asset_job("rebuild", dg.AssetSelection.assets(["sales", "orders"]))
    with_job = dg.Definitions.merge(definitions(zone), dg.Definitions(jobs=[job]))

    result = with_job.resolve_job_def("rebuild").execute_in_process(instance=instance, partition_key=DAY)

    assert result.success
    assert not latest(instance, "bad_rows").passed
    assert latest(instance, "dlq_empty").passed
