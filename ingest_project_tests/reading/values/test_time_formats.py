from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest_project.reading.values.time_formats import parse_times
from ingest_project.settings.time_formats import time_format_fault

ZONED, NAIVE = pl.Datetime("us", "UTC"), pl.Datetime("us")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(
    dtype: pl.DataType, formats: list[str], *texts: str | None, timezone: str | None = None
) -> list[object]:
    values = parse_times(pl.Series("c", texts, dtype=pl.String), dtype, formats, timezone)
    assert (values.name, values.dtype) == ("c", dtype)
    return values.to_list()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("%d.%m.%Y %H:%M", "20.11.2026 10:11", utc(2026, 11, 20, 10, 11)),
        ("%d.%m.%Y %H:%M", "1.2.2026 3:04", utc(2026, 2, 1, 3, 4)),
        ("%d.%m.%Y", "20.11.2026", utc(2026, 11, 20)),
        ("%m/%d/%Y %I:%M:%S %p", "11/20/2026 12:00:01 am", utc(2026, 11, 20, 0, 0, 1)),
        ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", utc(2000, 10, 10, 20, 55, 36)),
        ("%F %T%z", "2026-11-20 10:00:00Z", utc(2026, 11, 20, 10)),
        ("%F %T.%f", "2026-11-20 10:11:12.5", utc(2026, 11, 20, 10, 11, 12, 500_000)),
        ("%F %T.%f", "2026-11-20 10:11:12.000001", utc(2026, 11, 20, 10, 11, 12, 1)),
        ("%Y%m%d%H%M%S", "20261120101112", utc(2026, 11, 20, 10, 11, 12)),
        ("%D %R", "11/20/68 10:11", utc(2068, 11, 20, 10, 11)),
        ("%y-%j", "70-001", utc(1970, 1, 1)),
        ("%y-%j", "69-001", utc(2069, 1, 1)),
        ("100%% %F", "100% 2026-11-20", utc(2026, 11, 20)),
        ("<%F>", "<2026-11-20>", utc(2026, 11, 20)),
        ("epoch_s", "1763596800", utc(2025, 11, 20)),
        ("epoch_s", "1763596800.000001", utc(2025, 11, 20, 0, 0, 0, 1)),
        ("epoch_s", "-1.5", utc(1969, 12, 31, 23, 59, 58, 500_000)),
        ("epoch_s", "1.7635968e9", utc(2025, 11, 20)),
        ("epoch_ms", "1763596800000", utc(2025, 11, 20)),
        ("epoch_us", "1763596800000001", utc(2025, 11, 20, 0, 0, 0, 1)),
        ("epoch_ns", "1763596800000001000", utc(2025, 11, 20, 0, 0, 0, 1)),
        ("epoch_ns", "-1000", utc(1969, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_a_text_of_the_format_is_the_time_that_it_says(form: str, text: str, value: datetime) -> None:
    assert time_format_fault(form, "timestamptz") is None
    assert parse(ZONED, [form], text, None) == [value, None]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "20.11.26"),
        ("%d.%m.%Y", "30.02.2026"),
        ("%d.%m.%Y", " 20.11.2026"),
        ("%d.%m.%Y", "20. 11.2026"),
        ("%d.%m.%Y", "20.11.2026 and more"),
        ("%d.%m.%Y", "20.11.+2026"),
        ("%d.%m.%Y", "01.01.0000"),
        ("%d.%m.%Y", "01.01.10000"),
        ("%d.%m.%y", "01.01.2026"),
        ("%Y%m%d", "2026115"),
        ("%F %T", "2026-11-20 23:59:60"),
        ("%F %H%M%S", "2026-11-20 235960"),
        ("%F %T", "2026-11-20 24:00:00"),
        ("%F %T", "2026-11-20  10:00:00"),
        ("%F %T.%f", "2026-11-20 10:11:12.0000001"),
        ("%F %T%z", "2026-11-20 10:00:00+25:00"),
        ("%F %T%z", "9999-12-31 23:59:59-01:00"),
        ("%F %T%z", "0001-01-01 00:00:00+01:00"),
        ("%d/%b/%Y", "20/Xyz/2026"),
        ("%a %F", "Mon 2026-11-20"),
        ("epoch_s", "1763596800.0000001"),
        ("epoch_ns", "1763596800000000001"),
        ("epoch_s", "253402300800"),
        ("epoch_s", "-62135596801"),
        ("epoch_us", "9223372036854775808"),
        ("epoch_s", "NaN"),
        ("epoch_s", ""),
        ("epoch_s", "0x10"),
    ],
)
def test_a_text_that_is_not_of_the_format_is_null(form: str, text: str) -> None:
    assert time_format_fault(form, "timestamptz") is None
    assert parse(ZONED, [form], text) == [None]


