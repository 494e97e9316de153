"""The independent reader finds what a table holds now, by source."""

from pathlib import Path

import pytest

from ingest_project.demo.table_rows import SourceRows, rows_by_source
from ingest_project_tests.iceberg.factories import (
    catalog_settings,
    commit_orders,
    open_lake,
    orders,
    orders_table,
    replacing,
    uri_of,
)


@pytest.fixture(autouse=True)
def _planner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # as in the demo's deployment


def test_rows_are_counted_by_source_and_replaced_ones_are_gone(tmp_path: Path) -> None:
    with open_lake(catalog_settings(tmp_path)) as lake:
        table = orders_table(lake, partition_spec=["day(ordered_at)"])
        commit_orders(table, "batch-1", [1, 2])
        again = table.write(orders("batch-2", [3, 4, 5], uri=uri_of(1)))
        table.commit("batch-2", [again], replacing(uri_of(1)))

    assert sorted(rows_by_source(f"sqlite:///{tmp_path}/state/catalog.db", "sales.orders"), key=str) == [
        SourceRows(uri_of(1), "v1", "batch-2", 3),
        SourceRows(uri_of(2), "v1", "batch-1", 1),
    ]


def test_a_table_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    with open_lake(catalog_settings(tmp_path)) as lake:
        orders_table(lake)

    assert list(rows_by_source(f"sqlite:///{tmp_path}/state/catalog.db", "sales.returns")) == []
