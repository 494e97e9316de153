"""Files of different types become one table without another value in it."""

import re
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from ingest_project.errors import SchemaMismatch
from ingest_project.reading.values.stacking import stacked

NO_DOUBLE = 2**53 + 1


def one(values: list[object], dtype: pl.DataType) -> pl.DataFrame:
    return pl.DataFrame({"a": pl.Series(values, dtype=dtype)})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (one([1], pl.Int64()), one([0.5], pl.Float64()), [1.0, 0.5]),
        (one([NO_DOUBLE], pl.Int64()), one([0.5], pl.Float64()), [str(NO_DOUBLE), "0.5"]),
        (one([0.5], pl.Float64()), one([None, 2**63 - 1], pl.Int64()), ["0.5", None, str(2**63 - 1)]),
        (one([Decimal("1.55")], pl.Decimal(5, 2)), one([0.1], pl.Float64()), [1.55, 0.1]),
        (one([Decimal(NO_DOUBLE)], pl.Decimal(38, 0)), one([0.1], pl.Float64()), [str(NO_DOUBLE), "0.1"]),
        (one([[1]], pl.List(pl.Int64())), one([[0.5], None], pl.List(pl.Float64())), [[1.0], [0.5], None]),
    ],
)
def test_numbers_take_the_widest_type_or_are_text_where_it_would_change_one(
    first: pl.DataFrame, second: pl.DataFrame, expected: list[object]
) -> None:
    assert stacked([first, second], "s3://b/k")["a"].to_list() == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            one([[NO_DOUBLE]], pl.List(pl.Int64())),
            one([[0.5]], pl.List(pl.Float64())),
            [[str(NO_DOUBLE)], ["0.5"]],
        ),
        (
            one([{"x": NO_DOUBLE}], pl.Struct({"x": pl.Int64()})),
            one([{"x": 0.5, "y": 2}], pl.Struct({"x": pl.Float64(), "y": pl.Int64()})),
            [{"x": str(NO_DOUBLE), "y": None}, {"x": "0.5", "y": 2}],
        ),
        (
            one([{"x": True}], pl.Struct({"x": pl.Boolean()})),
            one([{"x": 2}], pl.Struct({"x": pl.Int64()})),
            [{"x": "true"}, {"x": "2"}],
        ),
        (
            one([[date(2099, 1, 1)]], pl.List(pl.Date())),
            one([[3]], pl.List(pl.Int64())),
            [["2099-01-01"], ["3"]],
        ),
        (
            one([{"a": True}], pl.Map(pl.String(), pl.Boolean())),
            one([{"a": 1}], pl.Map(pl.String(), pl.Int64())),
            [{"a": "true"}, {"a": "1"}],
        ),
    ],
)
def test_nested_values_without_a_common_type_are_text(
    first: pl.DataFrame, second: pl.DataFrame, expected: list[object]
) -> None:
    assert stacked([first, second], "s3://b/k")["a"].to_list() == expected


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        (one([[1]], pl.List(pl.Int64())), one([1], pl.Int64()), "a"),
        (
            one([{"x": {"y": 1}}], pl.Struct({"x": pl.Struct({"y": pl.Int64()})})),
            one([{"x": "s"}], pl.Struct({"x": pl.String()})),
            "a.x",
        ),
        (
            one([[{"x": {"y": 1}}]], pl.List(pl.Struct({"x": pl.Struct({"y": pl.Int64()})}))),
            one([[{"x": "s"}]], pl.List(pl.Struct({"x": pl.String()}))),
            "a[].x",
        ),
    ],
)
def test_values_that_are_nested_in_some_files_only_are_refused_by_their_path(
    first: pl.DataFrame, second: pl.DataFrame, path: str
) -> None:
    with pytest.raises(SchemaMismatch, match=re.escape(f"column {path!r} is a ")):
        stacked([first, second], "s3://b/k")


def test_bytes_that_are_no_text_are_refused_by_the_column_s_name() -> None:
    with pytest.raises(SchemaMismatch, match="column 'a' is bytes in some files only"):
        stacked([one([b"\xff"], pl.Binary()), one(["x"], pl.String())], "s3://b/k")


@pytest.mark.parametrize("first", [0, 2])
def test_rows_without_columns_stay_rows(first: int) -> None:
    frames = [pl.DataFrame(height=first), one([1], pl.Int64()), pl.DataFrame(height=2 - first)]

    assert stacked(frames, "s3://b/k")["a"].to_list() == [None] * first + [1] + [None] * (2 - first)
