from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isfinite

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing.parametric import series

from ingest_project.reading.values.cast_exactly import cast_exactly
from ingest_project.reading.values.types import dtype_of, storable

NAIVE = datetime(2026, 11, 20, 10)  # noqa: DTZ001
AWARE = datetime(2026, 11, 20, 10, tzinfo=UTC)


def cast(values: pl.Series, type_name: str) -> list[object]:
    result = cast_exactly(values.alias("c"), type_name)
    assert result is not None
    assert (result.name, result.dtype) == ("c", dtype_of(type_name))
    return result.to_list()


@pytest.mark.parametrize(
    ("values", "type_name", "expected"),
    [
        (pl.Series([1, None], dtype=pl.Int32), "long", [1, None]),
        (pl.Series([1, 2**40]), "int", [1, None]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), "long", [None]),
        (pl.Series([2**53, 2**53 + 1]), "double", [2.0**53, None]),
        (
            pl.Series([1.5, float("nan")], dtype=pl.Float32),
            "double",
            [1.5, pytest.approx(float("nan"), nan_ok=True)],
        ),
        (pl.Series([1.5, 0.1, 1e39]), "float", [1.5, None, None]),
        (pl.Series([9, 10]), "decimal(3,2)", [Decimal("9.00"), None]),
        (pl.Series([Decimal("1.250"), Decimal("1.255")]), "decimal(5,2)", [Decimal("1.25"), None]),
        (pl.Series(["1.25", "1.255"]), "decimal(5,2)", [Decimal("1.25"), None]),
        (pl.Series(["a"], dtype=pl.Categorical), "string", ["a"]),
        (pl.Series([-1, None]), "string", ["-1", None]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), "string", ["18446744073709551615"]),
        (pl.Series([True, False]), "string", ["true", "false"]),
        (pl.Series([Decimal("1.50"), Decimal("-0.05")]), "string", ["1.50", "-0.05"]),
        (pl.Series([{"a": [1]}]), "struct<a: list<string>>", [{"a": ["1"]}]),
        (pl.Series([{"a": 1, "b": None, "c": [], "d": {"e": None}}]), "struct<a: long>", [{"a": 1}]),
        (pl.Series([[{"a": 1, "b": {}}]]), "list<struct<a: long>>", [[{"a": 1}]]),
        (pl.Series([{"b": []}, None]), "struct<a: long>", [{"a": None}, None]),
        (pl.Series([b"\xc3\xa9"]), "string", ["é"]),
        (pl.Series([NAIVE], dtype=pl.Datetime("ms")), "timestamp", [NAIVE]),
        (pl.Series([NAIVE], dtype=pl.Datetime("ns")), "timestamptz", [AWARE]),
        (
            pl.Series([1000, 1001]).cast(pl.Datetime("ns", "UTC")),
            "timestamptz",
            [datetime(1970, 1, 1, 0, 0, 0, 1, UTC), None],
        ),
        (pl.Series([AWARE]).dt.convert_time_zone("Asia/Tokyo"), "timestamptz", [AWARE]),
        (pl.Series([None, None]), "list<string>", [None, None]),
        (pl.Series([None], dtype=pl.String), "binary", [None]),
        (pl.Series([b"a", b"\xff", None]), "string", ["a", None, None]),
        (pl.Series(["YQ==", "x"]), "binary", [b"a", None]),
        (pl.Series([b"a" * 16, b"a" * 15]), "uuid", [b"a" * 16, None]),
        (pl.Series(["61" * 16, "x"]), "uuid", [b"a" * 16, None]),
        (pl.Series([b"ab", b"abc"]), "fixed[2]", [b"ab", None]),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), "list<int>", [[1, 2]]),
        (pl.Series([1_000, 1_001], dtype=pl.Int64).cast(pl.Time), "time", [time(microsecond=1), None]),
        (
            pl.Series([-719_163, 0, 2_932_897], dtype=pl.Int32).cast(pl.Date),
            "date",
            [None, date(1970, 1, 1), None],
        ),
        (pl.Series([2**62]).cast(pl.Datetime("ms")), "timestamp", [None]),
        (pl.Series([2**62]).cast(pl.Datetime("us", "UTC")), "timestamptz", [None]),
        (pl.Series([0, 1]).cast(pl.Datetime("ms")), "date", [date(1970, 1, 1), None]),
        (pl.Series(["[1, 2]", "[1.5]", "x", None]), "list<int>", [[1, 2], None, None, None]),
        (pl.Series(['{"a": 1}', '{"b": 1}', '{"a": "1"}']), "struct<a: int>", [{"a": 1}, None, {"a": 1}]),
        (
            pl.Series(['{"1": "2026-01-01", "2": null}', '{"x": null}']),
            "map<int, date>",
            [{1: date(2026, 1, 1), 2: None}, None],
        ),
        (
            pl.Series(['[1.10, 123456789012345678901234567890.12, 1e2, "0.5"]']),
            "list<decimal(38,2)>",
            [
                [
                    Decimal("1.10"),
                    Decimal("123456789012345678901234567890.12"),
                    Decimal("100.00"),
                    Decimal("0.50"),
                ]
            ],
        ),
    ],
)
def test_values_are_kept_or_null(values: pl.Series, type_name: str, expected: list[object]) -> None:
    assert cast(values, type_name) == expected


