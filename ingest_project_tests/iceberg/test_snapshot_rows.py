"""Rows of one snapshot: columns, conditions of each type, and every query that cannot be answered."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import FileScanTask, Table
from pyiceberg.typedef import Record

from ingest_project.errors import CatalogUnavailable, JobRefused
from ingest_project.iceberg import file_rows
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.row_filters import RowFilter
from ingest_project.iceberg.snapshot_rows import RowQuery
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    START,
    commit_orders,
    nothing,
    orders_table,
    table_settings,
)

TYPES = {
    "flag": "boolean", "small": "int", "big": "long", "ratio": "float", "exact": "double",
    "price": "decimal(9,2)", "name": "string", "day": "date", "at": "time", "local": "timestamp",
    "moment": "timestamptz", "code": "uuid", "raw": "binary", "tags": "list<string>",
}  # fmt: skip
LOCAL = datetime.fromisoformat("2026-11-30T08:00:00")
FIRST = {
    "flag": True, "small": 1, "big": 2**40, "ratio": 0.5, "exact": 0.1, "price": Decimal("12.50"),
    "name": "a' or 1=1 --", "day": date(2026, 11, 30), "at": time(8, 30), "local": LOCAL,
    "moment": datetime(2026, 11, 30, 8, tzinfo=UTC), "code": UUID(int=7).bytes, "raw": b"\x00",
    "tags": ["x"],
}  # fmt: skip
ARROW_TYPES: dict[str, pa.DataType] = {
    "flag": pa.bool_(), "small": pa.int32(), "big": pa.int64(), "ratio": pa.float32(),
    "exact": pa.float64(), "price": pa.decimal128(9, 2), "name": pa.string(), "day": pa.date32(),
    "at": pa.time64("us"), "local": pa.timestamp("us"), "moment": pa.timestamp("us", "UTC"),
    "code": pa.binary(16), "raw": pa.binary(), "tags": pa.list_(pa.string()),
}  # fmt: skip
ARROW = pa.schema(list(ARROW_TYPES.items()))


@pytest.fixture
def table(sqlite_lake: Lake) -> LakeTable:
    """One row with all values, one of nulls."""
    found = sqlite_lake.table(table_settings(columns=TYPES), columns=TYPES)
    rows = pa.Table.from_pylist([FIRST, dict.fromkeys(FIRST)], schema=ARROW)
    told = {"_source_uri": "s3://b/k", "_source_version": "v", "_batch_id": "b", "_ingested_at": START}
    for name, value in told.items():
        rows = rows.append_column(name, pa.array([value] * 2))
    found.commit("b", [found.write(rows)], nothing)
    return found


def names(table: LakeTable, *filters: RowFilter) -> list[str | None]:
    return read(table, columns=("name",), filters=filters)["name"].to_pylist()


def read(table: LakeTable, **query: Any) -> pa.Table:
    found = table.rows(RowQuery(**query))
    return pa.Table.from_batches(list(found.batches), schema=found.schema)


EQUAL = {
    "flag": True, "small": 1, "big": 2**40, "ratio": 0.5, "exact": 0.1, "price": "12.5",
    "name": "a' or 1=1 --", "day": "2026-11-30", "at": "08:30:00", "local": "2026-11-30T08:00:00",
    "moment": "2026-11-30T09:00:00+01:00",
}  # fmt: skip
GREATER = {
    "small": 2, "big": 2**41, "ratio": 1, "exact": 1.5, "price": 12.51, "name": "b", "day": "2026-12-01",
    "at": "09:00:00", "local": "2026-11-30T08:00:01", "moment": "2026-11-30T08:00:01Z",
}  # fmt: skip


def test_values_of_each_type_are_compared_as_the_columns_type(table: LakeTable) -> None:
    for column, value in EQUAL.items():
        assert len(names(table, RowFilter(column, "=", value))) == 1, column
        assert names(table, RowFilter(column, "!=", value)) == [], column
        assert len(names(table, RowFilter(column, "in", [value]))) == 1, column
    for column, value in GREATER.items():
        assert len(names(table, RowFilter(column, "<", value))) == 1, column
        assert len(names(table, RowFilter(column, "<=", value))) == 1, column
        assert names(table, RowFilter(column, ">", value)) == [], column
        assert names(table, RowFilter(column, ">=", value)) == [], column
        assert len(names(table, RowFilter(column, "in", [value, EQUAL[column]]))) == 1, column


def test_null_is_found_by_is_null_alone_also_in_columns_without_a_comparison(table: LakeTable) -> None:
    for column in set(TYPES) - {"code", "tags"}:
        assert names(table, RowFilter(column, "is_null", True)) == [None], column
        assert names(table, RowFilter(column, "is_null", False)) == [FIRST["name"]], column


def test_conditions_hold_together(table: LakeTable) -> None:
    both = RowFilter("small", "=", 1), RowFilter("flag", "=", False)

    assert names(table, *both) == []


def test_columns_come_in_the_order_asked_for_and_provenance_only_if_it_is_named(table: LakeTable) -> None:
    assert read(table).column_names == list(TYPES)
    assert read(table, columns=("_batch_id", "big")).to_pylist()[0] == {"_batch_id": "b", "big": 2**40}


@pytest.mark.parametrize(
    ("column", "op", "value"),
    [
        ("flag", "=", 1), ("small", "=", True), ("small", "=", 2**31), ("small", "=", 1.0), ("big", "<", "1"),
        ("big", "=", 2**63), ("ratio", "=", "0.5"), ("exact", "=", float("nan")), ("price", "=", "12.505"),
        ("price", "=", "1e400"), ("price", "=", "12345678.00"), ("price", "=", "NaN"), ("price", "=", "x"),
        ("name", "=", 1), ("name", "=", "\ud800"), ("day", "=", "30.11.2026"), ("day", "=", 20),
        ("day", "=", "2026-11-30T08:00:00"), ("at", "=", "08:00:00Z"), ("local", "=", "2026-11-30T08:00:00Z"),
        ("moment", "=", "2026-11-30T08:00:00"), ("raw", "=", "00"),
        ("small", "in", []), ("small", "in", 1), ("small", "=", [1]), ("small", "is_null", 1),
    ],
)  # fmt: skip
def test_value_that_is_not_of_the_columns_type_is_refused(
    table: LakeTable, column: str, op: str, value: Any
) -> None:
    filters = RowFilter("big", "is_null", False), RowFilter(column, op, value)

    with pytest.raises(JobRefused) as refused:
        table.rows(RowQuery(filters=filters))

    assert refused.value.field == "filters.1.value"


def test_value_in_a_list_that_is_not_of_the_type_is_named(table: LakeTable) -> None:
    with pytest.raises(JobRefused) as refused:
        table.rows(RowQuery(filters=(RowFilter("small", "in", [1, "2"]),)))

    assert refused.value.field == "filters.0.value.1"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"columns": ("big", "none")}, "columns.1"),
        ({"columns": ("big", "big")}, "columns.1"),
        ({"columns": ("BIG",)}, "columns.0"),
        ({"columns": ("tags.element",)}, "columns.0"),
        ({"filters": (RowFilter("none", "=", 1),)}, "filters.0.column"),
        ({"filters": (RowFilter("code", "=", str(UUID(int=7))),)}, "filters.0.column"),
        ({"filters": (RowFilter("code", "is_null", True),)}, "filters.0.column"),
        ({"filters": (RowFilter("tags", "is_null", True),)}, "filters.0.column"),
        ({"snapshot_id": 1}, "snapshot_id"),
        ({"snapshot_id": 0}, "snapshot_id"),
    ],
)
def test_query_that_the_table_cannot_answer_is_refused_with_its_field(
    table: LakeTable, query: dict[str, Any], field: str
) -> None:
    with pytest.raises(JobRefused) as refused:
        table.rows(RowQuery(**query))

    assert refused.value.field == field


def test_older_snapshot_has_its_own_rows_and_columns(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    first = commit_orders(table, "one", [1, 2])
    table.change_columns({"note": "string"})
    commit_orders(table, "two", [3])

    old = read(table, snapshot_id=first, filters=(RowFilter("order_id", ">", 1),))

    assert (old.column_names, old["order_id"].to_pylist()) == (["order_id", "amount", "ordered_at"], [2])
    assert read(table)["order_id"].to_pylist() == [3, 1, 2]
    with pytest.raises(JobRefused, match="no such column in this snapshot"):
        table.rows(RowQuery(columns=("note",), snapshot_id=first))


def test_table_without_a_snapshot_has_no_rows_and_its_columns(sqlite_lake: Lake) -> None:
    found = orders_table(sqlite_lake).rows(RowQuery())

    assert (found.snapshot_id, found.schema.names) == (None, ["order_id", "amount", "ordered_at"])
    assert list(found.batches) == []


def test_rows_of_a_large_file_come_in_batches_of_limited_size(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By rows and by bytes: memory would hold all of a row group otherwise."""
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", list(range(1_000)))

    monkeypatch.setattr(file_rows, "BATCH_ROWS", 300)
    assert [one.num_rows for one in table.rows(RowQuery()).batches] == [300, 300, 300, 100]
    monkeypatch.setattr(file_rows, "BATCH_BYTES", 1_000)
    few = [one.num_rows for one in table.rows(RowQuery()).batches]

    assert max(few) < 300
    assert sum(few) == 1_000


