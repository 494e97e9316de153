"""Finds the rows that lack a value that their table requires, also within lists, maps and structs."""

from collections.abc import Sequence

import polars as pl

from ingest_project.reading.values.types import instance


def lacking(values: pl.Series, path: Sequence[str]) -> pl.Series:
    """True for each value with a part under this path that is null although its parent is not.

    Without a path it is true for each null.

    Steps are Iceberg's: the names of a struct's fields, `element` of a list, `key` and `value` of a map.
    """
    if not path:
        return values.is_null()
    first, *rest = path
    dtype = values.dtype
    if isinstance(dtype, pl.Struct):
        return values.is_not_null() & lacking(values.struct.field(first), rest)
    if isinstance(dtype, pl.List):
        return _any_of_each(values, lacking(_elements(values), rest))
    if isinstance(dtype, pl.Map):
        entries = pl.Struct({"key": instance(dtype.key), "value": instance(dtype.value)})
        as_list = values.cast(pl.List(entries))
        return _any_of_each(as_list, lacking(_elements(as_list).struct.field(first), rest))
    return pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)


def _elements(values: pl.Series) -> pl.Series:
    return values.explode(empty_as_null=False, keep_nulls=False)


def _any_of_each(values: pl.Series, of_elements: pl.Series) -> pl.Series:
    """For each list whether one of its elements is true."""
    ends = values.list.len().cast(pl.Int64).fill_null(0).cum_sum()
    found_before = pl.concat([pl.Series([0]), of_elements.cast(pl.Int64).cum_sum().rename("")])
    found = found_before.gather(ends)
    return found > found.shift(1, fill_value=0)
