"""What status and check read of a table, and that independent readers see what was committed."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.iceberg.factories import (
    commit_orders,
    nothing,
    orders,
    orders_table,
    replacing,
    table_settings,
    uri_of,
)
from ingest_project_tests.iceberg.readers import order_ids, order_ids_by_clickhouse


def test_a_new_table_has_no_rows_and_no_snapshot(lake: Lake) -> None:
    table = orders_table(lake)
    assert (table.row_count(), table.snapshot_id, table.current_snapshot) == (0, None, None)


def test_snapshots_tell_batch_and_rows(lake: Lake) -> None:
    table = orders_table(lake)
    first = commit_orders(table, "one", [1, 2, 3])
    second = table.commit("two", [table.write(orders("two", [4]))], replacing(uri_of(1))).snapshot_id
    table.refresh()
    assert second == table.snapshot_id
    shown = table.snapshot(first)
    current = table.current_snapshot
    assert shown is not None
    assert current is not None
    assert (shown.batch_id, shown.rows_added, shown.rows_in_table) == ("one", 3, 3)
    assert (current.batch_id, current.operation, current.rows_in_table) == ("two", "overwrite", 3)
    assert current.rows_removed == 3
    assert table.row_count() == 3
    assert timedelta(0) <= datetime.now(UTC) - current.committed_at < timedelta(minutes=1)
    assert table.snapshot(12345) is None


def test_rows_by_source_counts_the_batchs_rows_as_of_its_own_snapshot(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "base", [1])
    written = [table.write(orders("one", [2, 3], uri="s3://b/k")), table.write(orders("one", [4]))]
    commit = table.commit("one", written, nothing)
    table.commit("later", [table.write(orders("later", [5]))], replacing("s3://b/k"))
    assert table.rows_by_source("one", commit.snapshot_id) == {("s3://b/k", "v1"): 2, (uri_of(4), "v1"): 1}


def test_differences_name_columns_and_partition_spec(lake: Lake) -> None:
    table = orders_table(lake, partition_spec=["day(ordered_at)"])
    assert table.differences(table_settings(partition_spec=["day(ordered_at)"])) == ()
    other = table_settings(columns={"order_id": "string", "note": "string"}, partition_spec=["order_id"])
    assert len(table.differences(other)) == 3


def test_a_dropped_table_is_a_mismatch(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [1]))
    lake._catalog().drop_table(table.name)
    with pytest.raises(TableMismatch, match="dropped"):
        table.commit("one", [written], nothing)


def test_independent_readers_agree_on_a_partitioned_table(lake: Lake) -> None:
    table = orders_table(lake, partition_spec=["day(ordered_at)", "bucket[4](order_id)"])
    commit_orders(table, "one", list(range(100)))
    assert order_ids(table) == order_ids_by_clickhouse(table) == list(range(100))
    assert table.row_count() == 100
