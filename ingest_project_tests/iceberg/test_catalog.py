"""Tables are found, or created from settings; existing ones are changed only as the policy allows."""

import logging
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from ingest_project.errors import CatalogUnavailable, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.settings.model import PROVENANCE_COLUMNS, AwsSettings, CatalogSettings
from ingest_project_tests.iceberg.factories import (
    COLUMNS,
    catalog_settings,
    commit_orders,
    open_lake,
    orders_table,
    table_settings,
)


def test_a_new_sqlite_catalog_is_private_and_an_older_one_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "state" / "catalog.db"
    before = os.umask(0)
    try:
        open_lake(catalog_settings(tmp_path, uri=f"sqlite:///{file}")).find("sales.orders")
    finally:
        os.umask(before)
    made = (stat.S_IMODE(file.parent.stat().st_mode), stat.S_IMODE(file.stat().st_mode))
    file.chmod(0o644)

    open_lake(catalog_settings(tmp_path, uri=f"sqlite:///{file}")).find("sales.orders")

    assert made == (0o700, 0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_missing_table_is_none(lake: Lake) -> None:
    assert lake.find("sales.orders") is None


def test_a_table_is_made_as_the_settings_declare_it(lake: Lake) -> None:
    made = orders_table(lake, partition_spec=["day(ordered_at)"], description="Orders of the shop")
    found = lake.find("sales.orders")
    assert found is not None
    assert found.columns == made.columns == COLUMNS
    assert found.partition_spec == ("day(ordered_at)",)
    schema, properties = found._table.schema(), found._table.properties
    assert schema.column_names[-4:] == list(PROVENANCE_COLUMNS)
    assert found._table.format_version == 2
    assert properties["comment"] == "Orders of the shop"
    assert properties["write.metadata.metrics.column._source_uri"] == "full"


def test_namespaces_within_namespaces_are_made(lake: Lake) -> None:
    assert orders_table(lake, name="acme.sales.orders").name == "acme.sales.orders"
    assert orders_table(lake, name="acme.sales.returns").name == "acme.sales.returns"
    lake._catalog().drop_table("acme.sales.orders")
    lake._catalog().drop_table("acme.sales.returns")
    lake._catalog().drop_namespace("acme.sales")


def test_racing_openers_and_makers_all_get_the_one_table(settings: CatalogSettings, lake: Lake) -> None:
    together = threading.Barrier(6)

    def make() -> str:
        with open_lake(settings) as own:
            together.wait()
            return orders_table(own)._table.metadata.table_uuid.hex

    with ThreadPoolExecutor(6) as pool:
        uuids = {future.result() for future in [pool.submit(make) for _ in range(6)]}
    assert len(uuids) == 1
    assert lake.find("sales.orders") is not None


def test_a_missing_column_is_added_where_the_policy_is_to_add(lake: Lake) -> None:
    orders_table(lake)
    wider = {**COLUMNS, "note": "string"}
    assert orders_table(lake, columns=wider).columns == wider


def test_a_wider_type_is_taken_where_the_policy_is_to_add(lake: Lake) -> None:
    orders_table(lake, columns={"order_id": "int", "line": "struct<sku: string>"})
    wider = {"order_id": "long", "line": "struct<sku: string, count: int>"}
    assert orders_table(lake, columns=wider).columns == wider


@pytest.mark.parametrize("policy", ["fail", "rescue"])
def test_a_missing_column_is_a_mismatch_where_the_policy_is_another(lake: Lake, policy: str) -> None:
    orders_table(lake)
    with pytest.raises(TableMismatch, match=r"column note.*add_columns"):
        orders_table(lake, columns={**COLUMNS, "note": "string"}, schema_evolution=policy)


def test_a_type_that_cannot_be_reached_is_a_mismatch_with_column_and_remedy(lake: Lake) -> None:
    orders_table(lake)
    with pytest.raises(TableMismatch, match=r'column order_id is long.*declare order_id: "long"'):
        orders_table(lake, columns={**COLUMNS, "order_id": "string"})


def test_inferred_columns_do_not_judge_a_table_that_exists(lake: Lake) -> None:
    orders_table(lake)
    found = lake.table(table_settings(columns=None), columns={"order_id": "string", "other": "int"})
    assert found.columns == COLUMNS


def test_a_table_of_another_engine_gets_provenance_columns(lake: Lake) -> None:
    catalog = lake._catalog()
    catalog.create_namespace("sales")
    made = orders_table(lake, name="sales.template")._table.schema()
    catalog.create_table("sales.orders", made.select("order_id"))
    found = orders_table(lake, columns={"order_id": "long"}, schema_evolution="fail")
    commit_orders(found, "one", [1])
    assert {"order_id", *PROVENANCE_COLUMNS} <= set(found._table.schema().column_names)
    assert commit_orders(orders_table(lake), "one", [1])


def test_another_partition_spec_is_told_and_left(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    orders_table(lake, partition_spec=["day(ordered_at)"])
    with caplog.at_level(logging.WARNING):
        found = orders_table(lake, partition_spec=["hour(ordered_at)"])
    assert found.partition_spec == ("day(ordered_at)",)
    assert "partition_spec is declared as ['hour(ordered_at)']" in caplog.text


def test_wrong_columns_are_a_mismatch_and_leave_no_table(lake: Lake) -> None:
    with pytest.raises(TableMismatch, match="column a: 'money'"):
        orders_table(lake, columns={"a": "money"})
    assert lake.find("sales.orders") is None


def test_an_unreachable_catalog_is_unavailable_and_keeps_its_password() -> None:
    uri = "postgresql+psycopg://ingest:hunter2@127.0.0.1:1/lake"
    lake = open_lake(catalog_settings(Path("/nowhere"), uri=uri))
    with pytest.raises(CatalogUnavailable) as caught:
        lake.find("sales.orders")
    assert caught.value.transient
    assert "hunter2" not in str(caught.value)


def test_a_locked_catalog_is_unavailable(tmp_path: Path) -> None:
    settings = catalog_settings(tmp_path, uri=f"sqlite:///{tmp_path}/catalog.db?timeout=0.05")
    with open_lake(settings) as lake:
        orders_table(lake)
        with sqlite3.connect(tmp_path / "catalog.db") as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(CatalogUnavailable, match="locked"):
                lake.find("sales.orders")
        other.close()
        assert lake.find("sales.orders") is not None


def test_a_warehouse_on_s3_is_reached_at_the_emulators_endpoint(aws: str, tmp_path: Path) -> None:
    boto3.client("s3", endpoint_url=aws).create_bucket(Bucket="lake")
    settings = CatalogSettings.model_validate(
        {"uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": "s3://lake/warehouse"}
    )
    with Lake(settings, AwsSettings()) as lake:
        table = orders_table(lake, partition_spec=["day(ordered_at)"])
        commit_orders(table, "one", [1, 2, 30])
        assert table.location.startswith("s3://lake/warehouse/sales")
        assert table._table.scan().to_arrow().num_rows == 3
