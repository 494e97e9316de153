"""Turns text into typed values: every CSV field, and what JSON can only spell as text.

One contract for all types: the result is null where the text says no such value, so that the caller can name it.
Nothing is rounded, cut off or guessed.
"""

from collections.abc import Callable, Sequence

import polars as pl

DATETIME_WITH_ZONE = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
DATETIME_WITHOUT_ZONE = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
"""ISO 8601 with `T` or a space. The first of each is fixed in length, which Polars reads twice as fast."""
DATE = ("%Y-%m-%d",)
TIME = ("%H:%M:%S%.f",)

FOUR_DIGIT_YEAR = r"^\d{4}-"
"""Without this the year of `26-11-20` would be 26."""
FINER_THAN_MICROSECONDS = r"\.\d{6}\d*[1-9]"


def from_text(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values that the texts spell, null where a text spells none of this type exactly.

    Times are ISO 8601. A `timestamptz` without an offset is UTC; a `timestamp` with one is no `timestamp`, because
    it names another instant than its digits say.
    """
    if isinstance(dtype, pl.String):
        return text
    if isinstance(dtype, pl.Boolean):
        return _booleans(text)
    if isinstance(dtype, pl.Float32 | pl.Float64):
        return _floats(text, dtype)
    if isinstance(dtype, pl.Decimal):
        return _decimals(text, dtype)
    if isinstance(dtype, pl.Date | pl.Time | pl.Datetime):
        return _times(text, dtype)
    if dtype.is_integer():
        return text.cast(dtype, strict=False)
    return pl.Series(text.name, [None], dtype=dtype).new_from_index(0, len(text))


def without(values: pl.Series, unwanted: pl.Series) -> pl.Series:
    """The values, null where unwanted is true."""
    if not unwanted.any():
        return values
    return (
        pl.select(pl.when(unwanted.fill_null(value=False)).then(None).otherwise(values))
        .to_series()
        .alias(values.name)
    )


def _booleans(text: pl.Series) -> pl.Series:
    lower = text.str.to_lowercase()
    return without(lower == "true", ~lower.is_in(["true", "false"]))


def _floats(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    double = text.cast(pl.Float64, strict=False)
    value = double.cast(dtype)
    # A number too large for the type would become infinity.
    return without(value, value.is_infinite() & ~text.str.contains(r"(?i)inf"))


def _decimals(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    # Polars rounds what has more fraction digits than the type.
    inexact = rf"\.\d{{{dtype.scale}}}\d*[1-9]|[eE]"
    return without(text.cast(dtype, strict=False), text.str.contains(inexact))


def _times(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    if isinstance(dtype, pl.Time):
        return without(
            _first_that_fits(text, TIME, lambda form: text.str.to_time(form, strict=False)), _too_fine(text)
        )
    if isinstance(dtype, pl.Date):
        value = _first_that_fits(text, DATE, lambda form: text.str.to_date(form, strict=False))
    elif isinstance(dtype, pl.Datetime):
        value = _datetimes(text, dtype)
    return without(value, ~text.str.contains(FOUR_DIGIT_YEAR))


def _datetimes(text: pl.Series, dtype: pl.Datetime) -> pl.Series:
    unit, zone = dtype.time_unit, dtype.time_zone
    formats = (*DATETIME_WITH_ZONE, *DATETIME_WITHOUT_ZONE) if zone else DATETIME_WITHOUT_ZONE
    value = _first_that_fits(
        text, formats, lambda form: text.str.to_datetime(form, time_unit=unit, time_zone=zone, strict=False)
    )
    return value if unit == "ns" else without(value, _too_fine(text))


def _too_fine(text: pl.Series) -> pl.Series:
    return text.str.contains(FINER_THAN_MICROSECONDS)


def _first_that_fits(text: pl.Series, formats: Sequence[str], parse: Callable[[str], pl.Series]) -> pl.Series:
    """Each text by the first format that fits it; formats are tried until none is left without a value."""
    values = parse(formats[0])
    for form in formats[1:]:
        if values.null_count() == text.null_count():
            break
        values = pl.select(pl.coalesce(values, parse(form))).to_series()
    return values
