"""Parses text as dates and times, in the formats that a column names.

Arrow parses the usual forms of ISO 8601, Polars all others. Polars also accepts texts that a format does not
allow (a leap second, a blank more or less, a year of two digits instead of four), so a pattern made from the
format decides.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import polars as pl

from ingest_project.reading.values.rarer_iso_times import respelled
from ingest_project.reading.values.text_numbers import decimals, null_where
from ingest_project.reading.values.usual_iso_times import looks_usual, usual_times
from ingest_project.settings.time_formats import DIRECTIVE, EPOCHS, ISO, ISO_FORMS, ISO_TRUNCATED

DATETIME_WITH_OFFSET = (
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f UTC",  # as BigQuery and Ruby write it
)
DATETIME_WITHOUT_OFFSET = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
"""ISO 8601 with `T` or a space. The first of each has a fixed length, which Polars parses twice as fast."""
DATE = ("%Y-%m-%d",)
TIME = ("%H:%M:%S%.f",)

EPOCH_DIGITS: Final[Mapping[str, int]] = MappingProxyType(
    {"epoch_s": 6, "epoch_ms": 3, "epoch_us": 0, "epoch_ns": 0}
)
"""The most digits after the point that a number of each unit may have to be a whole number of microseconds.
"""
PART_OF_MICROSECOND = 1000
"""Nanoseconds."""

FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)
"""The years of ISO 8601 and SQL; Python and most readers of Iceberg do not support others."""
END = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001

_FRACTION = r"(?:\.[0-9]{1,6}0*)?"
_TWO = "[0-9]{2}"
_OFFSET = rf" ?(?:[Zz]|[+-]{_TWO}(?::?{_TWO})?)"
_PATTERNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "%Y": "[0-9]{4}",
        "%y": _TWO,
        "%m": "[0-9]{1,2}",
        "%d": "[0-9]{1,2}",
        "%e": " ?[0-9]{1,2}",
        "%j": "[0-9]{1,3}",
        "%H": "[0-9]{1,2}",
        "%I": "[0-9]{1,2}",
        "%M": "[0-9]{1,2}",
        "%S": "[0-5]?[0-9]",
        "%b": "[A-Za-z]+",
        "%B": "[A-Za-z]+",
        "%a": "[A-Za-z]+",
        "%A": "[A-Za-z]+",
        "%p": "[AaPp][Mm]",
        "%.f": _FRACTION,
        "%#z": _OFFSET,
        "%t": r"\s+",
        "%n": r"\s+",
        "%%": "%",
    }
)
_SPELLED_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "%F": "%Y-%m-%d",
        "%D": "%m/%d/%y",
        "%T": "%H:%M:%S",
        "%R": "%H:%M",
        "%h": "%b",
        "%z": "%#z",
        "%:z": "%#z",
        "%.3f": "%.f",
        "%.6f": "%.f",
        "%.9f": "%.f",
    }
)
_NUMBERS = frozenset({"%Y", "%y", "%m", "%d", "%j", "%H", "%I", "%M", "%S"})
_WITHOUT_SEPARATOR = {name: "[0-5][0-9]" if name == "%S" else _TWO for name in _NUMBERS} | {
    "%Y": "[0-9]{4}",
    "%j": "[0-9]{3}",
}


@dataclass(frozen=True, slots=True)
class _Form:
    """A format as Polars reads it, and the pattern of its texts."""

    format: str
    pattern: str

    @property
    def has_offset(self) -> bool:
        return "%#z" in self.format or self.format.endswith(("Z", " UTC"))


def parse_times(
    text: pl.Series, dtype: pl.DataType, formats: Sequence[str], timezone: str | None
) -> pl.Series:
    """The texts parsed as dates or times in the first of these formats that fits; null if none does.

    `dtype` is Date, Time or Datetime in microseconds. A time without an offset is in `timezone`, else in UTC;
    if clocks there skipped it, it is null, and if they showed it twice, it is the earlier one. Nothing is
    rounded: times with parts of a microsecond (unless the format is `iso_truncated`), leap seconds and years
    outside of 1 to 9999 are null. `formats` must be valid (`time_format_fault`).
    """
    values = _by_format(text, dtype, formats[0], timezone)
    for other in formats[1:]:
        if values.null_count() == text.null_count():
            break
        values = pl.select(pl.coalesce(values, _by_format(text, dtype, other, timezone))).to_series()
    return values.alias(text.name)


def within_years(values: pl.Series) -> pl.Series:
    """The dates or times, null where they are before year 1 or after year 9999; times of day as they are."""
    if isinstance(values.dtype, pl.Date):
        return null_where(values, (values < FIRST) | (values > LAST))
    if not isinstance(values.dtype, pl.Datetime) or values.dtype.time_unit == "ns":
        return values
    zone = values.dtype.time_zone
    naive = values if zone is None else values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return null_where(values, (naive < datetime(1, 1, 1)) | (naive > END))  # noqa: DTZ001


def _by_format(text: pl.Series, dtype: pl.DataType, form: str, timezone: str | None) -> pl.Series:
    if form in EPOCHS:
        return _epoch(text, dtype, form)
    if form in ISO_FORMS:
        return within_years(_iso(text, dtype, form, timezone))
    return within_years(_strptime(text, dtype, form, timezone))


def _iso(text: pl.Series, dtype: pl.DataType, form: str, timezone: str | None) -> pl.Series:
    """The times: most by Arrow, and those in rarer forms one form after the other."""
    if (values := usual_times(text, dtype, timezone)) is not None:
        return values
    is_usual = looks_usual(text, dtype).fill_null(value=True)
    usual = usual_times(null_where(text, ~is_usual), dtype, timezone)
    if usual is None:
        return _any_iso(text, dtype, form, timezone)
    rare = (~is_usual).arg_true()
    return usual.scatter(rare, _any_iso(text.gather(rare), dtype, form, timezone))


def _any_iso(text: pl.Series, dtype: pl.DataType, form: str, timezone: str | None) -> pl.Series:
    """The times, and those of texts in rarer forms of ISO 8601, which are rewritten first."""
    values = _strptime(text, dtype, form, timezone)
    if values.null_count() == text.null_count():
        return values
    left = (values.is_null() & text.is_not_null()).arg_true()
    usual = respelled(text.gather(left), dtype, truncates=form == ISO_TRUNCATED)
    if usual.null_count() == len(usual):
        return values
    return values.scatter(left, _strptime(usual, dtype, ISO, timezone))


def _epoch(text: pl.Series, dtype: pl.DataType, unit: str) -> pl.Series:
    counts = decimals(text, pl.Decimal(38, EPOCH_DIGITS[unit])).to_physical()
    if unit == "epoch_ns":
        part = pl.lit(PART_OF_MICROSECOND, dtype=pl.Int128)
        counts = pl.select(pl.when(counts % part == 0).then(counts // part)).to_series()
    since_1970 = counts.cast(pl.Int64, strict=False)
    naive = within_years(since_1970.cast(pl.Datetime("us")))
    return naive.dt.replace_time_zone("UTC") if _is_zoned(dtype) else naive


def _strptime(text: pl.Series, dtype: pl.DataType, form: str, timezone: str | None) -> pl.Series:
    """Each text parsed by the first of the format's forms that fits it; forms are tried until all texts are
    parsed.
    """
    first, *others = _forms(form, dtype)
    values = _by_form(text, dtype, first, timezone)
    for other in others:
        if values.null_count() == text.null_count():
            break
        values = pl.select(pl.coalesce(values, _by_form(text, dtype, other, timezone))).to_series()
    return values


def _forms(form: str, dtype: pl.DataType) -> tuple[_Form, ...]:
    if form not in ISO_FORMS:
        return (_form(form),)
    if isinstance(dtype, pl.Date):
        return tuple(_form(one) for one in DATE)
    if isinstance(dtype, pl.Time):
        return tuple(_form(one) for one in TIME)
    offset = DATETIME_WITH_OFFSET if _is_zoned(dtype) else ()
    return tuple(_form(one) for one in (*offset, *DATETIME_WITHOUT_OFFSET))


def _is_zoned(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def _by_form(text: pl.Series, dtype: pl.DataType, form: _Form, timezone: str | None) -> pl.Series:
    if isinstance(dtype, pl.Date):
        values = text.str.to_date(form.format, strict=False)
    elif isinstance(dtype, pl.Time):
        values = text.str.to_time(form.format, strict=False)
    else:
        values = _datetimes(text, form, timezone if _is_zoned(dtype) else None, zoned=_is_zoned(dtype))
    if values.null_count() == len(values):
        return values
    return null_where(values, ~text.str.contains(form.pattern))


def _datetimes(text: pl.Series, form: _Form, timezone: str | None, *, zoned: bool) -> pl.Series:
    if not zoned or (timezone is not None and not form.has_offset):
        local = text.str.to_datetime(form.format, time_unit="us", strict=False)
        if not zoned:
            return local
        aware = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        return aware.dt.convert_time_zone("UTC")
    return text.str.to_datetime(form.format, time_unit="us", time_zone="UTC", strict=False)


def polars_format(form: str) -> str:
    """A format of strptime's directives as Polars writes and reads it."""
    return _form(form).format


