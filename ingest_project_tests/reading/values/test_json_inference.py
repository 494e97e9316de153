"""The type that JSON texts have is that of all their values."""

import json
import re
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.limits import JsonLimits, Limits
from ingest_project.reading.values import json_inference, json_texts
from ingest_project.reading.values.json_inference import inferred
from ingest_project.reading.values.json_texts import valid_texts
from ingest_project.reading.values.json_values import from_json
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
    monkeypatch.setattr(json_inference, "LIMITS", Limits(json=JsonLimits(cells=100)))
    texts = [json.dumps({f"k{row}": row}) for row in range(20)]

    assert inferred(raw(*texts)).to_list() == texts


def test_a_field_that_polars_cannot_name_is_refused_by_its_path() -> None:
    with pytest.raises(UnusableName, match=re.escape("field 'c.x.a\\x00'")):
        inferred(raw(r'{"x": {"a\u0000": 1}}'))


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


@pytest.mark.parametrize("part_bytes", [1, 20, 10**6])
def test_the_size_of_slices_changes_nothing(part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_texts, "LIMITS", Limits(json=JsonLimits(part_bytes=part_bytes)))
    texts = raw('{"a": [1, 2]}', None, '{"b": "x\\n", "a": []}', "{}", '{"a": [0.5]}')

    assert inferred(texts).to_list() == [
        {"a": [1.0, 2.0], "b": None}, None, {"a": [], "b": "x\n"}, {"a": None, "b": None},
        {"a": [0.5], "b": None},
    ]  # fmt: skip
    wanted = parse_column_type("struct<a: list<double>, b: string>")
    assert from_json(texts, wanted).to_list() == inferred(texts).to_list()
