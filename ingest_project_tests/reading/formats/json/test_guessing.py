"""Fields without a column are decoded by the types of the first lines, and have the values and types that all
of their JSON texts tell.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest_project.reading.formats.json import guessing, ndjson
from ingest_project.reading.formats.json.decoding import Lines
from ingest_project.reading.formats.json.guessing import guessed_types, widened_type
from ingest_project.reading.limits import JsonLimits, Limits
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.model import SchemaEvolution
from ingest_project.settings.type_grammar import parse_column_type
from ingest_project_tests.reading.factories import fetched, read_objects

VALUES = (
    "1", "-7", "-0", "0.5", "-0.0", "1e3", "9007199254740993", "9007199254740993.5", "9223372036854775808",
    "1" * 39, "1e400", "1e-400", "true", "false", '"x"', '"1"', '"\\u00e9"', '""', "null", "[]", "[1,2]",
    "[1,0.5]", '["a"]', "[[1]]", '[{"x":1}]', "{}", '{"x":1}', '{"x":"y"}', '{"x":null}', '{"x":1,"y":true}',
    '{"x":{"z":[1]}}', '{"x":1,"x":"y"}', '{"\\u0000":1}', '{"q\\"":1}',
)  # fmt: skip
STRUCT = "struct<x: long, t: timestamptz, m: decimal(5,2), n: struct<z: string>>"
STRUCTS = (
    '{"x":1}', '{"x":2,"y":3}', '{"y":4,"x":null}', '{"y":0.5}', '{"y":"a"}', '{"y":null}', '{"y":{"k":1}}',
    '{"x":"5","y":6}', '{"x":"x","y":7}', '{"t":"2026-11-20T10:00:00Z","y":8}', '{"t":"soon","y":9}',
    '{"m":1.25,"y":1}', '{"m":"1.25","y":1}', '{"m":1.255,"y":1}', '{"n":{"z":"a","w":true}}',
    '{"n":{"w":1}}', '{"n":{"z":2}}', '{"X":1}', '{"":1}', '{"y":[{"k":1}]}',
    '{"y":9223372036854775808}', "null", "7", "{}",
)  # fmt: skip
LIKE_STRUCTS = STRUCTS[:3], ('{"y":0.5}', '{"x":1,"y":2}'), ('{"n":{"z":"a","w":true}}', '{"n":{}}'), STRUCTS
LIKE_ONES = ("1", "2", "3"), ("0.5", "1", "-2.25"), ('"x"', '"y"', "null"), ('{"x":1}', '{"x":2,"y":[0.5]}')


@contextmanager
def without_guesses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "guessed_types", lambda *_: {})
        patch.setattr(ndjson, "widened_type", lambda *_: None)
        yield


@contextmanager
def guesses_from(sample_bytes: int, part_bytes: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guessing, "SAMPLE_BYTES", sample_bytes)
        patch.setattr(ndjson, "LIMITS", Limits(json=JsonLimits(part_bytes=part_bytes)))
        yield


def lines_of(values: list[dict[str, str]]) -> bytes:
    return b"".join(
        ("{" + ",".join(f'"{name}":{one}' for name, one in row.items()) + "}\n").encode() for row in values
    )


def read(body: bytes, types: Mapping[str, str] | None, evolution: SchemaEvolution) -> ReadResult:
    return read_objects(fetched(body), Reading("ndjson", Target(types, evolution), quarantines=True))


def assert_same(one: pl.DataFrame | None, other: pl.DataFrame | None) -> None:
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert_frame_equal(one, other)


def without_quotes(rejected: pl.DataFrame | None) -> pl.DataFrame | None:
    """The bad rows; a reason shows a decimal within a typed struct as text."""
    if rejected is None:
        return None
    return rejected.with_columns(pl.col("reason").str.replace_all("'", "", literal=True))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    like = draw(st.sampled_from([*LIKE_ONES, VALUES]))
    first = st.fixed_dictionaries({"a": st.sampled_from(like)}, optional={"b": st.sampled_from(VALUES)})
    any_row = st.fixed_dictionaries({}, optional=dict.fromkeys("abc", st.sampled_from(VALUES)))
    rows = draw(st.lists(first, min_size=1, max_size=6)) + draw(st.lists(any_row, max_size=3))
    return lines_of(rows)


@given(
    body=bodies(),
    sample_bytes=st.integers(10, 60),
    types=st.sampled_from([None, {"c": "long"}]),
    evolution=st.sampled_from(["add_columns", "rescue"]),
)
def test_guesses_do_not_change_values_or_types(
    body: bytes, sample_bytes: int, types: Mapping[str, str] | None, evolution: SchemaEvolution
) -> None:
    with without_guesses():
        expected = read(body, types, evolution)
    with guesses_from(sample_bytes, part_bytes=20):
        found = read(body, types, evolution)

    assert_same(found.frame, expected.frame)
    assert_same(found.rejected, expected.rejected)
    assert [str(one.error) for one in found.failures] == [str(one.error) for one in expected.failures]


@st.composite
def bodies_of_structs(draw: st.DrawFn) -> bytes:
    first = st.fixed_dictionaries({"s": st.sampled_from(draw(st.sampled_from(LIKE_STRUCTS)))})
    any_row = st.fixed_dictionaries({"s": st.sampled_from(STRUCTS)})
    rows = draw(st.lists(first, min_size=1, max_size=6)) + draw(st.lists(any_row, max_size=2))
    return lines_of(rows)


@given(
    body=bodies_of_structs(),
    sample_bytes=st.integers(10, 90),
    evolution=st.sampled_from(["add_columns", "add_columns", "fail", "rescue"]),
    declares=st.booleans(),
)
def test_new_fields_of_structs_do_not_change_values_or_types(
    body: bytes, sample_bytes: int, evolution: SchemaEvolution, declares: bool
) -> None:
    mapping = ColumnMapping((MappedColumn("s", STRUCT, "s"),) if declares else ())
    reading = Reading("ndjson", Target({"s": STRUCT}, evolution, mapping), quarantines=True)

    with without_guesses():
        expected = read_objects(fetched(body), reading)
    with guesses_from(sample_bytes, part_bytes=40):
        found = read_objects(fetched(body), reading)

    assert_same(found.frame, expected.frame)
    assert_same(without_quotes(found.rejected), without_quotes(expected.rejected))
    assert [str(one.error) for one in found.failures] == [str(one.error) for one in expected.failures]


def test_structs_are_decoded_with_new_fields() -> None:
    body = lines_of([{"s": '{"x":1,"y":"a"}'}] * 3)
    lines = Lines({"s": parse_column_type("struct<x: long>")}, widens=True)

    parsed = ndjson.read_ndjson([body], lines, uri="")

    assert parsed.json_texts == set()
    assert parsed.frame["s"].to_list() == [{"x": 1, "y": "a"}] * 3


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("struct<x: long>", '{"x":"1","y":2}'),
        ("struct<x: long>", '{"x":1,"y":[{"k":1}]}'),
        ("struct<x: long>", '{"X":1}'),
        ("list<struct<x: long>>", '[{"y":1}]'),
        ("struct<x: long>", '{"x":1}'),
        ("long", '"1"'),
    ],
)
def test_what_may_differ_by_a_wider_type_stays_text(declared: str, value: str) -> None:
    assert widened_type(f'{{"s":{value}}}\n'.encode(), "s", parse_column_type(declared), 1) is None


def test_objects_with_too_many_values_are_not_widened() -> None:
    body, known = lines_of([{"s": '{"x":1,"y":2}'}]), parse_column_type("struct<x: long>")

    assert widened_type(body, "s", known, 10_000_001) is None
    assert str(widened_type(body, "s", known, 10_000_000)) == "struct<x: long, y: long>"


def test_fields_are_decoded_by_the_types_of_the_first_lines() -> None:
    body = lines_of([{"l": "1", "s": '"x"', "d": "0.5", "b": "true", "o": '{"x":[1]}'}] * 3)

    found = guessed_types(body, ["l", "s", "d", "b", "o", "absent"], 3)

    assert {name: str(wanted) for name, wanted in found.items()} == {
        "l": "long", "s": "string", "d": "double", "b": "boolean", "o": "struct<x: list<long>>",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", ["null", "[]", "{}", "1" * 30, '[{"y":1}]', '{"y":null}', "9007199254740993.5", '1}\n{"x":"1"']
)
def test_what_does_not_tell_a_type_for_all_rows_is_not_guessed(value: str) -> None:
    body = f'{{"x":{value}}}\n{{"x":{value}}}\n'.encode()

    assert guessed_types(body, ["x"], 4) == {}


def test_objects_with_too_many_values_for_a_type_are_not_guessed() -> None:
    body = lines_of([{"o": '{"x":1,"y":2}'}])

    assert guessed_types(body, ["o"], 10_000_001) == {}
    assert "o" in guessed_types(body, ["o"], 10_000_000)


def test_wrong_guesses_do_not_take_the_types_of_declared_fields() -> None:
    names = [f"n{number}" for number in range(9)]
    body = lines_of([dict.fromkeys(names, "1"), dict.fromkeys(names, "0.5")])
    lines = Lines({"a": parse_column_type("long")})

    with guesses_from(sample_bytes=60, part_bytes=20):
        parsed = ndjson.read_ndjson([b'{"a":1}\n' + body], lines, uri="")

    assert lines.is_typed
    assert parsed.frame["a"].to_list() == [1, None, None]
    assert parsed.json_texts == set(names)


def test_minus_zero_is_zero_however_it_is_read() -> None:
    body = lines_of([{"d": "0.5"}, {"d": "-0"}, {"d": "-0.0"}])

    with without_guesses():
        expected = read(body, None, "add_columns")
    found = read(body, None, "add_columns")

    assert expected.frame is not None
    assert found.frame is not None
    shown = ["0.5", "0.0", "-0.0"]
    assert [str(one) for one in found.frame["d"]] == [str(one) for one in expected.frame["d"]] == shown
