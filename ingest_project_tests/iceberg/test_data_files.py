"""Rows are written once, split by the partition spec, in the table's types; nothing is committed."""

from datetime import datetime, time
from uuid import UUID

import polars as pl
import pyarrow as pa
import pytest

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    commit_orders,
    nothing,
    orders,
    orders_table,
    table_settings,
)
from ingest_project_tests.iceberg.readers import order_ids, order_ids_by_clickhouse, stored_files


def read_back(table: LakeTable, frame: pa.Table) -> dict[str, list[object]]:
    table.commit("b", [table.write(frame)], nothing)
    return table._table.scan().to_arrow().select(frame.column_names).to_pydict()


def test_files_are_split_by_partition_and_not_committed(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake, partition_spec=["day(ordered_at)"])
    written = table.write(orders("one", [1, 2, 30, 60]))
    assert written.rows == 4
    assert {file.record_count for file in written.data_files} == {1, 2}
    assert len(written.data_files) == len(stored_files(table)) == 3
    assert written.size_bytes == sum(path.stat().st_size for path in stored_files(table))
    assert table.snapshot_id is None


def test_no_rows_write_no_file(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    written = table.write(orders("one", []))
    assert (written.rows, written.size_bytes, written.data_files) == (0, 0, ())
    assert stored_files(table) == set()


def test_columns_are_matched_by_name_and_absent_ones_are_null(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    table.commit("b", [table.write(pa.table({"amount": [1.5], "order_id": [7]}))], nothing)
    (row,) = table._table.scan().to_arrow().to_pylist()
    assert (row["order_id"], row["amount"], row["ordered_at"], row["_batch_id"]) == (7, 1.5, None, None)


def test_a_new_column_is_added_before_its_rows(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    frame = orders("one", [1]).append_column("lines", pa.array([[{"sku": "a"}]]))
    table.commit("one", [table.write(frame)], nothing)
    assert table.columns["lines"] == "list<struct<sku: string>>"
    assert table._table.scan().to_arrow()["lines"].to_pylist() == [[{"sku": "a"}]]


def test_polars_types_are_widened_to_the_tables(sqlite_lake: Lake) -> None:
    columns = {"u": "long", "n": "string", "c": "string", "t": "time", "ns": "timestamp", "b": "binary"}
    table = orders_table(sqlite_lake, columns=columns)
    frame = pl.DataFrame(
        {
            "u": pl.Series([1, None], dtype=pl.UInt64),
            "n": pl.Series([None, None], dtype=pl.Null),
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "t": [time(1, 2, 3), None],
            "ns": pl.Series([datetime(2026, 1, 1), None], dtype=pl.Datetime("ns")),  # noqa: DTZ001
            "b": [b"x", None],
        }
    )
    rows = read_back(table, frame.to_arrow())
    assert rows == {
        "u": [1, None],
        "n": [None, None],
        "c": ["x", "y"],
        "t": [time(1, 2, 3), None],
        "ns": [datetime(2026, 1, 1), None],  # noqa: DTZ001
        "b": [b"x", None],
    }


@pytest.mark.parametrize("transform", ["", "c", "bucket[4](c)"])
@pytest.mark.parametrize(("type_name", "size_bytes"), [("uuid", 16), ("fixed[3]", 3)])
def test_bytes_of_a_size_are_written_whatever_the_partition_spec(
    sqlite_lake: Lake, type_name: str, size_bytes: int, transform: str
) -> None:
    columns = {"c": type_name}
    settings = table_settings(columns=columns, partition_spec=[transform] if transform else [])
    table = sqlite_lake.table(settings, columns=columns)
    values = [b"a" * size_bytes, None, b"b" * size_bytes]
    frame = pl.DataFrame({"c": pl.Series(values, dtype=pl.Binary)}).to_arrow()

    (found,) = read_back(table, frame).values()

    stored = {value.bytes if isinstance(value, UUID) else value for value in found}
    assert stored == set(values)


def test_bytes_of_another_size_are_a_mismatch(sqlite_lake: Lake) -> None:
    columns = {"c": "list<fixed[3]>"}
    table = sqlite_lake.table(table_settings(columns=columns), columns=columns)
    with pytest.raises(TableMismatch, match="column c"):
        table.write(pl.DataFrame({"c": [[b"abcd"]]}).to_arrow())


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["7"]),
        pa.array([1.5]),
        pa.array([2**63], pa.uint64()),
        pa.array([None], pa.list_(pa.int64())),
    ],
)
def test_a_column_that_does_not_fit_is_a_mismatch(
    sqlite_lake: Lake, column: "pa.Array[pa.Scalar[pa.DataType]]"
) -> None:
    table = orders_table(sqlite_lake)
    with pytest.raises(TableMismatch, match="order_id"):
        table.write(pa.table({"order_id": column}))


def requiring(lake: Lake, column: str) -> LakeTable:
    """The table after another writer made one of its columns required."""
    table = orders_table(lake)
    with table._table.update_schema(allow_incompatible_changes=True) as update:
        update.update_column(column, required=True)
    table.refresh()
    return table


def test_table_of_another_writer_that_requires_a_column_takes_rows_that_have_it(sqlite_lake: Lake) -> None:
    table = requiring(sqlite_lake, "order_id")

    commit_orders(table, "one", [1, 2])

    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2]


@pytest.mark.parametrize("frame", [{"order_id": [1, None]}, {"amount": [0.5]}])
def test_row_without_a_value_that_the_table_requires_is_a_mismatch_that_says_what_to_do(
    sqlite_lake: Lake, frame: dict[str, list[float | None]]
) -> None:
    table = requiring(sqlite_lake, "order_id")

    with pytest.raises(
        TableMismatch, match=r"order_id: the table requires it, .* `required: true`"
    ) as caught:
        table.write(pa.table(frame))

    assert "\n" not in str(caught.value)


def test_local_time_is_not_taken_for_utc(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    with pytest.raises(TableMismatch, match="ordered_at"):
        table.write(pa.table({"ordered_at": pa.array([0], pa.timestamp("us"))}))


def test_a_new_column_without_iceberg_type_is_a_mismatch(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    with pytest.raises(TableMismatch, match="took"):
        table.write(pa.table({"took": pa.array([1], pa.duration("us"))}))


def test_discarded_files_are_gone(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake, partition_spec=["day(ordered_at)"])
    written = table.write(orders("one", [1, 30]))
    table.discard([written])
    assert stored_files(table) == set()
