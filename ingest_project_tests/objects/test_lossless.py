from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from ingest_project.objects.lossless import lossless_cast
from ingest_project.objects.types import dtype_of

NAIVE = datetime(2026, 11, 20, 10)  # noqa: DTZ001
AWARE = datetime(2026, 11, 20, 10, tzinfo=UTC)


def cast(values: pl.Series, type_name: str) -> list[object]:
    result = lossless_cast(values.alias("c"), dtype_of(type_name))
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
        (pl.Series([1]), "string"),
        (pl.Series([1]), "timestamp"),
        (pl.Series([AWARE]), "timestamp"),
        (pl.Series([date(2026, 1, 1)]), "timestamp"),
        (pl.Series([b"\xff"]), "string"),
        (pl.Series(["x"]), "binary"),
        (pl.Series([[1.5]]), "list<long>"),
        (pl.Series([{"a": 1, "b": 2}]), "struct<a: long>"),
        (pl.Series([{"a": 1}]), "list<long>"),
    ],
)
def test_types_that_never_agree_are_refused(values: pl.Series, type_name: str) -> None:
    assert lossless_cast(values, dtype_of(type_name)) is None


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
