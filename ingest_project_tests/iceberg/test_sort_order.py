"""Rows are written in the order of their table, and the table and its files record it."""

import math
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.transforms import TruncateTransform

from ingest_project.errors import PartitionMismatch, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    nothing,
    orders,
    orders_table,
    replacing,
    table_settings,
    uri_of,
)
from ingest_project_tests.iceberg.readers import order_ids, stored_files

COLUMNS = {"id": "long", "code": "string", "ratio": "double", "place": "struct<zip: string>", "day": "date"}

FIELDS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.int64()),
    pa.field("code", pa.large_string()),
    pa.field("ratio", pa.float64()),
    pa.field("place", pa.struct([pa.field("zip", pa.large_string())])),
]
SCHEMA = pa.schema(FIELDS)


def made(lake: Lake, *order: str, spec: tuple[str, ...] = ()) -> LakeTable:
    settings = table_settings(columns=COLUMNS, sort_order=[*order], partition_spec=[*spec])
    return lake.table(settings, columns=COLUMNS)


def rows(count: int = 200) -> pa.Table:
    seeded = random.Random(1)  # noqa: S311 - the same rows each time
    return pa.Table.from_pylist(
        [
            {
                "id": number,
                "code": seeded.choice([None, "a", "B", "ä", "ab"]),
                "ratio": seeded.choice([None, float("nan"), -0.5, 2.0, float("inf")]),
                "place": seeded.choice([None, {"zip": None}, {"zip": "1"}, {"zip": "2"}]),
            }
            for number in range(count)
        ],
        SCHEMA,
    )


def written(table: LakeTable) -> list[dict[str, Any]]:
    """The rows of the table's only file, in its order."""
    (path,) = stored_files(table)
    return pq.ParquetFile(path).read().to_pylist()


def zip_code(row: dict[str, Any]) -> str | None:
    return None if row["place"] is None else row["place"]["zip"]


def in_order(
    found: list[dict[str, Any]], of: Callable[[dict[str, Any]], Any], *, descending: bool, nulls_first: bool
) -> list[dict[str, Any]]:
    """The rows by one value, as Iceberg orders them: texts by their bytes, NaN above all other numbers."""

    def key(row: dict[str, Any]) -> Any:
        value = of(row)
        if isinstance(value, str):
            return value.encode()
        return (True, 0) if math.isnan(value) else (False, value)

    nulls = [row for row in found if of(row) is None]
    others = sorted((row for row in found if of(row) is not None), key=key, reverse=descending)
    return nulls + others if nulls_first else others + nulls


@pytest.mark.parametrize("direction", ["", "desc"])
@pytest.mark.parametrize("nulls", ["nulls first", "nulls last"])
def test_rows_are_in_the_order_that_is_declared(sqlite_lake: Lake, direction: str, nulls: str) -> None:
    table = made(sqlite_lake, f"ratio {direction} {nulls}", "code desc", "place.zip")
    table.write(rows())

    expected = rows().to_pylist()  # sorted by the last field first, as Python's sort is stable
    expected = in_order(expected, zip_code, descending=False, nulls_first=True)
    expected = in_order(expected, lambda row: row["code"], descending=True, nulls_first=False)
    expected = in_order(
        expected,
        lambda row: row["ratio"],
        descending=direction == "desc",
        nulls_first=nulls == "nulls first",
    )
    assert [row["id"] for row in written(table)] == [row["id"] for row in expected]
    assert table._table.metadata.default_sort_order_id == 1


def test_rows_of_a_partition_are_sorted_and_its_file_says_so(sqlite_lake: Lake) -> None:
    table = made(sqlite_lake, "id desc", spec=("code",))
    files = table.write(rows()).data_files

    assert {file.sort_order_id for file in files} == {1}
    assert len(files) == 5
    for path in stored_files(table):
        ids: list[Any] = pq.ParquetFile(path).read(["id"])["id"].to_pylist()
        assert ids == sorted(ids, reverse=True)


def test_a_file_of_several_portions_does_not_claim_to_be_sorted(sqlite_lake: Lake) -> None:
    table = made(sqlite_lake, "id")
    files = table.new_files()
    files.add(table.fit(rows(5)))
    files.add(table.fit(rows(3)))
    closed = files.close()

    assert closed is not None
    assert [file.sort_order_id for file in closed.data_files] == [None]
    assert [row["id"] for row in written(table)] == [0, 1, 2, 3, 4, 0, 1, 2]


def test_a_column_that_the_rows_lack_sorts_as_null(sqlite_lake: Lake) -> None:
    table = made(sqlite_lake, "day", "id desc")
    table.write(rows(3))
    assert [row["id"] for row in written(table)] == [2, 1, 0]


def test_the_order_of_another_writer_is_kept_with_its_transform(sqlite_lake: Lake) -> None:
    table = made(sqlite_lake)
    with table._table.update_sort_order() as update:
        update.desc("code", TruncateTransform(1))
    table.refresh()
    table.write(rows())

    codes = [row["code"] for row in written(table)]
    first = [None if code is None else code[:1] for code in codes]
    assert first == sorted((one for one in first if one), key=str.encode, reverse=True) + [
        None
    ] * first.count(None)


def test_rows_that_stay_when_others_are_replaced_are_sorted(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake, sort_order=["order_id desc"])
    table.commit("one", [table.write(orders("one", [3, 1, 2]))], nothing)
    table.commit("two", [table.write(orders("two", [9]))], replacing(uri_of(2)))

    assert order_ids(table) == [1, 3, 9]
    (kept,) = (
        ids
        for path in stored_files(table)
        if len(ids := pq.ParquetFile(path).read(["order_id"])["order_id"].to_pylist()) == 2
    )
    assert kept == [3, 1]


@pytest.mark.parametrize(
    ("entry", "kind", "reason"),
    [
        ("day(day)", TableMismatch, "not a sort field"),
        ("colour", PartitionMismatch, "no such column"),
        ("place", PartitionMismatch, "has no order"),
    ],
)
def test_an_order_that_the_table_cannot_have_is_refused(
    sqlite_lake: Lake, entry: str, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        made(sqlite_lake, entry)


def test_a_table_of_another_order_is_told(sqlite_lake: Lake) -> None:
    table = made(sqlite_lake, "id desc")
    asked = table_settings(columns=COLUMNS, sort_order=["id", "code nulls last"])
    (line,) = table.differences(asked)
    assert line == (
        "sort_order is declared as ['id', 'code nulls last'], but the table is sorted by ['id desc']"
    )
    assert table.differences(table_settings(columns=COLUMNS, sort_order=["id desc"])) == ()
