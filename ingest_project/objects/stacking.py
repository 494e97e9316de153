"""Puts frames of several files one under the other, when the files differ in columns or in their types."""

from collections import defaultdict
from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import SchemaMismatch


def stacked(frames: Sequence[pl.DataFrame], uri: str) -> pl.DataFrame:
    """All rows in the order of the frames, with the columns of all, null where a frame has no such column.

    Numbers become the widest of their types, structs get the fields of all, other mixtures become text.
    Raises SchemaMismatch if a column is nested in some frames only.
    """
    filled = [frame for frame in frames if frame.width]
    if not filled:
        return pl.DataFrame(height=sum(frame.height for frame in frames))
    as_text = _mixed_columns(filled, uri)
    even = [frame.cast({name: pl.String() for name in as_text & set(frame.columns)}) for frame in filled]
    try:
        return pl.concat(even, how="diagonal_relaxed")
    except PolarsError as error:
        raise SchemaMismatch(
            uri, f"the files' columns do not agree: {str(error).splitlines()[0][:200]}"
        ) from error


def _mixed_columns(frames: Sequence[pl.DataFrame], uri: str) -> set[str]:
    """The columns whose types have nothing in common but that all can be written as text."""
    dtypes: dict[str, set[pl.DataType]] = defaultdict(set)
    for frame in frames:
        for name, dtype in frame.schema.items():
            dtypes[name] |= {dtype} - {pl.Null()}
    mixed = {name for name, found in dtypes.items() if len(found) > 1 and not _are_alike(found)}
    for name in sorted(mixed):
        if any(dtype.is_nested() for dtype in dtypes[name]):
            raise SchemaMismatch(
                uri, f"column {name!r} is nested in some files only; declare it as a string, or apart"
            )
    return mixed


def _are_alike(dtypes: set[pl.DataType]) -> bool:
    if all(dtype.is_numeric() for dtype in dtypes):
        return True
    return any(all(isinstance(dtype, kind) for dtype in dtypes) for kind in (pl.Struct, pl.List, pl.Map))
