"""Required parts below what may be null: values are written, and nulls stay without invented values."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.sample_values import sample_type
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import nothing, orders, orders_table, replacing, uri_of
from ingest_project_tests.iceberg.odd_tables import column, edit_table
from ingest_project_tests.iceberg.readers import rows_by_clickhouse, stored_files

Json = dict[str, Any]


def struct(*fields: tuple[int, str, object, bool]) -> Json:
    named = [
        {"id": id_, "name": name, "type": one, "required": required} for id_, name, one, required in fields
    ]
    return {"type": "struct", "fields": named}


def list_of(element: object, id_: int) -> Json:
    return {"type": "list", "element-id": id_, "element": element, "element-required": True}


def map_to(value: object, id_: int, *, required: bool = True) -> Json:
    ids = {"key-id": id_, "value-id": id_ + 1}
    return {"type": "map", "key": "string", "value": value, "value-required": required, **ids}


ZIP = struct((60, "zip", "int", True))
KINDS: Mapping[str, tuple[Json, list[Any]]] = {
    "struct": (ZIP, [{"zip": 5}, None, {"zip": 7}]),
    "structs": (struct((50, "p", ZIP, False)), [{"p": {"zip": 5}}, None, {"p": None}]),
    "required struct": (
        struct((50, "p", struct((60, "on", "date", True)), True)),
        [{"p": {"on": date(2020, 1, 1)}}, None, {"p": {"on": date(2020, 1, 2)}}],
    ),
    "bytes": (struct((50, "u", "fixed[3]", True)), [{"u": b"abc"}, None, {"u": b"abd"}]),
    "list": (list_of("long", 50), [[1, 2], None, []]),
    "list of structs": (
        list_of(struct((52, "p", ZIP, False)), 50),
        [[{"p": {"zip": 9}}, {"p": None}], None, []],
    ),
    "list in struct": (struct((50, "l", list_of("string", 51), True)), [{"l": ["x"]}, None, {"l": []}]),
    "map": (map_to("int", 50), [[("k", 1)], None, []]),
    "map to structs": (map_to(ZIP, 50), [[("k", {"zip": 3})], None, []]),
    "map to optional structs": (
        map_to(ZIP, 50, required=False),
        [[("k", {"zip": 3}), ("l", None)], None, []],
    ),
}  # fmt: skip


def table_with(lake: Lake, kind: Json) -> tuple[LakeTable, pa.DataType]:
    orders_table(lake)
    edit_table(lake, "sales.orders", column("c", kind))
    table = lake.find("sales.orders")
    assert table is not None
    return table, sample_type(table._table.schema().find_field("c").field_type)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_null_stays_null_though_its_parts_are_required(kind: str, sqlite_lake: Lake) -> None:
    iceberg_type, values = KINDS[kind]
    table, arrow_type = table_with(sqlite_lake, iceberg_type)
    assert table.obstacles() == ()
    frame = orders("one", range(5)).append_column("c", pa.array([values[0], *values, values[0]], arrow_type))
    last = frame.filter(pa.array([False] * 4 + [True]))

    table.commit("one", [table.write(frame[:4]), table.write(last)], nothing)
    table.commit("two", [], replacing(uri_of(0), uri_of(4)))

    rows = table._table.refresh().scan().to_arrow().sort_by("order_id")
    assert rows["c"].to_pylist() == values
    assert [int(row["order_id"]) for row in rows_by_clickhouse(table, "order_id")] == [1, 2, 3]


def test_statistics_know_nothing_of_what_is_null(sqlite_lake: Lake) -> None:
    table, arrow_type = table_with(sqlite_lake, ZIP)
    frame = orders("one", range(3)).append_column("c", pa.array([{"zip": 5}, None, {"zip": 7}], arrow_type))

    table.write(frame)

    (file,) = stored_files(table)
    row_group = pq.read_metadata(file).row_group(0)
    (leaf,) = (
        row_group.column(n)
        for n in range(row_group.num_columns)
        if row_group.column(n).path_in_schema == "c.zip"
    )
    assert leaf.statistics is not None
    assert (leaf.statistics.min, leaf.statistics.max, leaf.statistics.null_count) == (5, 7, 1)


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [
        ("struct", {"zip": None}, "c.zip"),
        ("structs", {"p": {"zip": None}}, "c.p.zip"),
        ("list", [1, None], "c.element"),
        ("list of structs", [{"p": {"zip": None}}], "c.element.p.zip"),
        ("list of structs", [None], "c.element"),
        ("map", [("k", None)], "c.value"),
        ("map to optional structs", [("k", {"zip": None})], "c.value.zip"),
    ],
)  # fmt: skip
def test_rows_without_a_required_part_are_refused_by_its_path(
    sqlite_lake: Lake, capfd: pytest.CaptureFixture[str], kind: str, value: Any, path: str
) -> None:
    table, arrow_type = table_with(sqlite_lake, KINDS[kind][0])
    values = pa.array([KINDS[kind][1][0], value], arrow_type)

    with pytest.raises(RowsRefused, match=f"column {path}: the table requires it"):
        table.write(orders("one", [1, 2]).append_column("c", values))

    assert stored_files(table) == set()
    assert capfd.readouterr().out == ""
