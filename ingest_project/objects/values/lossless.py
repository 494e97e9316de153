"""Casts typed columns, as Parquet, Avro, Arrow and nested JSON have them, without losing anything of any value."""

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.objects.values.json_nested import nested_from_text
from ingest_project.objects.values.nested import lists_of, of_storage, structs_of
from ingest_project.objects.values.text import from_text
from ingest_project.objects.values.text_bytes import UUID_BYTES, of_size
from ingest_project.objects.values.text_numbers import without
from ingest_project.objects.values.time_formats import PART_OF_MICROSECOND, within_years
from ingest_project.objects.values.types import NOTHING, column_type_of, dtype_of
from ingest_project.settings.type_grammar import ColumnType, FixedOf, ListOf, MapOf, Primitive, StructOf


def lossless_cast(values: pl.Series, wanted: str | ColumnType | pl.DataType) -> pl.Series | None:
    """The same values as this type, null where one has no exact counterpart; None if the types never agree.

    `wanted` is Iceberg's type or its name; a Polars type stands for the one that `type_of` gives, so that Binary is
    `binary`, never `uuid` or `fixed[N]`.
    Accepted are: text that spells the value (JSON for a nested one), numbers to wider ones (or to narrower ones,
    value by value), naive times as UTC, dictionaries, UTF-8 bytes, integers, decimals and truth values to text, 16
    bytes to `uuid`, N bytes to `fixed[N]`, and all this within lists, arrays, maps and structs. Fractions become
    neither decimals nor integers, and doubles no text. A field that a struct lacks is null; one that it has beyond the
    type never agrees, unless it holds nothing. Dates and times are those of the years 1 to 9999.
    """
    column_type = column_type_of(wanted)
    if column_type is None:
        return None
    cast = _cast(of_storage(values), column_type)
    return None if cast is None else cast.alias(values.name)


def unfit(values: pl.Series, cast: pl.Series) -> pl.Series:
    """True where a value was lost in the cast."""
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
    if source == dtype:
        return values
    if isinstance(dtype, pl.String):
        return values.cast(pl.String) if _has_one_spelling(source) else None
    return _round_trip(values, dtype) if _are_numbers_that_agree(source, dtype) else None


def _nested(values: pl.Series, wanted: ListOf | MapOf | StructOf) -> pl.Series | None:
    source = values.dtype
    if isinstance(source, pl.String):
        return _nested(nested_from_text(values, wanted), wanted)
    if isinstance(source, pl.Struct) and isinstance(wanted, StructOf):
        return structs_of(values, wanted, _cast)
    if isinstance(source, pl.List) and isinstance(wanted, ListOf):
        return lists_of(values, source, wanted, _cast)
    if isinstance(source, pl.Map) and isinstance(wanted, MapOf):
        return _maps(values, source, wanted)
    return None


def _maps(values: pl.Series, source: pl.Map, wanted: MapOf) -> pl.Series | None:
    """A map is a list of its entries; one of them that lost its key or value loses the whole map."""
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
    except PolarsError:  # for the whole column, though most of it may be text
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
        # Arrow's date64 are milliseconds of whole days; Polars reads them as datetimes.
        return within_years(_round_trip(values, dtype)) if source.time_zone is None else None
    if source != dtype:
        return None
    if isinstance(source, pl.Time):
        return without(values, values.to_physical() % PART_OF_MICROSECOND != 0)
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
    """Whether each value is one text and no other: JSON spells integers, decimals and truth values so too."""
    if isinstance(source, pl.Categorical | pl.Enum | pl.Boolean):
        return True
    return source.is_integer() or source.is_decimal()


def _are_numbers_that_agree(source: pl.DataType, dtype: pl.DataType) -> bool:
    if source.is_integer():
        return dtype.is_numeric()
    if source.is_float():
        return dtype.is_float()
    return source.is_decimal() and dtype.is_decimal()


def _round_trip(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    cast = values.cast(dtype, strict=False)
    back = cast.cast(values.dtype, strict=False)
    return without(cast, back.ne_missing(values))
