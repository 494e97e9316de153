"""Finds times, dates, UUIDs and exact decimals in text columns, where every sampled value is one."""

import re
from dataclasses import dataclass

import polars as pl

from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.column_types import type_fault

UUID = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
NUMBER = r"^-?\d+(?:\.\d+)?$"
DECIMAL_COMMA = r"^-?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?$"
SIGN_BEHIND = r"\d-$"
NUMBER_SIGNED_ANYWHERE = r"^(?:-?[\d.,]*\d|[\d.,]*\d-)$"
"""As SAP writes negative amounts: `12.50-`."""
LEADING_ZERO = r"^-?0\d"
FIXED_SCALE = re.compile(r"-?\d+\.(\d+)")
DECIMAL_DIGITS = 18
"""What a decimal is suggested with: as wide as a long, far wider than what a sample shows."""
FEWEST_FOR_DECIMAL = 2
NEARLY_ALL = 0.99
"""The share of a column's texts that must be times of one spelling for that to be remarked."""
DIGITS = r"^\d+$"
DAY_DIGITS = r"^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$"
OTHER_TIMES = (
    (r"^\d{1,2}\.\d{1,2}\.\d{4}$", "%d.%m.%Y", "date"),
    (r"^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}$", "%d.%m.%Y %H:%M", "timestamp"),
    (r"^\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}$", "%d.%m.%Y %H:%M:%S", "timestamp"),
    (r"^\d{4}/\d{2}/\d{2}$", "%Y/%m/%d", "date"),
    (r"^\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}$", "%Y/%m/%d %H:%M:%S", "timestamp"),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$", "%Y-%m-%d %H:%M", "timestamp"),
    (DAY_DIGITS, "%Y%m%d", "date"),
    (r"^\d{8}T\d{6}Z$", "%Y%m%dT%H%M%SZ", "timestamptz"),
    (r"^\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}$", "%d/%b/%Y:%H:%M:%S %z", "timestamptz"),
)
"""Formats that are not ISO 8601. Dates with slashes and the year last are ambiguous, so they are not guessed.
"""
TIME_NAME = re.compile(
    r"(?i:(?:^|_)(?:ts|time|timestamp|epoch|date|created|updated|modified)(?:$|_)|_at$)"
    r"|(?<=[a-z])(?:At|Time|Timestamp|Ts|Date)$"
)
VERSION_NAME = re.compile(r"(?i:version)")
EPOCHS = (
    (1e8, 1e10, "epoch_s"),
    (1e11, 1e13, "epoch_ms"),
    (1e14, 1e16, "epoch_us"),
    (1e17, 1e19, "epoch_ns"),
)
"""Between 1973 and 2286, in each unit."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A type for a column, None if the inferred one is best, and a note for people."""

    type: str | None = None
    note: str | None = None


def suggest_for_text(texts: pl.Series) -> Suggestion:
    """The type as which all texts of a column can be parsed, if any; a note may depend on its name."""
    present = texts.drop_nulls()
    if present.is_empty():
        return Suggestion()
    if present.str.contains(UUID).all():
        return _if_readable("uuid", "every value is a UUID")
    return (
        _version(present)
        or _iso_time(present)
        or _other_time(present)
        or _epoch_as_text(present)
        or _number_as_text(present)
        or Suggestion()
    )


def _version(present: pl.Series) -> Suggestion | None:
    """Versions may have dates as names; the next may have another name, and would be a bad row."""
    if not VERSION_NAME.search(present.name) or not _all_fit(present, "date"):
        return None
    return Suggestion(None, "a version that is called by its date is kept as text")


def _epoch_as_text(present: pl.Series) -> Suggestion | None:
    if not present.str.contains(DIGITS).all() or present.str.contains(LEADING_ZERO).any():
        return None
    return _epoch_note(present.name, present.cast(pl.Int64, strict=False))


def _iso_time(present: pl.Series) -> Suggestion | None:
    if present.str.contains(DIGITS).any():  # the basic form of a date, or a number: `_other_time` judges them
        return None
    for type_name in ("date", "time"):
        if _all_fit(present, type_name):
            return Suggestion(type_name)
    if not _all_fit(present, "timestamptz"):
        return None
    zoned = from_text(present, "timestamp").is_null()  # the reader takes no offset there
    if zoned.all():
        return Suggestion("timestamptz")
    if zoned.any():
        return Suggestion("timestamptz", "some times have no offset and are taken as UTC")
    return Suggestion("timestamp", "no time has an offset; timestamptz takes them as UTC")


