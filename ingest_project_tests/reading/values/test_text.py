from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.type_grammar import PRIMITIVE_TYPES


def convert(type_name: str, *texts: str | None) -> list[object]:
    values = from_text(pl.Series("c", texts, dtype=pl.String), type_name)
    assert values.dtype == dtype_of(type_name)
    assert values.name == "c"
    return values.to_list()


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("int", "-2147483648", -(2**31)),
        ("long", "9223372036854775807", 2**63 - 1),
        ("double", "1e3", 1000.0),
        ("double", "-inf", float("-inf")),
        ("decimal(12,2)", "1.1", Decimal("1.10")),
        ("decimal(12,2)", "1.100", Decimal("1.10")),
        ("decimal(12,2)", "1e2", Decimal("100.00")),
        ("decimal(12,2)", "-1.50E-1", Decimal("-0.15")),
        ("decimal(12,2)", "0e999999999", Decimal("0.00")),
        ("decimal(12,2)", f"1.{'0' * 40}e0", Decimal("1.00")),
        ("decimal(12,2)", f"-1{'0' * 250}e-250", Decimal("-1.00")),
        (
            "decimal(38,18)",
            "12345678901234567890.123456789012345678",
            Decimal("12345678901234567890.123456789012345678"),
        ),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("time", "23:59:59.000001", time(23, 59, 59, 1)),
        ("timestamp", "2026-11-20T10:11:12", datetime(2026, 11, 20, 10, 11, 12)),  # noqa: DTZ001
        ("timestamp", "2026-11-20 10:11:12.5", datetime(2026, 11, 20, 10, 11, 12, 500_000)),  # noqa: DTZ001
        ("timestamptz", "2026-11-20T10:11:12Z", datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC)),
        (
            "timestamptz",
            "2026-11-20 10:11:12.123456+02:00",
            datetime(2026, 11, 20, 8, 11, 12, 123_456, tzinfo=UTC),
        ),
        (
            "timestamptz",
            "2026-11-20T10:11:12.123456000Z",
            datetime(2026, 11, 20, 10, 11, 12, 123_456, tzinfo=UTC),
        ),
        ("timestamptz", "2026-11-20T10:11:12", datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC)),
        ("timestamptz", "2026-11-20T10:00:00+05:30", datetime(2026, 11, 20, 4, 30, tzinfo=UTC)),
        ("timestamptz", "2026-11-20T10:00:00+0530", datetime(2026, 11, 20, 4, 30, tzinfo=UTC)),
        ("timestamptz", "2026-11-20 10:00:00 -07", datetime(2026, 11, 20, 17, tzinfo=UTC)),
        ("timestamptz", "2026-11-20T10:00:00z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("timestamptz", "2026-11-20 10:00:00 UTC", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("date", "0001-01-01", date.min),
        ("date", "9999-12-31", date.max),
        ("uuid", "0123ABCD-0123-4567-89ab-ffffffffffff", bytes.fromhex("0123abcd0123456789abffffffffffff")),
        ("uuid", "0123abcd0123456789abffffffffffff", bytes.fromhex("0123abcd0123456789abffffffffffff")),
        ("binary", "AP8=", b"\x00\xff"),
        ("binary", "", b""),
        ("fixed[2]", "AP8=", b"\x00\xff"),
        ("string", "", ""),
    ],
)
def test_text_becomes_the_value_it_spells(type_name: str, text: str, value: object) -> None:
    assert convert(type_name, text, None) == [value, None]


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("boolean", "1"),
        ("boolean", "yes"),
        ("int", "2147483648"),
        ("long", "1.0"),
        ("long", "1e3"),
        ("long", " 1"),
        ("long", "9223372036854775808"),
        ("float", "1e39"),
        ("float", "16777217"),
        ("double", "9007199254740993"),
        ("double", "-99999999999999999999"),
        ("double", "1e400"),
        ("double", "1,5"),
        ("decimal(12,2)", "1.105"),
        ("decimal(12,2)", "1e10"),
        ("decimal(12,2)", "1e-3"),
        ("decimal(12,2)", f"1.{'0' * 40}1e0"),
        ("decimal(12,2)", f"1.{'0' * 250}1e0"),
        ("decimal(12,2)", "1e999999999"),
        ("decimal(12,2)", "1e-999999999"),
        ("decimal(12,2)", "1e99999999999999999999"),
        ("decimal(12,2)", "-Infinity"),
        ("decimal(12,2)", "12345678901"),
        ("decimal(12,2)", "NaN"),
        ("date", "2026-02-30"),
        ("date", "26-11-20"),
        ("date", "2026-11-20T00:00:00"),
        ("time", "24:00:00"),
        ("time", "10:11:12.0000001"),
        ("timestamp", "2026-11-20T10:11:12Z"),
        ("timestamptz", "2026-13-01T00:00:00Z"),
        ("timestamptz", "2026-11-20T10:11:12.1234567Z"),
        ("timestamptz", "2026-11-20T10:11:12Z and more"),
        ("timestamptz", "1763596800"),
        ("timestamptz", "2026-11-20T23:59:60Z"),
        ("timestamptz", "2026-11-20T24:00:00Z"),
        ("timestamptz", "2026-11-20T10:00:00+24:00"),
        ("timestamptz", "0000-12-31T23:59:59Z"),
        ("timestamptz", "10000-01-01T00:00:00Z"),
        ("timestamptz", "0001-01-01T00:00:00+01:00"),
        ("date", "0000-01-01"),
        ("date", "10000-01-01"),
        ("date", "-001-01-01"),
        ("date", " 2026-11-20"),
        ("time", "23:59:60"),
        ("uuid", "{0123abcd-0123-4567-89ab-ffffffffffff}"),
        ("uuid", "urn:uuid:0123abcd-0123-4567-89ab-ffffffffffff"),
        ("uuid", "0123abcd01234567-89ab-ffffffffffff"),
        ("uuid", "0123abcd-0123-4567-89ab-fffffffffff"),
        ("uuid", "0123abcg-0123-4567-89ab-ffffffffffff"),
        ("uuid", ""),
        ("binary", "x"),
        ("binary", "AP8"),
        ("binary", "AP9="),
        ("binary", "AP8=\n"),
        ("binary", "-_8="),
        ("fixed[2]", "AP8A"),
        ("list<string>", "[]"),
    ],
)
def test_text_that_spells_no_such_value_is_null(type_name: str, text: str) -> None:
    assert convert(type_name, text) == [None]


