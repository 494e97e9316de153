"""Maps whose keys may be null by the schema come in; a row with a null as a key is a bad row."""

import io
from base64 import b64decode
from typing import Any

import pytest

from ingest_project.reading.field_names import with_spelling
from ingest_project.reading.formats.arrow.first_rows import of_parquet
from ingest_project.reading.formats.arrow.parquet_footer import with_lists
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import Target, target_of
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.formats.arrow.parquet_by_hand import (
    MAP,
    MAP_KEY_VALUE,
    Struct,
    maps,
)
from ingest_project_tests.reading.streams import cut
from ingest_project_tests.settings.factories import table

OF_HIVE = """
UEFSMRUAFT4VXBXw/vvhBRwVBBUAFQYVBgAAH4sIAAAAAAAAA2NiYGBgZmIGkfwMbECqILEoNa+EBcjKS8xNBQDff7ynHwAAABUA
FUQVYhXvw7vlBhwVBBUAFQYVBgAAH4sIAAAAAAAAA2NiYGBgZmIGkfwM7EAqMS+/JCO1iA3ILEotyC8qAQDxqLX9IgAAABkRAhkY
BG5hbWUZGAZwYXJlbnQVAhkWAAAZEQIZGAdhbm90aGVyGRgGcmVwb3J0FQIZFgAAGRwWCBWKARYAAAAZHBaSARWQARYAAAAVAhlc
SAtoaXZlX3NjaGVtYRUCADUCGAZteV9tYXAVAhUCTCwAAAA1BBgJa2V5X3ZhbHVlFQQVBAAVDCUCGANrZXklAEwcAAAAFQwlAhgF
dmFsdWUlAEwcAAAAFgIZHBksJggcFQwZJQAGGTgGbXlfbWFwCWtleV92YWx1ZQNrZXkVBBYEFmwWigEmCDw2ACgGcGFyZW50GARu
YW1lABkcFQAVABUCAAAWjAMVFhaiAhUyACaSARwVDBklAAYZOAZteV9tYXAJa2V5X3ZhbHVlBXZhbHVlFQQWBBZyFpABJpIBPDYA
KAZyZXBvcnQYB2Fub3RoZXIAGRwVABUAFQIAABaiAxUYFtQCFTgAFt4BFgImCBaaAhQAAChKcGFycXVldC1tciB2ZXJzaW9uIDEu
MTIuMiAoYnVpbGQgNzdlMzBjODA5MzM4NmVjNTJjM2NmYTZjMzRiN2VmMzMyMTMyMmM5NCkZLBwAABwAAABuAQAAUEFSMQ==
"""
ROWS: Any = [[("a", 1), ("b", None)], None, [], [("c", 2), (None, 3)], [("d", -4)]]
GOOD = [{"a": 1, "b": None}, None, {}, {"d": -4}]
LOGICAL = {10: Struct({2: Struct({})})}
REASON = "[{'key': 'c', 'value': 2}, {'key': None,... has a null as the key of a map"


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"group": "map", "kind": {6: MAP_KEY_VALUE}},
        {"of_map": LOGICAL},
        {"of_map": {6: MAP, **LOGICAL}},
        {"of_map": {6: MAP_KEY_VALUE}},
    ],
)
@pytest.mark.parametrize("columns", [{"m": "map<string, long>"}, None])
def test_one_null_key_is_one_bad_row(names: Any, columns: Any) -> None:
    reading = Reading("parquet", Target(columns, "add_columns"), quarantines=True)
    body = maps(ROWS, **names)

    whole = read_objects(fetched(body), reading)
    pieces = [read_contents([one], reading) for one in cut(body, "parquet")]

    assert values(whole, "m") == GOOD
    assert whole.rejected is not None
    assert whole.rejected.select("line_number", "raw", "column_name", "reason").rows() == [
        (4, '{"m": [{"key": "c", "value": 2}, {"key": null, "value": 3}]}', "m", f"column 'm': {REASON}")
    ]
    assert [value for one in pieces if one.frame is not None for value in values(one, "m")] == GOOD
    assert [one.rejected["reason"][0] for one in pieces if one.rejected is not None] == [
        f"column 'm': {REASON}"
    ]


def test_a_file_of_hive_comes_in() -> None:
    # incorrect_map_schema.parquet of https://github.com/apache/parquet-testing
    result = read(b64decode(OF_HIVE), file_format="parquet")

    assert values(result, "my_map") == [{"parent": "another", "name": "report"}]


def test_a_file_without_null_keys_comes_in_as_a_whole() -> None:
    result = read(maps([*ROWS[:3], ROWS[4]]), columns={"m": "map<string, long>"}, file_format="parquet")

    assert values(result, "m") == GOOD


def test_a_null_key_fails_an_object_whose_bad_rows_are_not_set_aside() -> None:
    result = read(maps(ROWS), columns={"m": "map<string, long>"}, file_format="parquet")

    assert reasons(result) == {"0": f"schema: column 'm', row 4: {REASON}"}


def test_a_null_key_does_not_matter_in_a_column_that_is_passed_over() -> None:
    settings = table(format="parquet", columns={"n": "long", "m": {"drop": True}})

    result = read_objects(fetched(maps(ROWS)), Reading("parquet", target_of(settings, None)))

    assert values(result, "n") == [None] * 5


def test_previews_names_and_sizes_take_such_a_file() -> None:
    body = maps(ROWS)
    first = of_parquet(io.BufferedReader(io.BytesIO(body)), b"PAR1")

    assert values(read(first, file_format="parquet"), "m") == [{"a": 1, "b": None}, None, {}, None, {"d": -4}]
    assert FORMATS["parquet"].decoded_bytes(body) > len(body)
    settings = table(format="parquet", case_insensitive=True)
    (content,) = cut(body, "parquet", piece_bytes=10**6)
    spelled = with_spelling([content], Reading("parquet", target_of(settings, None)))
    assert spelled.target.spelling is not None


@pytest.mark.parametrize("length", range(0, 64, 7))
def test_a_footer_that_is_cut_off_is_damaged(length: int) -> None:
    body = maps(ROWS)
    footer = body[-8 - int.from_bytes(body[-8:-4], "little") : -8]

    with pytest.raises(ValueError, match="its footer is damaged"):
        with_lists(footer[:length])
