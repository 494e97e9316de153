"""JSON texts are taken apart exactly, and what is not one value each is none."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.values.json_texts import below, unquoted, valid_texts


def raw(*texts: str | None) -> pl.Series:
    return valid_texts(pl.Series("c", list(texts), dtype=pl.String()))


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


@given(st.lists(st.none() | st.text(), max_size=5))
def test_strings_are_what_python_reads(values: list[str | None]) -> None:
    texts = raw(*(None if value is None else json.dumps(value) for value in values))

    assert unquoted(texts).to_list() == values
