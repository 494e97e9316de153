"""Casts columns to the types of the table without any loss: text by `text.py`, typed columns here."""

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.reading.values.json_values import from_json_text
from ingest_project.reading.values.nested import lists_of, of_storage, structs_of
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.text_bytes import UUID_BYTES, of_size
from ingest_project.reading.values.text_numbers import null_where
from ingest_project.reading.values.time_formats import PART_OF_MICROSECOND, within_years
from ingest_project.reading.values.types import NOTHING, column_type_of, dtype_of
from ingest_project.settings.type_grammar import ColumnType, FixedOf, ListOf, MapOf, Primitive, StructOf


def cast_exactly(values: pl.Series, wanted: str | ColumnType | pl.DataType) -> pl.Series | None:
    """The same values as this type, null where one is not exactly representable; None if the types never
    agree.

    `wanted` is Iceberg's type or its name; a Polars type means the one that `type_of` gives, so Binary is
    `binary`, never `uuid` or `fixed[N]`.

    The following can be cast: text that can be parsed as the type (JSON for a nested one); numbers to wider
    types, or to narrower ones if the value fits; naive times as UTC; dictionaries, UTF-8 bytes, integers,
    decimals and booleans to text; 16 bytes to `uuid`; N bytes to `fixed[N]`; and all this within lists,
    arrays, maps and structs. Doubles are never cast to decimals, integers or text. A field that a struct
    lacks is null. Types never agree if a struct has another field, unless that holds nothing. Dates and times
    are those of the years 1 to 9999.
    """
    column_type = column_type_of(wanted)
    if column_type is None:
        return None
    cast = _cast(of_storage(values), column_type)
    return None if cast is None else cast.alias(values.name)


def unfit(values: pl.Series, cast: pl.Series) -> pl.Series:
    """True where a value was lost in the cast, which leaves nulls as they are."""
    if values.null_count() == cast.null_count():
        return pl.Series([False]).new_from_index(0, len(values))
    return values.is_not_null() & cast.is_null()


def _cast(values: pl.Series, wanted: ColumnType) -> pl.Series | None:
    dtype = dtype_of(wanted)
    if values.null_count() == len(values):
        return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
    if wanted == NOTHING:
        return None
    if isinstance(wanted, ListOf | MapOf | StructOf):
        return _nested(values, wanted)
    source = values.dtype
    if isinstance(source, pl.String):
        return from_text(values, wanted)
    if isinstance(source, pl.Binary):
        return _bytes(values, wanted)
    if isinstance(source, pl.Date | pl.Time | pl.Datetime):
        return _times(values, dtype)
    if isinstance(dtype, pl.String):
        return values.cast(pl.String) if _has_one_spelling(source) else None
    if source != dtype and not _are_numbers_that_agree(source, dtype):
        return None
    cast = values if source == dtype else _round_trip(values, dtype)
    return _within_precision(cast, dtype) if isinstance(dtype, pl.Decimal) else cast


def _nested(values: pl.Series, wanted: ListOf | MapOf | StructOf) -> pl.Series | None:
    source = values.dtype
    if isinstance(source, pl.String):
        return from_json_text(values, wanted)
    if isinstance(source, pl.Struct) and isinstance(wanted, StructOf):
        return structs_of(values, wanted, _cast)
    if isinstance(source, pl.List) and isinstance(wanted, ListOf):
        return lists_of(values, source, wanted, _cast)
    if isinstance(source, pl.Map) and isinstance(wanted, MapOf):
        return _maps(values, source, wanted)
    return None


def _maps(values: pl.Series, source: pl.Map, wanted: MapOf) -> pl.Series | None:
    """The maps, cast as lists of entries; a map is null if a key or value of it was lost."""
    as_list = pl.List(pl.Struct({"key": source.key, "value": source.value}))
    entries = ListOf(StructOf((("key", wanted.key), ("value", wanted.value))))
    cast = lists_of(values.cast(as_list), as_list, entries, _cast)
    return None if cast is None else cast.cast(dtype_of(wanted))


def _bytes(values: pl.Series, wanted: ColumnType) -> pl.Series | None:
    match wanted:
        case Primitive("binary"):
            return values
        case Primitive("uuid"):
            return of_size(values, UUID_BYTES)
        case FixedOf(size_bytes):
            return of_size(values, size_bytes)
        case Primitive("string"):
            return _utf_8(values)
    return None


def _utf_8(values: pl.Series) -> pl.Series:
    try:
        return values.cast(pl.String)
    except PolarsError:  # it concerns the whole column, although most values may be text
        return pl.Series(values.name, [_decoded(one) for one in values], dtype=pl.String)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _times(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    source = values.dtype
    if isinstance(source, pl.Datetime) and isinstance(dtype, pl.Datetime):
        cast = _datetimes(values, source, dtype)
        return None if cast is None else within_years(cast)
    if isinstance(source, pl.Datetime) and isinstance(dtype, pl.Date) and source.time_unit == "ms":
        # Arrow's date64 is in milliseconds of whole days; Polars reads it as datetimes.
        return within_years(_round_trip(values, dtype)) if source.time_zone is None else None
    if source != dtype:
        return None
    if isinstance(source, pl.Time):
        return null_where(values, values.to_physical() % PART_OF_MICROSECOND != 0)
    return within_years(values)


def _datetimes(values: pl.Series, source: pl.Datetime, dtype: pl.Datetime) -> pl.Series | None:
    if source.time_zone is not None and dtype.time_zone is None:
        return None
    zoned = values
    if dtype.time_zone is not None:
        naive = source.time_zone is None
        zoned = values.dt.replace_time_zone("UTC") if naive else values.dt.convert_time_zone("UTC")
    return zoned if zoned.dtype == dtype else _round_trip(zoned, dtype)


def _has_one_spelling(source: pl.DataType) -> bool:
    """Whether each value has exactly one text: JSON also has one for integers, decimals and booleans."""
    if isinstance(source, pl.Categorical | pl.Enum | pl.Boolean):
        return True
    return source.is_integer() or source.is_decimal()


def _are_numbers_that_agree(source: pl.DataType, dtype: pl.DataType) -> bool:
    if source.is_integer():
        return dtype.is_numeric()
    if source.is_float():
        return dtype.is_float()
    return source.is_decimal() and dtype.is_decimal()


def _within_precision(values: pl.Series, dtype: pl.Decimal) -> pl.Series:
    """The decimals, null where one has more digits than the type, which Polars does not check."""
    limit = 10 ** (dtype.precision or 38)
    return null_where(values, ~values.to_physical().is_between(-limit, limit, closed="none"))


def _round_trip(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    cast = values.cast(dtype, strict=False)
    back = cast.cast(values.dtype, strict=False)
    return null_where(cast, back.ne_missing(values))
