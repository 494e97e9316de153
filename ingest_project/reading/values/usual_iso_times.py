"""Parses dates and times in the usual forms of ISO 8601 with Arrow, which reads all these forms at once."""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

DATE_BYTES = 10
LOCAL_BYTES = 16
"""The length of `2026-11-20T13:00`. Arrow also takes a date or an hour alone as a time, which are shorter."""
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = DAY + r"[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
OFFSET = "(?:Z|[+-][0-9]{2}:?[0-9]{2})"
ZONED_BYTES = 20
"""The length of `2026-11-20T13:00:00Z`; `2026-11-20T13+01:00` is shorter."""


def usual_times(text: pl.Series, dtype: pl.DataType, timezone: str | None) -> pl.Series | None:
    """The texts as this Date or Datetime in microseconds; None if one is in a form that Arrow does not take.

    A time without an offset is in `timezone`, else in UTC. Years are not checked.
    """
    lengths = text.str.len_bytes()
    shortest, longest = lengths.min(), lengths.max()
    if not isinstance(shortest, int):  # there are none
        return None
    if isinstance(dtype, pl.Date):
        return _cast(text, pa.date32()) if shortest == longest == DATE_BYTES else None
    if not isinstance(dtype, pl.Datetime):
        return None
    is_zoned = dtype.time_zone is not None
    if is_zoned and shortest >= ZONED_BYTES and (zoned := _cast(text, pa.timestamp("us", "UTC"))) is not None:
        return zoned
    local = _cast(text, pa.timestamp("us")) if shortest >= LOCAL_BYTES else None
    if local is None or not is_zoned:
        return local
    aware = local.dt.replace_time_zone(timezone or "UTC", ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC")


def looks_usual(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Whether each text is in the usual form of the type, though there may be no such day or hour."""
    if isinstance(dtype, pl.Date):
        return text.str.contains(f"^{DAY}$")
    is_zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    return text.str.contains(f"^{TIME}{OFFSET}?$" if is_zoned else f"^{TIME}$")


def _cast(text: pl.Series, wanted: pa.DataType) -> pl.Series | None:
    try:
        # A name with a NUL, which JSON may have, cannot be passed to Arrow.
        return pl.Series(text.name, pc.cast(text.alias("").to_arrow(), wanted))
    except pa.ArrowInvalid:
        return None
