"""Lines that are bad in the usual ways are bad rows with their line numbers; usual lines are good ones."""

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project_tests.reading.factories import fetched, read_objects

COLUMNS = {
    "a": "long",
    "s": "string",
    "t": "timestamptz",
    "d": "decimal(5,2)",
    "l": "list<struct<x: double, `y z`: int>>",
    "m": "map<string, boolean>",
    "no-name in Python": "boolean",
    'a "quoted" name': "long",
}
TARGET = Target(
    COLUMNS, mapping=ColumnMapping(tuple(MappedColumn(one, COLUMNS[one], one) for one in COLUMNS))
)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"a": 1, "new": [1]}',
        b' {"a": -9223372036854775808}\r',
        b'{"a": null, "s": null, "l": null, "no-name in Python": null}',
        b'{"s": "text"}',
        b'{"s": 5.00}',
        b'{"a": 1}{"a": 2}',
        b'{"a": "x", "a": 1}',
        b'{"a \\"quoted\\" name": 1}',
        b'{"d": true, "d": 1}',
        b'{"s": {"any": ["thing"]}}',
        b'{"t": "2026-11-20T10:00:00Z"}',
        b'{"d": 1.50}',
        b'{"d": "1.50"}',
        b'{"l": [{"x": 1, "y z": 2}, {"x": 1.5}, null]}',
        b'{"m": {"k": true, "": null}}',
    ],
)
def test_sound_lines_are_good_rows(line: bytes) -> None:
    assert bad_lines(line) == []


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"null",
        b"[]",
        b'{"a": 1',
        b'{"a": "x"}',
        b'{"a": 1.5}',
        b'{"a": true}',
        b'{"a": 9223372036854775808}',
        b'{"a": 1, "a": "x"}',
        b'{"s": "\xff"}',
        b'{"s": "\x01"}',
        b'{"s": NaN}',
        b'{"t": 5}',
        b'{"d": true}',
        b'{"l": {}}',
        b'{"l": [{"x": "y"}]}',
        b'{"l": [{"y z": 2147483648}]}',
        b'{"m": {"k": 1}}',
        b'{"no-name in Python": 1}',
        b'{"new": ' + b"[" * 100_000,
    ],
)
def test_bad_lines_are_bad_rows(line: bytes) -> None:
    assert bad_lines(b"{}\n\n" + line + b"\n{}\n") == [3]


def bad_lines(body: bytes) -> list[int]:
    """Their line numbers."""
    result = read_objects(fetched(body), Reading("ndjson", TARGET, quarantines=True))
    assert result.failures == ()
    return [] if result.rejected is None else result.rejected["line_number"].to_list()
