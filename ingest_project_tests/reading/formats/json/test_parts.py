"""NDJSON is decoded in parts: their size changes neither rows nor the numbers of lines nor faults."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.formats.json import ndjson
from ingest_project.reading.formats.json.decoding import Lines
from ingest_project.reading.formats.text import is_utf_8
from ingest_project.reading.limits import JsonLimits, Limits
from ingest_project.reading.parsed import Parsed
from ingest_project.settings.type_grammar import parse_column_type

ODD_LINES = (
    b'{"a":1}', b'{"a":-7,"b":"x"}', b'{"b":"\xc3\xa9","a":null}', b'{"b":"}","a":2}', b'{"a":3} ',
    b' {"a":4}',
    b"", b" ", b'{"a":5}{"a":6}', b'{"a":7', b'"b":"8"}', b"{}", b"null", b"[1]", b'{"b":"\xff"}',
    b'\xef\xbb\xbf{"a":9}', b'{"b":"' + b"y" * 20 + b'"}', b'{"a":10}' + b" " * 20, b'{"b":"{\\n}"}',
    b'{"a":"11"}', b'{"a":1.5}', b'{"b":12}', b'{"a":true,"b":"x"}',
)  # fmt: skip


def parsed(body: bytes, part_bytes: int | None = None) -> Parsed:
    lines = Lines({name: parse_column_type(type_) for name, type_ in (("a", "long"), ("b", "string"))})
    if part_bytes is None:
        return ndjson.read_ndjson([body], lines, uri="s3://landing/0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "LIMITS", Limits(json=JsonLimits(part_bytes=part_bytes)))
        return ndjson.read_ndjson([body], lines, uri="s3://landing/0")


@given(
    st.lists(st.tuples(st.sampled_from(ODD_LINES), st.sampled_from([b"\n", b"\r\n"])), max_size=12),
    st.integers(1, 40),
)
def test_the_size_of_parts_changes_nothing(lines: list[tuple[bytes, bytes]], part_bytes: int) -> None:
    body = b"".join(line + end for line, end in lines)

    whole, in_parts = parsed(body), parsed(body, part_bytes)

    assert in_parts.frame.equals(whole.frame)
    assert in_parts.rows == whole.rows
    assert list(in_parts.faults) == list(whole.faults)
    assert in_parts.numbers is not None
    assert whole.numbers is not None
    assert in_parts.numbers.to_list() == whole.numbers.to_list()


def test_a_blank_line_at_the_end_of_a_part_counts() -> None:
    body = b'{"a":1}\n\n{"a":2}\n'

    found = parsed(body, part_bytes=8)

    assert found.frame["a"].to_list() == [1, 2]
    assert found.numbers is not None
    assert found.numbers.to_list() == [1, 3]


def test_lines_of_several_bodies_are_numbered_by_each() -> None:
    lines = Lines({"a": parse_column_type("long")})

    found = ndjson.read_ndjson(
        [b'{"a":1}\n{"a":2}\n', b"", b'\n{"a":3}', b'{"a":4}\n'], lines, uri="", first_lines=[5, 1, 7, 1]
    )

    assert found.rows == (2, 0, 1, 1)
    assert found.numbers is not None
    assert found.numbers.equals(pl.Series([5, 6, 8, 1]))


@given(
    st.lists(
        st.sampled_from([
            b"a", b"\x7f", b"\x80", b"\xbf", b"\xc1\xbf", b"\xc2\x80", b"\xe0\x80\x80", b"\xe0\xa0\x80",
            b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xef\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80",
            b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5", b"\xff", b"a" * 40,
        ]) | st.binary(max_size=3),
        max_size=6,
    ).map(b"".join)
)  # fmt: skip
def test_utf_8_is_what_python_decodes(text: bytes) -> None:
    try:
        text.decode()
        expected = True
    except UnicodeDecodeError:
        expected = False

    assert is_utf_8(text) == is_utf_8(memoryview(text)) == expected