def test_one_column_may_mix_the_formats() -> None:
    texts = ["2026-11-20T10:00:00Z", "2026-11-20 11:00:00.5+01:00", "2026-11-20T10:00:00", "x", None]

    values = convert("timestamptz", *texts)

    ten = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert values == [ten, ten + timedelta(microseconds=500_000), ten, None, None]


@given(value=st.decimals(min_value=-(10**10) + 1, max_value=10**10 - 1, places=2))
def test_decimals_are_exact(value: Decimal) -> None:
    assert convert("decimal(12,2)", str(value)) == [value]


@given(
    value=st.datetimes(
        min_value=datetime(1001, 1, 1),  # noqa: DTZ001
        max_value=datetime(9998, 12, 31),  # noqa: DTZ001
        timezones=st.builds(timezone, st.builds(timedelta, minutes=st.integers(-839, 839))),
    )
)
def test_every_iso_timestamp_is_the_instant_it_names(value: datetime) -> None:
    assert convert("timestamptz", value.isoformat(), value.isoformat(sep=" ")) == [value, value]


NUMERALS = st.from_regex(r"[+-]?[0-9]{0,42}(\.[0-9]{0,42})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(
    text=NUMERALS,
    type_name=st.sampled_from(["decimal(5,2)", "decimal(38,0)", "decimal(38,38)", "decimal(38,10)"]),
)
def test_a_decimal_is_what_the_text_says_or_null(text: str, type_name: str) -> None:
    (value,) = convert(type_name, text)
    if value is not None:
        assert value == Decimal(text)


@given(value=st.decimals(-99999, 99999, places=2), exponent=st.integers(-4, 4))
def test_no_decimal_that_fits_is_lost_for_its_exponent(value: Decimal, exponent: int) -> None:
    text = f"{value}e{exponent}"
    exact = Decimal(text)
    fits = abs(exact) < 10**10 and exact == round(exact, 2)

    assert convert("decimal(12,2)", text) == [exact if fits else None]


@given(text=NUMERALS, type_name=st.sampled_from(["int", "long"]))
def test_an_integer_is_what_the_text_says_or_null(text: str, type_name: str) -> None:
    (value,) = convert(type_name, text)
    if value is not None:
        assert value == int(text)


@given(
    text=st.text(max_size=20),
    type_name=st.sampled_from([name for name in PRIMITIVE_TYPES if name != "string"]),
)
def test_no_text_crashes_a_conversion(text: str, type_name: str) -> None:
    convert(type_name, text, None)
