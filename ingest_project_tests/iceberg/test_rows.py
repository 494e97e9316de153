"""The rows of a table, in portions: all, those of some sources, and those of files that may have a prefix."""

from typing import Any

import pyarrow as pa

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import commit_orders, nothing, orders, orders_table, uri_of

NESTED = {"order_id": "long", "lines": "list<struct<sku: string>>", "notes": "map<string, string>"}


def rows(table: LakeTable, *columns: str, **wanted: Any) -> list[dict[str, Any]]:
    return [row for portion in table.row_portions(columns, **wanted) for row in portion.to_pylist()]


def order_ids(table: LakeTable, **wanted: Any) -> list[int]:
    return sorted(row["order_id"] for row in rows(table, "order_id", **wanted))


def nested_orders(lake: Lake) -> LakeTable:
    table = orders_table(lake, columns=NESTED)
    lines = pa.array([[{"sku": "a"}], None, []], pa.list_(pa.struct([("sku", pa.string())])))
    notes = pa.array([[("k", "v")], None, []], pa.map_(pa.string(), pa.string()))
    frame = orders("b1", [1, 2, 3]).drop_columns(["amount", "ordered_at"])
    table.commit(
        "b1", [table.write(frame.append_column("lines", lines).append_column("notes", notes))], nothing
    )
    return table


def test_table_without_a_snapshot_has_no_rows(sqlite_lake: Lake) -> None:
    assert order_ids(orders_table(sqlite_lake)) == []


def test_rows_of_all_files_have_just_the_columns_that_are_asked_for(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1, 2])
    commit_orders(table, "b2", [3])

    assert sorted(map(str, rows(table, "order_id", "_batch_id"))) == [
        f"{{'order_id': {number}, '_batch_id': '{batch}'}}"
        for number, batch in ((1, "b1"), (2, "b1"), (3, "b2"))
    ]


def test_rows_of_some_sources_are_those_of_their_versions_in_their_order(sqlite_lake: Lake) -> None:
    table = nested_orders(sqlite_lake)
    sources = {(uri_of(3), "v1"), (uri_of(1), "v1"), (uri_of(2), "another version")}

    found = rows(table, "order_id", "lines", "notes", sources=sources)

    assert found == [
        {"order_id": 1, "lines": [{"sku": "a"}], "notes": [("k", "v")]},
        {"order_id": 3, "lines": [], "notes": []},
    ]
    assert order_ids(table, sources=set()) == []
    assert order_ids(table, sources={("s3://acme-landing/none", "v1")}) == []


def test_files_that_lack_a_column_have_nulls_there(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1])
    frame = orders("b2", [2]).append_column("note", pa.array(["new"]))
    table.commit("b2", [table.write(frame)], nothing)

    found = rows(table, "order_id", "note")

    assert sorted((row["order_id"], row["note"]) for row in found) == [(1, None), (2, "new")]


def test_rows_of_other_writers_come_from_no_source(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    table.commit("foreign", [table.write(orders("x", [2, 3]).select(["order_id"]))], nothing)

    assert order_ids(table) == [2, 3]
    assert order_ids(table, sources={(uri_of(2), "v1")}) == []


def test_files_without_a_value_of_the_prefix_are_left_out(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1])
    commit_orders(table, "b2", [2])

    assert order_ids(table, prefixes={"_batch_id": "b1"}) == [1]
    assert order_ids(table, prefixes={"_batch_id": ""}) == [1, 2]