def test_the_first_format_that_fits_counts() -> None:
    formats = ["%d/%m/%Y", "%m/%d/%Y", "iso", "epoch_s"]

    values = parse(ZONED, formats, "02/01/2026", "01/13/2026", "2026-01-03T00:00:00Z", "0", "x", None)

    assert values == [utc(2026, 1, 2), utc(2026, 1, 13), utc(2026, 1, 3), EPOCH, None, None]


def test_dates_and_times_of_day_have_formats_of_their_own() -> None:
    assert parse(pl.Date(), ["%d.%m.%Y"], "29.02.2024", "29.02.2026") == [date(2024, 2, 29), None]
    assert parse(pl.Time(), ["%I:%M %p"], "12:30 AM", "13:00 PM") == [time(0, 30), None]
    assert parse(NAIVE, ["%d.%m.%Y %R"], "20.11.2026 10:11") == [datetime(2026, 11, 20, 10, 11)]  # noqa: DTZ001


def test_a_time_without_offset_is_one_of_the_zone() -> None:
    texts = ["2026-07-01 12:00:00", "2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-07-01 12:00:00Z"]

    assert parse(ZONED, ["iso"], *texts, timezone="Europe/Berlin") == [
        utc(2026, 7, 1, 10),
        None,  # no clock showed it
        utc(2026, 10, 25, 0, 30),  # shown twice: the earlier
        utc(2026, 7, 1, 12),
    ]
    assert parse(ZONED, ["iso"], texts[0]) == [utc(2026, 7, 1, 12)]


@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@example(datetime(2026, 3, 29, 2, 30), "Europe/Berlin")  # noqa: DTZ001
@example(datetime(2026, 10, 25, 2, 30), "Europe/Berlin")  # noqa: DTZ001
def test_local_times_are_those_that_python_finds(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    instant = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    exists = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local

    values = parse(ZONED, ["%F %T"], local.isoformat(" "), timezone=zone)

    assert values == [instant if exists else None]


@given(
    st.decimals(min_value=-(10**11), max_value=10**11, places=7),
    st.sampled_from([("epoch_s", 6), ("epoch_ms", 3)]),
)
def test_an_epoch_is_exact_or_null(count: Decimal, unit: tuple[str, int]) -> None:
    name, digits = unit
    microseconds = count.scaleb(digits)
    expected = None
    if microseconds == microseconds.to_integral_value():
        try:
            expected = EPOCH + timedelta(microseconds=int(microseconds))
        except OverflowError:
            expected = None

    assert parse(ZONED, [name], format(count, "f")) == [expected]


@given(st.text(st.sampled_from("0123456789-:+. TZz\u0663\n"), max_size=30))
def test_no_text_is_guessed(text: str) -> None:
    (value,) = parse(ZONED, ["iso"], text)
    if value is not None:
        assert isinstance(value, datetime)
        assert text[:4] == f"{(value + timedelta(0)).year:04}" or abs((value.year) - int(text[:4])) <= 1
        assert text.strip() == text
