"""Arrow gives the same times as the patterns of `time_formats.py`, or leaves a text to them."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.values import time_formats
from ingest_project.reading.values.time_formats import parse_times
from ingest_project.reading.values.usual_iso_times import usual_times

DAYS = ["2026-11-20", "2024-02-29", "2026-02-29", "0000-01-01", "9999-12-31", "26-11-20", "20261120", ""]
HOURS = ["13", "13:00", "23:59:59", "13:00:00.5", "13:00:00.123456", "13:00:00.1234567", "24:00:00",
    "1:00:00", "13:00:60", "130000", "02:30:00", "13:00:00,5", "13:00:00."]  # fmt: skip
OFFSETS = ["", "Z", "z", "+01", "+0100", "-05:30", "+24:00", " +01:00", " UTC", "+1", "-00:00", "Europe/Rome"]
TEXTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(DAYS),
    st.sampled_from(["T", " ", "t", "", "  "]),
    st.sampled_from(["", *HOURS]),
    st.sampled_from(OFFSETS),
)
TYPES = [pl.Date(), pl.Datetime("us"), pl.Datetime("us", "UTC")]


@given(
    st.lists(st.none() | TEXTS, max_size=3), st.sampled_from(TYPES), st.sampled_from([None, "Europe/Rome"])
)
def test_what_arrow_takes_is_what_the_patterns_say(
    texts: list[str | None], dtype: pl.DataType, timezone: str | None
) -> None:
    text = pl.Series("t", texts, dtype=pl.String())

    found = usual_times(text, dtype, timezone)

    if found is not None:
        by_patterns = time_formats._any_iso(text, dtype, "iso", timezone)
        assert time_formats.within_years(found).to_list() == time_formats.within_years(by_patterns).to_list()
        assert found.dtype == dtype


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        ("2026-11-20", pl.Date(), date(2026, 11, 20)),
        ("2026-11-20T13:00:00Z", pl.Datetime("us", "UTC"), datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("2026-11-20 13:00:00.25+01:00", pl.Datetime("us", "UTC"),
            datetime(2026, 11, 20, 12, 0, 0, 250_000, UTC)),
        ("2026-11-20T13:00:00", pl.Datetime("us"), datetime(2026, 11, 20, 13)),  # noqa: DTZ001
        ("2026-11-20T13:00:00", pl.Datetime("us", "UTC"), datetime(2026, 11, 20, 13, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_arrow_takes_the_usual_forms(text: str, dtype: pl.DataType, expected: object) -> None:
    found = usual_times(pl.Series([text]), dtype, None)

    assert found is not None
    assert found.to_list() == [expected]


@given(
    st.lists(st.none() | TEXTS, max_size=6), st.sampled_from(TYPES), st.sampled_from([None, "Europe/Rome"])
)
def test_a_text_gives_the_same_time_whatever_its_neighbours_are(
    texts: list[str | None], dtype: pl.DataType, timezone: str | None
) -> None:
    together = parse_times(pl.Series("t", texts, dtype=pl.String()), dtype, ("iso",), timezone)

    alone = [parse_times(pl.Series([one], dtype=pl.String()), dtype, ("iso",), timezone) for one in texts]

    assert together.to_list() == [one[0] for one in alone]


def test_a_name_that_arrow_cannot_have_does_not_matter() -> None:
    found = parse_times(pl.Series("a\0b", ["2026-11-20"]), pl.Date(), ("iso",), None)

    assert (found.name, found.to_list()) == ("a\0b", [date(2026, 11, 20)])


def test_one_odd_text_among_many_is_parsed_too_and_one_that_is_no_time_is_null() -> None:
    texts = ["2026-11-20T13:00:00Z"] * 5
    texts[1], texts[4] = "20261120T130000Z", "soon"

    found = parse_times(pl.Series(texts), pl.Datetime("us", "UTC"), ("iso",), None)

    assert found.to_list() == [datetime(2026, 11, 20, 13, tzinfo=UTC)] * 4 + [None]