def test_rows_that_another_writer_has_deleted_by_position_are_left_out(table: LakeTable) -> None:
    """Files with such deletes are read in another way."""
    inner = table._table
    (task,) = inner.scan().plan_files()
    delete = FileScanTask(task.file, delete_files={deletes_of(inner, task.file.file_path, [0])})

    batches = file_rows.file_rows(inner, delete, inner.schema().select("big"), AlwaysTrue())

    assert [value for batch in batches for value in batch["big"].to_pylist()] == [None]


def deletes_of(table: Table, path: str, positions: list[int]) -> DataFile:
    """A file of positional deletes."""
    where = f"{table.location()}/deletes.parquet"
    rows = pa.table({"file_path": [path] * len(positions), "pos": pa.array(positions, pa.int64())})
    with table.io.new_output(where).create() as opened:
        sink: Any = opened
        parquet.write_table(rows, sink)
    return DataFile.from_args(
        content=DataFileContent.POSITION_DELETES, file_path=where, file_format=FileFormat.PARQUET,
        partition=Record(), record_count=len(positions), file_size_in_bytes=1,
    )  # fmt: skip


def test_file_that_is_gone_is_an_outage(table: LakeTable) -> None:
    rows = table.rows(RowQuery())
    for task in table._table.scan().plan_files():
        table._table.io.delete(task.file.file_path)

    with pytest.raises(CatalogUnavailable):
        list(rows.batches)
