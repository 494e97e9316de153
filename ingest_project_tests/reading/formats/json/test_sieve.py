"""The sieve picks the lines that are bad in the usual ways, and leaves usual lines alone."""

import pytest

from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.json.sieve import sieved
from ingest_project.reading.target import Target

TARGET = Target(
    {
        "a": "long",
        "s": "string",
        "t": "timestamptz",
        "d": "decimal(5,2)",
        "l": "list<struct<x: double, `y z`: int>>",
        "m": "map<string, boolean>",
        "no-name in Python": "boolean",
    }
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
        b'{"s": {"any": ["thing"]}}',
        b'{"t": "2026-11-20T10:00:00Z"}',
        b'{"d": 1.50}',
        b'{"d": "1.50"}',
        b'{"l": [{"x": 1, "y z": 2}, {"x": 1.5}, null]}',
        b'{"m": {"k": true, "": null}}',
    ],
)
def test_sound_lines_pass(line: bytes) -> None:
    assert suspects(line) == []


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"null",
        b"[]",
        b'{"a": 1',
        b'{"a": 1}{"a": 2}',
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
def test_bad_lines_are_picked(line: bytes) -> None:
    assert suspects(b"{}\n\n" + line + b"\n{}\n") == [3]


def suspects(body: bytes) -> list[int]:
    """Their line numbers."""
    found = sieved(Text(body, "s3://landing/0", TARGET, DEFAULT_OPTIONS))
    assert found is not None
    return [found.line_numbers[place] for place in found.suspects]
