"""Finds one type for a column that has different types in files with a schema.

In JSON and CSV every value has a text. In a file with a schema a `double` has no text, and a `string` is not
a number. So each candidate type is tried on the sampled values, by the cast of the ingest itself, and the one
that holds most of them is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest_project.preview.dtypes import merged
from ingest_project.preview.iceberg_types import Remedy, iceberg_type
from ingest_project.preview.values import shown
from ingest_project.reading.columns.cast import cast_column
from ingest_project.reading.columns.sources import Source
from ingest_project.reading.target import MappedColumn
from ingest_project.reading.values.types import storable


@dataclass(frozen=True, slots=True)
class Agreed:
    """The type that holds most values, and what happens to the others."""

    dtype: pl.DataType
    note: str | None = None
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class _Tried:
    dtype: pl.DataType
    refused: int
    """Values of files whose type can never be cast to this type: such files would fail as a whole."""
    lost: int
    example: str = ""


def agreed(files: Sequence[pl.Series]) -> Agreed | None:
    """One type for the values of one column in several files; None if no column can hold them."""
    tried = [found for dtype in _candidates(files) if (found := _try(dtype, files)) is not None]
    if not tried:
        return None
    best = min(tried, key=lambda one: (one.refused, one.lost))
    present = sum(len(one) - one.null_count() for one in files)
    kind = iceberg_type(best.dtype).name
    if best.refused:
        note = f"{best.refused} of {present} values can never be {kind}: they go into _rescued_data"
        return Agreed(best.dtype, note, "rescue")
    if best.lost:
        note = (
            f"{best.lost} of {present} values are not of type {kind}, such as {best.example}: "
            "they would be bad rows"
        )
        return Agreed(best.dtype, note)
    return Agreed(best.dtype)


def _candidates(files: Sequence[pl.Series]) -> list[pl.DataType]:
    """Text first, as it holds most values; then the files' own types, the most frequent first; then structs
    of text.
    """
    counts: dict[pl.DataType, int] = {}
    together: pl.DataType | None = pl.Null()
    for values in files:
        dtype = storable(values.dtype)
        counts[dtype] = counts.get(dtype, 0) + len(values)
        together = merged(together, dtype, or_text=True) if together is not None else None
    said = sorted(counts, key=lambda dtype: -counts[dtype])
    return [pl.String(), *said, *([together] if together is not None else [])]


def _try(dtype: pl.DataType, files: Sequence[pl.Series]) -> _Tried | None:
    kind = iceberg_type(dtype).name
    if kind is None:
        return None
    refused = lost = 0
    example = ""
    for values in files:
        cast = cast_column(Source(values), MappedColumn("c", kind, "c"), evolution="add_columns")
        if cast is None:
            refused += len(values) - values.null_count()
            continue
        lost += int(cast.lost.sum())
        if not example and cast.lost.any():
            example = shown(values.filter(cast.lost)[0])
    return _Tried(dtype, refused, lost, example)
