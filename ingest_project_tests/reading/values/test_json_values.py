"""JSON texts become exactly the values that they write, of a given type or of the one that all have."""

import json
import re
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.limits import JsonLimits, Limits
from ingest_project.reading.values import json_values
from ingest_project.reading.values.json_values import below, from_json, inferred, unquoted, valid_texts
from ingest_project.reading.values.types import UnusableName
from ingest_project.settings.type_grammar import parse_column_type

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=8,
)


def raw(*texts: str | None) -> pl.Series:
    return valid_texts(pl.Series("c", list(texts), dtype=pl.String()))


@pytest.mark.parametrize(
    ("texts", "dtype", "expected"),
    [
        (["1", None, "-2"], pl.Int64(), [1, None, -2]),
        (["1", "2.5", "null"], pl.Float64(), [1.0, 2.5, None]),
        (["1E400", "2.50"], pl.String(), ["1E400", "2.50"]),
        (["9007199254740993", "0.5"], pl.String(), ["9007199254740993", "0.5"]),
        (["12345678901234567890", "1"], pl.Decimal(38, 0), [Decimal(12345678901234567890), Decimal(1)]),
        (["true", "false"], pl.Boolean(), [True, False]),
        (["true", "1e2"], pl.String(), ["true", "1e2"]),
        (['"a\\u00e9\\n"', '"b"'], pl.String(), ["aé\n", "b"]),
        (['{"a": 1}', "[1,  2]", '"x"'], pl.String(), ['{"a": 1}', "[1,  2]", "x"]),
        (["[1]", "[]", None, "[2.5]"], pl.List(pl.Float64()), [[1.0], [], None, [2.5]]),
        (["[1]", '["x"]'], pl.List(pl.String()), [["1"], ["x"]]),
        (
            ['{"a": 1}', "{}", None, '{"b": [true]}'],
            pl.Struct({"a": pl.Int64(), "b": pl.List(pl.Boolean())}),
            [{"a": 1, "b": None}, {"a": None, "b": None}, None, {"a": None, "b": [True]}],
        ),
        (["{}", "null", '{"a": null}', "{}"], pl.Null(), [None] * 4),
    ],
)
def test_the_inferred_type_holds_all_values(
    texts: list[str], dtype: pl.DataType, expected: list[Any]
) -> None:
    values = inferred(raw(*texts))

    assert values.dtype == dtype
    assert values.to_list() == expected


def test_what_is_nested_deeper_than_a_type_may_be_is_text() -> None:
    deep = "[" * 40 + "1" + "]" * 40

    assert inferred(raw(deep)).to_list() == [deep]


def test_objects_with_too_many_fields_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LIMITS", Limits(json=JsonLimits(cells=100)))
    texts = [json.dumps({f"k{row}": row}) for row in range(20)]

    assert inferred(raw(*texts)).to_list() == texts


def test_a_field_that_polars_cannot_name_is_refused_by_its_path() -> None:
    with pytest.raises(UnusableName, match=re.escape("field 'c.x.a\\x00'")):
        inferred(raw(r'{"x": {"a\u0000": 1}}'))


