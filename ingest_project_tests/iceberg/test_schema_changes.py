"""New and widened columns become part of the commit that brings their rows, or do not happen at all."""

from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import LongType, StringType

from ingest_project.errors import CommitConflict, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import COLUMNS, commit_orders, orders, orders_table
from ingest_project_tests.iceberg.odd_tables import column, edit_table, required
from ingest_project_tests.iceberg.readers import snapshot_ids


def with_column(name: str, values: "pa.Array[Any]", batch_id: str = "two") -> pa.Table:
    return orders(batch_id, list(range(2, 2 + len(values)))).append_column(name, values)


def commit(table: LakeTable, frame: pa.Table, batch_id: str = "two") -> int | None:
    return table.commit(batch_id, [table.write(frame)], Replacement).snapshot_id


def test_a_new_column_comes_with_the_snapshot_of_its_rows(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])

    written = table.write(with_column("note", pa.array(["a", "b"])))
    before = lake.find(table.name)
    snapshot_id = table.commit("two", [written], Replacement).snapshot_id

    assert before is not None
    assert "note" not in before.columns
    after = lake.find(table.name)
    assert after is not None
    assert after.columns == {**COLUMNS, "note": "string"}
    assert after._table.scan().to_arrow().sort_by("order_id")["note"].to_pylist() == [None, "a", "b"]
    snapshot = after._table.snapshot_by_id(snapshot_id or 0)
    assert snapshot is not None
    assert snapshot.schema_id == after._table.schema().schema_id


def test_writing_without_a_commit_changes_nothing(lake: Lake) -> None:
    table = orders_table(lake)

    table.write(with_column("note", pa.array(["a"])))

    found = lake.find(table.name)
    assert found is not None
    assert found.columns == COLUMNS
    assert table.columns == {**COLUMNS, "note": "string"}
    assert snapshot_ids(found) == []


def test_columns_of_several_portions_come_in_one_commit(lake: Lake) -> None:
    table = orders_table(lake)
    frames = [
        with_column("note", pa.array(["a"])),
        with_column("place", pa.array([{"zip": 1}])),
        with_column("place", pa.array([{"zip": 2, "town": "x"}])),
        with_column("last", pa.array([True])),
    ]

    written = [table.write(frame) for frame in frames]
    table.commit("two", written, Replacement)

    found = lake.find(table.name)
    assert found is not None
    rows = found._table.scan().to_arrow().to_pylist()
    assert sorted(row["note"] for row in rows if row["note"]) == ["a"]
    assert [row["place"] for row in rows if row["place"] and row["place"]["town"]] == [
        {"zip": 2, "town": "x"}
    ]
    assert [row["last"] for row in rows if row["last"] is not None] == [True]


def test_a_column_is_widened_with_the_rows_that_need_it(lake: Lake) -> None:
    table = orders_table(lake, columns={**COLUMNS, "items": "int"})
    commit(table, with_column("items", pa.array([1], pa.int32()), "one"), "one")

    commit(table, with_column("items", pa.array([2**40], pa.int64())))

    found = lake.find(table.name)
    assert found is not None
    assert found.columns["items"] == "long"
    assert set(found._table.scan().to_arrow()["items"].to_pylist()) == {1, 2**40}


def test_a_column_that_another_writer_adds_meanwhile_is_a_conflict_unless_it_is_the_same(lake: Lake) -> None:
    table = orders_table(lake)
    same = table.write(with_column("note", pa.array(["a"])))
    with lake._catalog().load_table(table.name).update_schema() as update:
        update.add_column("note", StringType())

    table.commit("two", [same], Replacement)

    other = orders_table(lake)
    written = other.write(with_column("extra", pa.array(["a"]), "three"))
    with lake._catalog().load_table(table.name).update_schema() as update:
        update.add_column("foreign", LongType())
    with pytest.raises(CommitConflict, match="columns were changed"):
        other.commit("three", [written], Replacement)
    found = lake.find(table.name)
    assert found is not None
    assert "extra" not in found.columns
    assert found._table.scan().to_arrow()["note"].to_pylist() == ["a"]


def test_a_type_that_iceberg_cannot_change_to_is_refused(lake: Lake) -> None:
    table = orders_table(lake)

    with pytest.raises(TableMismatch, match="amount is double"):
        table.change_columns({"amount": "string"})
    assert table.columns == COLUMNS


def test_declared_columns_come_with_the_next_commit(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])

    wider = orders_table(lake, columns={**COLUMNS, "note": "string"})
    commit_orders(wider, "two", [2])

    assert wider._table.scan().to_arrow()["note"].to_pylist() == [None, None]


def test_what_the_table_requires_it_still_requires_with_a_new_column(sqlite_lake: Lake) -> None:
    place = [
        {"id": 51, "name": "zip", "type": "int", "required": True},
        {"id": 52, "name": "town", "type": "string", "required": False},
    ]
    tags = {"type": "list", "element-id": 53, "element": "string", "element-required": True}
    orders_table(sqlite_lake)
    edit_table(
        sqlite_lake,
        "sales.orders",
        required("order_id"),
        column("place", {"type": "struct", "fields": place}),
        column("tags", tags),
    )
    table = sqlite_lake.find("sales.orders")
    assert table is not None
    note, zips = pa.array(["a"]), pa.array([{"zip": 2**40, "street": "x"}])

    commit(table, with_column("note", note).append_column("place", zips))

    schema = table._table.schema()
    assert table.columns["place"] == "struct<zip: long, town: string, street: string>"
    found = {schema.find_column_name(one): schema.find_field(one).required for one in schema.field_ids}
    assert {name for name, is_required in found.items() if is_required} == {
        "order_id",
        "place.zip",
        "tags.element",
    }
