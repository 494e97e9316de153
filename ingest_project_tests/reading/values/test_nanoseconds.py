"""Parts of a microsecond are seen in messages and in what is rescued, though Python's times have none."""

from datetime import datetime, time

import polars as pl
import pytest

from ingest_project.reading.columns.rescue import json_of
from ingest_project.reading.values.example import example_at
from ingest_project.reading.values.nanoseconds import values_of

NANOSECONDS = pl.Datetime("ns")
MOMENT = "1970-01-01T00:00:00.000000001"


@pytest.mark.parametrize(
    ("numbers", "dtype", "expected"),
    [
        ([1, None], NANOSECONDS, [MOMENT, None]),
        ([-1], NANOSECONDS, ["1969-12-31T23:59:59.999999999"]),
        ([1000], NANOSECONDS, [datetime(1970, 1, 1, 0, 0, 0, 1)]),  # noqa: DTZ001
        ([1], pl.Datetime("ns", "Europe/Berlin"), [f"{MOMENT}+00:00"]),
        ([1, 1000], pl.Time(), ["00:00:00.000000001", time(0, 0, 0, 1)]),
        ([1], pl.Duration("ns"), ["1 ns"]),
        ([[1, None], None], pl.List(NANOSECONDS), [[MOMENT, None], None]),
        ([{"a": 1, "b": "x"}, None], pl.Struct({"a": NANOSECONDS, "b": pl.String()}),
            [{"a": MOMENT, "b": "x"}, None]),
    ],
)  # fmt: skip
def test_times_with_a_part_of_a_microsecond_are_text(
    numbers: list[object], dtype: pl.DataType, expected: list[object]
) -> None:
    physical = pl.Series(numbers, dtype=pl.Series([], dtype=dtype).to_physical().dtype)

    assert values_of(physical.cast(dtype)) == expected


def test_an_example_shows_what_does_not_fit() -> None:
    assert example_at(pl.Series([1]).cast(NANOSECONDS), 0) == f"'{MOMENT}'"


def test_what_is_no_number_of_json_is_text() -> None:
    assert json_of({"a": [float("nan"), 1.5], "b": float("-inf")}) == '{"a": ["nan", 1.5], "b": "-inf"}'