def _other_time(present: pl.Series) -> Suggestion | None:
    for pattern, form, type_name in OTHER_TIMES:
        fits = present.str.contains(pattern)
        if fits.sum() >= NEARLY_ALL * len(fits):
            others = "" if fits.all() else f" ({(~fits).sum()} of {len(fits)} values are not)"
            return Suggestion(
                None, f'looks like {type_name}{others}: {{type: {type_name}, format: "{form}"}}'
            )
    return None


def _number_as_text(present: pl.Series) -> Suggestion | None:
    if present.str.contains(LEADING_ZERO).any() and present.str.contains(r"^-?\d+$").all():
        return Suggestion(None, "digits with leading zeros are codes, not numbers")
    if present.str.contains(NUMBER).all():
        return Suggestion(None, "every value is a number, written as text")
    if present.str.contains(SIGN_BEHIND).any() and present.str.contains(NUMBER_SIGNED_ANYWHERE).all():
        return Suggestion(None, "numbers with the sign behind them are kept as text")
    if present.str.contains(DECIMAL_COMMA).all() and present.str.contains(",", literal=True).any():
        return Suggestion(None, "numbers with a decimal comma are kept as text")
    return None


def suggest_for_numbers(name: str, values: pl.Series, written: pl.Series | None) -> Suggestion:
    """An exact type for numbers whose text is known, as in CSV; a note on numbers that look like times.

    A decimal is suggested if all values have the same number of digits after the point, at least two, and
    some end in 0: 12.50 is an amount. A later value with more digits is then a bad row; as a double it would
    be rounded silently.
    """
    if written is not None and values.dtype.is_float() and (scale := _fixed_scale(written)) is not None:
        return Suggestion(
            f"decimal({DECIMAL_DIGITS},{scale})", f"all values have {scale} digits after the point"
        )
    return _epoch_note(name, values) or _date_of_digits(values) or Suggestion()


def _epoch_note(name: str, values: pl.Series) -> Suggestion | None:
    epoch = _epoch(name, values)
    note = f"looks like {epoch}: {{type: timestamptz, format: {epoch}}}"
    return Suggestion(None, note) if epoch else None


def _date_of_digits(values: pl.Series) -> Suggestion | None:
    """Numbers of eight digits, all of which are days of the years 1900 to 2099: `20261120`, as SAP writes
    dates.
    """
    present = values.drop_nulls()
    if present.is_empty() or not values.dtype.is_integer():
        return None
    texts = present.cast(pl.String)
    found = _other_time(texts) if texts.str.contains(DAY_DIGITS).all() else None
    return (
        found if found is not None and texts.str.to_date("%Y%m%d", strict=False).is_not_null().all() else None
    )


def _if_readable(type_name: str, note: str) -> Suggestion:
    if type_fault(type_name) is not None:
        return Suggestion(None, note)
    try:
        dtype_of(type_name)
    except ValueError:
        return Suggestion(None, note)
    return Suggestion(type_name)


def _all_fit(texts: pl.Series, type_name: str) -> bool:
    return from_text(texts, type_name).null_count() == 0


def _fixed_scale(written: pl.Series) -> int | None:
    present = written.filter(written != "")
    texts = present.unique().to_list()
    matches = [FIXED_SCALE.fullmatch(text) for text in texts]
    scales = {len(match[1]) if match else 0 for match in matches}
    digits = max((len(text) for text in texts), default=0)
    if len(scales) != 1 or len(present) < FEWEST_FOR_DECIMAL or digits > DECIMAL_DIGITS:
        return None
    (scale,) = scales
    return scale if scale >= 2 and any(text.endswith("0") for text in texts) else None


def _epoch(name: str, values: pl.Series) -> str | None:
    present = values.drop_nulls()
    if present.is_empty() or not TIME_NAME.search(name) or not present.dtype.is_numeric():
        return None
    least, most = float(present.min()), float(present.max())  # type: ignore[arg-type]
    return next((unit for start, end, unit in EPOCHS if start <= least and most < end), None)