@cache
def _form(format: str) -> _Form:  # noqa: A002 - the settings' own word
    # In Chrono a bare %f means nanoseconds, and only %#z reads an offset of Z or of hours alone.
    parts = _parts(format.replace(".%f", "%.f"))
    spelled_out = "".join(_SPELLED_OUT.get(part, part) for part in parts)
    return _Form(spelled_out, _pattern(spelled_out))


def _pattern(format: str) -> str:  # noqa: A002
    """The pattern of the whole text; numbers without a separator must have all of their digits."""
    parts = _parts(format)
    without_separator = {
        place
        for (place, left), (_, right) in pairwise(enumerate(parts))
        if left in _NUMBERS and right in _NUMBERS
    }
    without_separator |= {place + 1 for place in without_separator}
    return (
        "^"
        + "".join(
            _WITHOUT_SEPARATOR[part] if place in without_separator else _PATTERNS.get(part, re.escape(part))
            for place, part in enumerate(parts)
        )
        + "$"
    )


def _parts(format: str) -> list[str]:  # noqa: A002
    """The directives, and the texts between them."""
    parts: list[str] = []
    position = 0
    for match in DIRECTIVE.finditer(format):
        parts += [format[position : match.start()], match[0]]
        position = match.end()
    return [part for part in [*parts, format[position:]] if part]
