"""Casts typed columns, as Parquet, Avro, Arrow and nested JSON have them, without losing anything of any value."""

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.objects.text import from_text
from ingest_project.objects.types import instance


def lossless_cast(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """The same values as this type, null where one has no exact counterpart; None if the types never agree.

    Accepted are: text that spells the value, numbers to wider ones (or to narrower ones, value by value), naive
    times as UTC, dictionaries and UTF-8 bytes to text, and all this within lists and structs. Fractions become
    neither decimals nor integers. A field that a struct lacks is null; one that it has beyond the type never agrees.
    """
    source = values.dtype
    if source == dtype:
        return values
    if values.null_count() == len(values):
        return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
    if isinstance(source, pl.String):
        return None if dtype.is_nested() or isinstance(dtype, pl.Binary) else from_text(values, dtype)
    if isinstance(source, pl.Datetime) and isinstance(dtype, pl.Datetime):
        return _datetimes(values, source, dtype)
    if isinstance(source, pl.Struct) and isinstance(dtype, pl.Struct):
        return _structs(values, dtype)
    if isinstance(source, pl.List) and isinstance(dtype, pl.List):
        return _lists(values, dtype)
    if isinstance(dtype, pl.String):
        return _text(values)
    return _round_trip(values, dtype) if _are_numbers_that_agree(source, dtype) else None


def unfit(values: pl.Series, cast: pl.Series) -> pl.Series:
    """True where a value was lost in the cast."""
    return values.is_not_null() & cast.is_null()


def _text(values: pl.Series) -> pl.Series | None:
    if not isinstance(values.dtype, pl.Categorical | pl.Enum | pl.Binary):
        return None
    try:
        return values.cast(pl.String)
    except PolarsError:  # bytes that are no UTF-8, which Polars reports for the whole column only
        return None


def _are_numbers_that_agree(source: pl.DataType, dtype: pl.DataType) -> bool:
    if source.is_integer():
        return dtype.is_numeric()
    if source.is_float():
        return dtype.is_float()
    return source.is_decimal() and dtype.is_decimal()


def _round_trip(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    cast = values.cast(dtype, strict=False)
    back = cast.cast(values.dtype, strict=False)
    return _only(back.eq_missing(values), cast)


def _datetimes(values: pl.Series, source: pl.Datetime, dtype: pl.Datetime) -> pl.Series | None:
    if source.time_zone is not None and dtype.time_zone is None:
        return None
    zoned = values
    if dtype.time_zone is not None:
        naive = source.time_zone is None
        zoned = values.dt.replace_time_zone("UTC") if naive else values.dt.convert_time_zone("UTC")
    return _round_trip(zoned, dtype)


def _structs(values: pl.Series, dtype: pl.Struct) -> pl.Series | None:
    frame = values.struct.unnest()
    if set(frame.columns) - {field.name for field in dtype.fields}:
        return None
    whole = values.is_not_null()
    fields: list[pl.Series] = []
    for field in dtype.fields:
        field_dtype = instance(field.dtype)
        old = frame.get_column(
            field.name, default=pl.Series(field.name, [None]).new_from_index(0, len(frame))
        )
        new = lossless_cast(old, field_dtype)
        if new is None:
            return None
        whole &= ~unfit(old, new)
        fields.append(new.alias(field.name))
    return _only(whole, pl.DataFrame(fields).to_struct(values.name))


def _lists(values: pl.Series, dtype: pl.List) -> pl.Series | None:
    lengths = values.list.len().fill_null(0)
    old = values.filter(lengths > 0).explode()
    new = lossless_cast(old, instance(dtype.inner))
    if new is None:
        return None
    rows = pl.DataFrame({"row": pl.int_range(len(values), eager=True), "value": values, "length": lengths})
    elements = pl.DataFrame(
        {"row": rows["row"].repeat_by(lengths).explode().drop_nulls(), "new": new, "unfit": unfit(old, new)}
    )
    rebuilt = elements.group_by("row").agg("new", pl.col("unfit").any())
    joined = rows.join(rebuilt, on="row", how="left", maintain_order="left")
    new_or_empty = pl.when(length=0).then(pl.lit([], dtype=dtype)).otherwise("new")
    kept = pl.col("value").is_not_null() & ~pl.col("unfit").fill_null(value=False)
    return joined.select(pl.when(kept).then(new_or_empty).cast(dtype).alias(values.name)).to_series()


def _only(kept: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(kept).then(values)).to_series().alias(values.name)
