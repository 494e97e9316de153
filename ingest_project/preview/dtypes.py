"""One type for the values of several objects."""

from collections.abc import Iterator

import polars as pl

from ingest_project.reading.values.types import instance, storable


def merged(first: pl.DataType, second: pl.DataType, *, or_text: bool = False) -> pl.DataType | None:
    """The narrowest type that holds the values of both; None if only text does.

    With `or_text` it is `string` then, for parts that are not nested.
    """
    if first == second or isinstance(second, pl.Null):
        return first
    if isinstance(first, pl.Null):
        return second
    if isinstance(first, pl.Struct) and isinstance(second, pl.Struct):
        return _structs(first, second, or_text=or_text)
    if isinstance(first, pl.List) and isinstance(second, pl.List):
        inner = merged(instance(first.inner), instance(second.inner), or_text=or_text)
        return None if inner is None else pl.List(inner)
    if first.is_numeric() and second.is_numeric():
        return _numbers(first, second)
    if isinstance(first, pl.Datetime) and isinstance(second, pl.Datetime):
        return None if (first.time_zone is None) != (second.time_zone is None) else storable(first)
    return pl.String() if or_text and not first.is_nested() and not second.is_nested() else None


def field_names(dtype: pl.DataType) -> Iterator[str]:
    """The names of all fields within the type; in the text that Polars makes of a type they are escaped."""
    if isinstance(dtype, pl.List | pl.Array):
        yield from field_names(instance(dtype.inner))
    if isinstance(dtype, pl.Map):
        yield from field_names(instance(dtype.value))
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            yield field.name
            yield from field_names(instance(field.dtype))


def _structs(first: pl.Struct, second: pl.Struct, *, or_text: bool) -> pl.DataType | None:
    fields = {field.name: instance(field.dtype) for field in first.fields}
    for field in second.fields:
        both = merged(fields.get(field.name, pl.Null()), instance(field.dtype), or_text=or_text)
        if both is None:
            return None
        fields[field.name] = both
    return pl.Struct(fields)


def _numbers(first: pl.DataType, second: pl.DataType) -> pl.DataType:
    if isinstance(first, pl.Decimal) and isinstance(second, pl.Decimal):
        scale = max(first.scale, second.scale)
        digits = max(first.precision - first.scale, second.precision - second.scale)
        return pl.Decimal(min(38, digits + scale), scale)
    if first.is_integer() and second.is_integer():
        return pl.Int64()
    return pl.Float64()
