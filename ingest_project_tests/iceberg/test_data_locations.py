"""The locations of data files: by partition, unless the partition's value is too long for a path."""

from urllib.parse import unquote_plus

import pyarrow as pa
import pytest

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import COLUMNS, nothing, orders, orders_table, replacing, uri_of
from ingest_project_tests.iceberg.readers import rows_by_clickhouse, stored_files

VALUES = ["eu", "x" * 400, "ä" * 60, "a/b c", "x" * 249]


def by_region(lake: Lake, *more: str) -> LakeTable:
    return orders_table(lake, columns={**COLUMNS, "region": "string"}, partition_spec=["region", *more])


def folders(table: LakeTable) -> set[str]:
    """Those of the data files, below the table's folder of them."""
    paths = (file.as_posix().rpartition("/data/")[2] for file in stored_files(table))
    return {unquote_plus(path.rpartition("/")[0]) for path in paths}


def test_value_that_is_too_long_for_a_path_is_in_none_and_its_rows_are_in_the_table(
    sqlite_lake: Lake,
) -> None:
    table = by_region(sqlite_lake)
    rows = orders("one", [1, 2, 3, 4, 5]).append_column("region", pa.array(VALUES))

    table.commit("one", [table.write(rows)], nothing)

    assert [row["region"] for row in rows_by_clickhouse(table, "order_id")] == VALUES
    scan = table._table.scan(row_filter=f"region = '{VALUES[1]}'")
    assert [file.file.record_count for file in scan.plan_files()] == [1]
    assert folders(table) == {"", "region=eu", "region=a/b c"}
    assert table._table.properties.get("write.py-location-provider.impl") is None


@pytest.mark.parametrize("length", [248, 249])
def test_path_has_the_value_as_long_as_a_file_system_takes_it(sqlite_lake: Lake, length: int) -> None:
    table = by_region(sqlite_lake)

    table.write(orders("one", [1]).append_column("region", pa.array(["x" * length])))

    assert folders(table) == ({f"region={'x' * 248}"} if length == 248 else {""})


def test_many_long_values_together_are_too_long_for_the_key_of_an_object(sqlite_lake: Lake) -> None:
    names = [f"c{place}" for place in range(5)]
    columns = {**COLUMNS, **dict.fromkeys(names, "string")}
    table = orders_table(sqlite_lake, columns=columns, partition_spec=names)
    rows = orders("one", [1])
    for name in names:
        rows = rows.append_column(name, pa.array(["x" * 200]))

    table.write(rows)

    assert folders(table) == {""}


def test_rows_that_stay_of_such_a_file_find_a_place_too(sqlite_lake: Lake) -> None:
    table = by_region(sqlite_lake)
    rows = orders("one", [1, 2]).append_column("region", pa.array(["x" * 400] * 2))
    table.commit("one", [table.write(rows)], nothing)

    table.commit("two", [], replacing(uri_of(1)), even_if_empty=True)

    assert [row["order_id"] for row in rows_by_clickhouse(table)] == [2]


@pytest.mark.parametrize(
    ("properties", "folder"),
    [
        ({"write.object-storage.enabled": "true"}, "region=eu"),
        ({"write.object-storage.enabled": "true", "write.object-storage.partitioned-paths": "false"}, ""),
        ({"write.data.path": "{location}/elsewhere/data"}, "region=eu"),
        (
            {"write.py-location-provider.impl": "pyiceberg.table.locations.SimpleLocationProvider"},
            "region=eu",
        ),
    ],
)  # fmt: skip
def test_table_keeps_the_layout_that_it_has(
    sqlite_lake: Lake, properties: dict[str, str], folder: str
) -> None:
    table = by_region(sqlite_lake)
    located = {key: value.format(location=table.location) for key, value in properties.items()}
    with table._table.transaction() as change:
        change.set_properties(located)
    table.refresh()

    (file,) = table.write(orders("one", [1]).append_column("region", pa.array(["eu"]))).data_files

    assert file.file_path.startswith(located.get("write.data.path", table.location))
    assert ("region=eu" in file.file_path) == (folder == "region=eu")
