"""Converts values with nanoseconds, which Python's times would silently truncate."""

from datetime import UTC, datetime, time, timedelta

import polars as pl

from ingest_project.reading.values.types import instance

NANOSECONDS = 1000
"""In a microsecond, the resolution of Python's times."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def values_of(values: pl.Series) -> list[object]:
    """The values as Python's, but times with nanoseconds as text, in UTC if they have a zone."""
    if not _counts_nanoseconds(values.dtype):
        return values.to_list()
    pairs = zip(values.to_list(), values.to_physical().to_list(), strict=True)
    return [_value(value, physical, values.dtype) for value, physical in pairs]


def _counts_nanoseconds(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _counts_nanoseconds(instance(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return any(_counts_nanoseconds(instance(field.dtype)) for field in dtype.fields)
    return isinstance(dtype, pl.Time) or (
        isinstance(dtype, pl.Datetime | pl.Duration) and dtype.time_unit == "ns"
    )


def _value(value: object, physical: object, dtype: pl.DataType) -> object:
    if isinstance(value, list) and isinstance(physical, list) and isinstance(dtype, pl.List):
        inner = instance(dtype.inner)
        return [_value(one, other, inner) for one, other in zip(value, physical, strict=True)]
    if isinstance(value, dict) and isinstance(physical, dict) and isinstance(dtype, pl.Struct):
        types = {field.name: instance(field.dtype) for field in dtype.fields}
        return {name: _value(one, physical[name], types[name]) for name, one in value.items()}
    if isinstance(physical, int) and physical % NANOSECONDS and _counts_nanoseconds(dtype):
        return _text(value, physical)
    return value


def _text(value: object, physical: int) -> str:
    if isinstance(value, timedelta):
        return f"{physical} ns"
    microseconds, nanoseconds = divmod(physical, NANOSECONDS)
    moment = EPOCH + timedelta(microseconds=microseconds)
    naive = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    if isinstance(value, time):
        return f"{naive.partition('T')[2]}{nanoseconds:03}"
    has_zone = isinstance(value, datetime) and value.tzinfo is not None
    return f"{naive}{nanoseconds:03}{'+00:00' if has_zone else ''}"
