"""The quarantine of a table as an asset, downstream of the table: every change is reported."""

from pathlib import Path

import dagster as dg
import pytest

from ingest_project.defs.assets import queue_assets, table_assets
from ingest_project.defs.quarantine_assets import quarantine_assets
from ingest_project.errors import CatalogUnavailable
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.defs.factories import ingest
from ingest_project_tests.factories import DAY, Zone, order_key, orders, orders_table
from ingest_project_tests.landing import BUCKET, table

QUARANTINE = dg.AssetKey(["sales", "orders__quarantine"])
BAD = b'not JSON <b>\n{"order_id": "two"}\n'


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def materialization(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dg.AssetMaterialization | None:
    found = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == key
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_quarantine_is_downstream_of_its_table_and_only_where_rows_are_set_aside(zone: Zone) -> None:
    zone.landing.write(
        tables=[orders_table(), table("web.clicks", "clicks/", {"click_id": "string"}, bad_rows="fail")]
    )
    settings = zone.restarted().services.settings

    (spec,) = quarantine_assets(settings)

    graph = dg.Definitions(
        assets=[*queue_assets(settings), *table_assets(settings), spec], resources={"services": zone.services}
    ).resolve_asset_graph()
    assert spec.key == QUARANTINE
    assert graph.get(QUARANTINE).parent_keys == {dg.AssetKey(["sales", "orders"])}
    assert (graph.get(QUARANTINE).group_name, graph.get(QUARANTINE).kinds) == ("sales", {"iceberg"})


def test_run_that_sets_rows_aside_says_which_and_why(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + BAD)

    result = ingest(zone, instance)

    found = materialization(result, QUARANTINE)
    assert found is not None
    assert found.metadata["rows_added"].value == 2
    quarantine = zone.services.lake.find("sales.orders__quarantine")
    assert quarantine is not None
    assert found.metadata["snapshot_id"].value == str(quarantine.snapshot_id)
    assert found.metadata["dagster/row_count"].value == 2
    schema = found.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    in_iceberg = zone.quarantined().columns
    assert [column.name for column in schema.columns] == in_iceberg
    assert all(column.description for column in schema.columns)
    reasons = found.metadata["reasons"]
    assert isinstance(reasons, dg.TableMetadataValue)
    first, second = (dict(record.data) for record in reasons.records)
    assert first["object"] == f"s3://{BUCKET}/{order_key('a')}"
    assert (first["line"], first["column"]) == (2, "")
    assert (second["line"], second["column"]) == (3, "order_id")
    assert "'two' is not a valid long" in str(second["reason"])


def test_partition_says_how_many_rows_were_set_aside(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + BAD)

    found = materialization(ingest(zone, instance), dg.AssetKey(["sales", "orders"]))

    assert found is not None
    assert (found.metadata["rows_added"].value, found.metadata["bad_rows"].value) == (1, 2)


def test_run_without_bad_rows_does_not_touch_the_quarantine(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)

    assert materialization(ingest(zone, instance), QUARANTINE) is None


def test_quarantine_that_cannot_be_looked_at_is_reported_all_the_same(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise CatalogUnavailable("sales.orders__quarantine", "the warehouse does not answer")

    zone.put(order_key("a"), orders(1) + BAD)
    monkeypatch.setattr(LakeTable, "quarantined_rows", unavailable)

    found = materialization(ingest(zone, instance), QUARANTINE)

    assert found is not None
    assert found.metadata["rows_added"].value == 2


def test_rebuild_reports_what_it_set_aside(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + BAD)
    (asset,) = table_assets(zone.services.settings)

    result = dg.materialize(
        [asset], partition_key=DAY, resources={"services": zone.services}, instance=instance
    )

    found = materialization(result, QUARANTINE)
    assert found is not None
    assert found.metadata["rows_added"].value == 2


def test_run_that_takes_bad_rows_out_says_how_many_are_left(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + BAD)
    zone.put(order_key("b"), orders(2) + b"not JSON\n")
    zone.ingest()
    zone.put_orders("a", 1)

    found = materialization(ingest(zone, instance), QUARANTINE)

    assert found is not None
    told = {name: found.metadata[name].value for name in ("rows_added", "rows_removed", "dagster/row_count")}
    assert told == {"rows_added": 0, "rows_removed": 2, "dagster/row_count": 1}
    assert found.description is not None
    assert found.description.startswith("2 were removed, because their objects were read again by batch")
