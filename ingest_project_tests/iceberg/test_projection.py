from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.iceberg.factories import nothing, orders, replacing, table_settings, uri_of

NESTED: Mapping[str, list[Any]] = {
    "list<struct<a: int>>": [[{"a": 1}, None], [], None],
    "map<string, struct<a: int>>": [[("k", {"a": 1})], [], None],
    "struct<m: list<struct<a: int>>>": [{"m": [{"a": 1}]}, {"m": []}, {"m": None}],
}


@pytest.mark.parametrize("type_name", NESTED)
def test_null_lists_stay_null_when_they_are_written_and_when_their_file_is_rewritten(
    sqlite_lake: Lake, type_name: str
) -> None:
    columns = {"order_id": "long", "c": type_name}
    table = sqlite_lake.table(table_settings(columns=columns), columns=columns)
    arrow_type = table._table.schema().as_arrow().field("c").type
    # With rows before and behind, whose file is then rewritten without them.
    values = [None, *NESTED[type_name], None]
    frame = orders("one", list(range(5))).append_column("c", pa.array(values, arrow_type))
    frame = frame.drop_columns(["amount", "ordered_at"])
    table.commit("one", [table.write(frame)], nothing)
    table.commit("two", [], replacing(uri_of(0), uri_of(4)))

    rows = table._table.refresh().scan().to_arrow().sort_by("order_id")

    assert rows["order_id"].to_pylist() == [1, 2, 3]
    assert rows["c"].to_pylist() == NESTED[type_name]