@pytest.mark.parametrize(
    ("values", "type_name"),
    [
        (pl.Series([1.0]), "long"),
        (pl.Series([1.5]), "decimal(5,2)"),
        (pl.Series([True]), "int"),
        (pl.Series([1]), "boolean"),
        (pl.Series([1.5]), "string"),
        (pl.Series([date(2026, 1, 1)]), "string"),
        (pl.Series([{"a": 1}]), "string"),
        (pl.Series([1]), "timestamp"),
        (pl.Series([AWARE]), "timestamp"),
        (pl.Series([date(2026, 1, 1)]), "timestamp"),
        (pl.Series([timedelta(1)]), "long"),
        (pl.Series([date(2026, 1, 1)]), "uuid"),
        (pl.Series([[1.5]]), "list<long>"),
        (pl.Series([{"a": 1, "b": 2}]), "struct<a: long>"),
        (pl.Series([{"a": 1}]), "list<long>"),
    ],
)
def test_types_that_never_agree_are_refused(values: pl.Series, type_name: str) -> None:
    assert cast_exactly(values, type_name) is None


def test_structs_are_fitted_field_by_field() -> None:
    values = pl.Series([{"at": "2026-01-01", "n": 1}, None, {"at": "never", "n": 2}, {"at": None, "n": None}])

    assert cast(values, "struct<n: int, at: date, late: string>") == [
        {"n": 1, "at": date(2026, 1, 1), "late": None},
        None,
        None,
        {"n": None, "at": None, "late": None},
    ]


def test_lists_are_fitted_element_by_element() -> None:
    values = pl.Series([[1, None], [], None, [2**40, 1], [7]])

    assert cast(values, "list<int>") == [[1, None], [], None, None, [7]]


def test_lists_of_structs_are_fitted() -> None:
    values = pl.Series([[{"a": 1}, {"a": 2}], None])

    assert cast(values, "list<struct<a: int, b: string>>") == [
        [{"a": 1, "b": None}, {"a": 2, "b": None}],
        None,
    ]


def test_maps_are_fitted_entry_by_entry() -> None:
    values = pl.Series(
        [{"1": 2, "x": None}, {"1": 2**40}, {"1": 2}, {}, None], dtype=pl.Map(pl.String, pl.Int64)
    )

    assert cast(values, "map<int, int>") == [None, None, {1: 2}, {}, None]
    assert cast(values, "map<string, long>") == values.to_list()


def test_slices_of_nested_values_are_fitted_as_such() -> None:
    values = pl.Series([[{"a": 2**40}], [{"a": 1}], None, [], [{"a": 2**40}]])

    assert cast(values.slice(1, 3), "list<struct<a: int>>") == [[{"a": 1}], None, []]
    assert cast(pl.concat([values.head(2), values.slice(2, 2)]), "list<struct<a: int>>") == [
        None,
        [{"a": 1}],
        None,
        [],
    ]


SOURCES = st.sampled_from(
    [
        pl.Int8(),
        pl.Int64(),
        pl.UInt64(),
        pl.Int128(),
        pl.Float32(),
        pl.Float64(),
        pl.Decimal(38, 4),
        pl.Decimal(20, 0),
    ]
)
TARGETS = ["int", "long", "float", "double", "decimal(5,2)", "decimal(38,0)", "decimal(38,10)"]


@given(data=st.data(), dtype=SOURCES, type_name=st.sampled_from(TARGETS))
def test_a_number_is_itself_or_null_in_every_type(
    data: st.DataObject, dtype: pl.DataType, type_name: str
) -> None:
    values = data.draw(series(dtype=dtype, max_size=5, allow_null=True))
    result = cast_exactly(values, type_name)
    if result is None:
        return
    for old, new in zip(values, result, strict=True):
        if new is not None and not (new != new and old != old):  # noqa: PLR0124 - NaN
            assert Fraction(new) == Fraction(old) if isfinite(new) else new == old


@given(
    values=st.lists(st.none() | st.lists(st.none() | st.integers(-(2**33), 2**33), max_size=4), max_size=6),
    start=st.integers(0, 3),
)
def test_lists_are_what_python_makes_of_them(values: list[list[int | None] | None], start: int) -> None:
    fits = range(-(2**31), 2**31)
    series_ = pl.Series("c", values, dtype=pl.List(pl.Int64)).slice(start)
    expected = [
        None if one is None or any(part is not None and part not in fits for part in one) else one
        for one in values[start:]
    ]

    assert cast(series_, "list<int>") == expected


def test_what_has_no_type_of_iceberg_never_agrees() -> None:
    values = pl.Series([timedelta(1)])

    assert storable(values.dtype) == values.dtype
    assert cast_exactly(values, storable(values.dtype)) is None
