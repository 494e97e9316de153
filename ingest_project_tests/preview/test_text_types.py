"""A type is suggested only if every value is one."""

import polars as pl
import pytest

from ingest_project.preview.text_types import suggest_for_numbers, suggest_for_text


@pytest.mark.parametrize(
    ("texts", "type_name"),
    [
        (["2026-11-20", None, "2024-02-29"], "date"),
        (["2026-11-20T13:00:00Z", "2026-11-20T13:00:00.123+01:00"], "timestamptz"),
        (["2026-11-20 13:00:00", "2026-11-20T13:00:00"], "timestamp"),
        (["2026-11-20 13:00:00.123456+00", "2026-11-20 13:00:00-08"], "timestamptz"),  # as PostgreSQL's COPY
        (["2026-11-20 13:00:00 UTC"], "timestamptz"),
        (["13:00:00", "23:59:59.5"], "time"),
        (["123e4567-e89b-12d3-a456-426614174000"], "uuid"),
        (["2026-11-20", "yesterday"], None),
        (["2026-02-30"], None),
        (["00501", "10115"], None),
        (["20.11.2026"], None),
        (["12,50"], None),
        ([None], None),
        (["", "2026-11-20"], None),
    ],
)
def test_type_of_text(texts: list[str | None], type_name: str | None) -> None:
    assert suggest_for_text(pl.Series("c", texts, dtype=pl.String)).type == type_name


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["00501", "10115"], "leading zeros"),
        (["20.11.2026", "01.12.2026"], '{type: date, format: "%d.%m.%Y"}'),
        (["20/Nov/2026:13:00:00 +0000"], '"%d/%b/%Y:%H:%M:%S %z"'),
        (["12,50", "1.000,00", "3"], "decimal comma"),
        (["12.5", "-3"], "is a number"),
        (["20261120", "20261121"], '{type: date, format: "%Y%m%d"}'),
        (["0.00-", "1.01", "-3"], "sign behind"),
        (["2026-11-20T13:00:00Z", "2026-11-20T13:00:00"], "taken as UTC"),
    ],
)
def test_other_spellings_are_a_word_to_the_person_only(texts: list[str], word: str) -> None:
    assert word in (suggest_for_text(pl.Series("c", texts)).note or "")


def test_dates_of_two_readings_are_not_guessed() -> None:
    assert suggest_for_text(pl.Series("c", ["03/04/2026", "05/06/2026"])).note is None


@pytest.mark.parametrize(
    ("written", "type_name"),
    [
        (["12.50", "3.99", None], "decimal(18,2)"),
        (["12.5", "3.99"], None),
        (["12.55", "3.99"], None),  # no amount ends in 0: these may be measurements
        (["1.5", "2.0"], None),
        (["4.90", "4.90"], "decimal(18,2)"),
        (["12.50"], None),
        (["1e3", "2.50"], None),
    ],
)
def test_decimal_is_suggested_for_amounts_only(written: list[str | None], type_name: str | None) -> None:
    text = pl.Series("amount", written, dtype=pl.String)

    assert suggest_for_numbers("amount", text.cast(pl.Float64), text).type == type_name


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("created_at", 1_795_000_000, "epoch_s"),
        ("eventTime", 1_795_000_000_000, "epoch_ms"),
        ("ts", 1_795_000_000_000_000, "epoch_us"),
        ("ts", 1_795_000_000_000_000_000, "epoch_ns"),
        ("customer_id", 1_795_000_000, None),
        ("created_at", 17, None),
        ("format", 1_795_000_000, None),
        ("created", 1_795_000_000, "epoch_s"),
    ],
)
def test_epochs_are_recognised_by_name_and_size_together(name: str, value: int, unit: str | None) -> None:
    note = suggest_for_numbers(name, pl.Series(name, [value, value + 5]), None).note

    assert (note is None) if unit is None else f"format: {unit}}}" in (note or "")


def test_a_spelling_of_nearly_all_texts_is_remarked_with_the_number_of_the_others() -> None:
    texts = pl.Series(["20.11.2026 12:00"] * 199 + ["yesterday"])

    assert suggest_for_text(texts).note == (
        'looks like timestamp (1 of 200 values are not): {type: timestamp, format: "%d.%m.%Y %H:%M"}'
    )
    assert suggest_for_text(pl.concat([texts, pl.Series(["?"] * 5)])).note is None


def test_epochs_in_text_are_recognised_too() -> None:
    texts = pl.Series("event_timestamp", ["1763640000000000", "1763640000000001"])

    assert suggest_for_text(texts).note == "looks like epoch_us: {type: timestamptz, format: epoch_us}"
    assert "is a number" in (suggest_for_text(texts.alias("id")).note or "")


def test_days_written_as_numbers_are_recognised() -> None:
    days = pl.Series("BUDAT", [20261120, 20261201])

    assert suggest_for_numbers("BUDAT", days, None).note == 'looks like date: {type: date, format: "%Y%m%d"}'
    assert suggest_for_numbers("BUDAT", pl.Series([20261120, 20260231]), None).note is None


def test_version_that_is_called_by_its_date_stays_text() -> None:
    suggestion = suggest_for_text(pl.Series("api_version", ["2024-06-20"] * 3))

    assert suggestion.type is None
    assert "version" in (suggestion.note or "")
