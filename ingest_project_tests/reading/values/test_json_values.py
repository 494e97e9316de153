"""JSON texts become exactly the values of a type, or are lost."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from ingest_project.reading.values.json_texts import valid_texts
from ingest_project.reading.values.json_values import from_json
from ingest_project.settings.type_grammar import parse_column_type


def raw(*texts: str | None) -> pl.Series:
    return valid_texts(pl.Series("c", list(texts), dtype=pl.String()))


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
