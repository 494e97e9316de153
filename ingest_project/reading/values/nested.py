"""Casts the parts of structs and lists, and puts these together again."""

from collections.abc import Callable, Sequence
from typing import cast as cast_type

import polars as pl
import pyarrow as pa

from ingest_project.reading.values.text_numbers import null_where
from ingest_project.reading.values.types import instance, is_empty
from ingest_project.settings.type_grammar import ColumnType, ListOf, StructOf

Cast = Callable[[pl.Series, ColumnType], pl.Series | None]
"""Casts values as `cast_exactly` does."""


def of_storage(values: pl.Series) -> pl.Series:
    """The same values in types that Iceberg has: arrays become lists, extension types their storage."""
    plain = _plain(values.dtype)
    if plain == values.dtype:
        return values
    bare = values.ext.storage() if isinstance(values.dtype, pl.BaseExtension) else values
    return bare.cast(plain)


def _plain(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.BaseExtension):
        return _plain(instance(dtype.ext_storage()))
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(_plain(instance(dtype.inner)))
    if isinstance(dtype, pl.Map):
        return pl.Map(_plain(instance(dtype.key)), _plain(instance(dtype.value)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _plain(instance(field.dtype)) for field in dtype.fields})
    return dtype


def structs_of(values: pl.Series, wanted: StructOf, cast: Cast) -> pl.Series | None:
    """The structs with exactly these fields, null where a value was lost; None if types never agree.

    Types do not agree if a struct has other fields, except fields with only nulls, empty lists and empty
    objects: these have no type yet and are left out.
    """
    known = {name for name, _ in wanted.fields}
    source = cast_type("pl.Struct", values.dtype)
    if any(one.name not in known and not is_empty(instance(one.dtype)) for one in source.fields):
        return None
    frame = values.struct.unnest()
    missing = pl.Series([None]).new_from_index(0, len(values))
    whole = values.is_not_null()
    fields: list[pl.Series] = []
    for name, field in wanted.fields:
        old = frame.get_column(name, default=missing)
        new = cast(old, field)
        if new is None:
            return None
        whole &= ~(old.is_not_null() & new.is_null())
        fields.append(new.alias(name))
    return null_where(structs(fields, len(values)).alias(values.name), ~whole)


def lists_of(values: pl.Series, source: pl.List, wanted: ListOf, cast: Cast) -> pl.Series | None:
    """The lists with elements of this type, null where an element was lost; None if types never agree."""
    # Polars explodes them, because Arrow has no integers of 128 bits.
    old = values.explode(empty_as_null=False, keep_nulls=False).cast(source.inner)
    new = cast(old, wanted.element)
    if new is None:
        return None
    lengths = values.list.len().cast(pl.Int64).fill_null(0)
    lost = old.is_not_null() & new.is_null()
    return null_where(lists_without(lost, lengths, new).alias(values.name), values.is_null())


def lists_without(lost: pl.Series, lengths: Sequence[int] | pl.Series, elements: pl.Series) -> pl.Series:
    """Lists of these lengths of the elements, null where one of its elements was lost."""
    found = lists(lengths, elements)
    return null_where(found, lists(lengths, lost).list.any()) if lost.any() else found


def lists(lengths: Sequence[int] | pl.Series, elements: pl.Series) -> pl.Series:
    """Lists of these lengths, whose elements follow one another."""
    ends = pl.Series(lengths, dtype=pl.Int64()).cum_sum()
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64()), ends.rename("")])
    # The newest form has views of texts, as Polars has them: they need not be copied twice.
    values = elements.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    arrow = pa.LargeListArray.from_arrays(cast_type("pa.Int64Array", offsets.to_arrow()), values)
    return pl.Series(arrow, dtype=pl.List(elements.dtype))


def structs(fields: Sequence[pl.Series], height: int) -> pl.Series:
    """Structs of these fields; if there are none, `height` structs without fields."""
    # Not a list of series: Polars would name one without a name `column_0`.
    frame = pl.DataFrame({one.name: one for one in fields})
    return frame.to_struct() if fields else pl.Series([{}] * height, dtype=pl.Struct([]))


def null_unless(values: pl.Series, wanted: pl.Series) -> pl.Series:
    """The values where `wanted` is true, null elsewhere."""
    return null_where(values, ~wanted.fill_null(value=False))


def spread(values: pl.Series, present: pl.Series) -> pl.Series:
    """The values in order at the places where `present` is true; null elsewhere."""
    if len(values) == len(present):
        return values
    places = present.fill_null(value=False).cast(pl.UInt32()).cum_sum() - 1
    return values.gather(null_unless(places, present)).alias(values.name)