@pytest.mark.parametrize(
    ("type_name", "texts", "expected"),
    [
        ("long", ["1", '"2"', "1.0", "true", '"x"', "9223372036854775808"], [1, 2, None, None, None, None]),
        ("double", ["1", '"2.5"', '"nan"', "1e400", "9007199254740993"], [1.0, 2.5, None, None, None]),
        ("decimal(5,2)", ["1.10", '"1.2"', "1e2", "1.005", "{}"], ["1.10", "1.20", "100.00", None, None]),
        ("boolean", ["true", '"FALSE"', "1", '"yes"'], [True, False, None, None]),
        ("string", ["1.50", '"x"', '{"a": [1.0 ]}', "true"], ["1.50", "x", '{"a": [1.0 ]}', "true"]),
        ("binary", ['"AAE="', "1234"], [b"\x00\x01", None]),
        ("list<long>", ["[1]", '["2", null]', '["x"]', "1", "null"], [[1], [2, None], None, None, None]),
        ("map<int, long>", ['{"1": 2}', '{"x": 2}', '{"1": "x"}', "[]"], [{1: 2}, None, None, None]),
        (
            "struct<a: long>",
            ['{"a": "1"}', "{}", '{"a": 1, "b": [{}]}', '{"b": 0}', '{"a": "x"}'],
            [{"a": 1}, {"a": None}, {"a": 1}, None, None],
        ),
        ('struct<`a"b`: long>', ['{"a\\"b": 1}'], [{'a"b': 1}]),
    ],
)
def test_values_are_exact_or_lost(type_name: str, texts: list[str], expected: list[Any]) -> None:
    values = from_json(raw(*texts), parse_column_type(type_name)).to_list()

    assert [str(one) if isinstance(one, Decimal) else one for one in values] == expected


@pytest.mark.parametrize("text", ["02134", "+49301234", "-007"])
def test_a_code_is_no_number_if_numbers_must_be_canonical(text: str) -> None:
    assert from_json(raw(f'"{text}"'), parse_column_type("long"), canonical=True).to_list() == [None]
    assert from_json(raw(f'"{text}"'), parse_column_type("long")).to_list() == [int(text)]


@pytest.mark.parametrize(
    "texts",
    [
        ['{"a":1', "}", '{"b":1}{"c":1}'],  # together as many values as texts
        ['{"a":1},{"b":2}', '{"c":[1', "2]}"],
        ["1 2", "3", ""],
        ['"\\ud800"', "tru", "01", "'a'", "NaN", "[1,]"],
    ],
)
def test_texts_that_are_not_one_value_each_are_none(texts: list[str]) -> None:
    assert raw(*texts).to_list() == [text if text == "3" else None for text in texts]


def test_whitespace_around_a_value_is_left_out() -> None:
    assert raw(' {"a" :\n1}\r\n', "\t2 ").to_list() == ['{"a" :\n1}', "2"]


def test_a_path_leads_to_the_text_of_its_value() -> None:
    texts = raw('{"a": {"b": 1.50}}', '{"a": {"b": "x"}}', '{"a": 1}', "[1]", '{"a": {"c": 1}}', None)

    assert below(texts, ["a", "b"]).to_list() == ["1.50", '"x"', None, None, None, None]


@given(st.lists(ANY_JSON, max_size=5))
def test_what_is_inferred_writes_the_same_values_as_python_reads(values: list[Any]) -> None:
    texts = [json.dumps(value) for value in values]
    found = inferred(raw(*texts))

    if found.dtype == pl.String():
        assert found.to_list() == [
            value if isinstance(value, str) or value is None else json.dumps(value) for value in values
        ]
    elif not found.dtype.is_nested() and found.dtype != pl.Null():
        assert found.to_list() == values


@given(st.lists(st.none() | st.text(), max_size=5))
def test_strings_are_what_python_reads(values: list[str | None]) -> None:
    texts = raw(*(None if value is None else json.dumps(value) for value in values))

    assert unquoted(texts).to_list() == values


@pytest.mark.parametrize("part_bytes", [1, 20, 10**6])
def test_the_size_of_slices_changes_nothing(part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LIMITS", Limits(json=JsonLimits(part_bytes=part_bytes)))
    texts = raw('{"a": [1, 2]}', None, '{"b": "x\\n", "a": []}', "{}", '{"a": [0.5]}')

    assert inferred(texts).to_list() == [
        {"a": [1.0, 2.0], "b": None}, None, {"a": [], "b": "x\n"}, {"a": None, "b": None},
        {"a": [0.5], "b": None},
    ]  # fmt: skip
    wanted = parse_column_type("struct<a: list<double>, b: string>")
    assert from_json(texts, wanted).to_list() == inferred(texts).to_list()
