"""Concatenates the frames of several files, which may differ in columns or in their types."""

from collections import defaultdict
from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import SchemaMismatch
from ingest_project.settings.wording import clipped


def stacked(frames: Sequence[pl.DataFrame], uri: str) -> pl.DataFrame:
    """All rows in the order of the frames, with the columns of all; null where a frame lacks a column.

    Numbers become the widest of their types, structs get the fields of all. Other mixtures become text, and
    so do numbers that the widest type would change. Raises SchemaMismatch if a column is nested in some
    frames only, or if such numbers are nested.
    """
    filled = [frame for frame in frames if frame.width]
    if not filled:
        return pl.DataFrame(height=sum(frame.height for frame in frames))
    as_text = _mixed_columns(filled, uri)
    together = _concatenated(filled, as_text, uri)
    changed = _changed_columns(filled, together, as_text, uri)
    return _concatenated(filled, as_text | changed, uri) if changed else together


def _concatenated(frames: Sequence[pl.DataFrame], as_text: set[str], uri: str) -> pl.DataFrame:
    even = [
        frame.with_columns(_text(frame[name], uri) for name in as_text & set(frame.columns))
        for frame in frames
    ]
    try:
        return pl.concat(even, how="diagonal_relaxed")
    except PolarsError as error:
        raise SchemaMismatch(
            uri, f"the files' columns do not agree: {clipped(str(error).splitlines()[0], 200)}"
        ) from error


def _text(values: pl.Series, uri: str) -> pl.Series:
    try:
        return values.cast(pl.String())
    except PolarsError as error:
        reason = (
            f"column {values.name!r} is bytes in some files only, and those bytes are not text; declare it"
        )
        raise SchemaMismatch(uri, reason) from error


def _changed_columns(
    frames: Sequence[pl.DataFrame], together: pl.DataFrame, as_text: set[str], uri: str
) -> set[str]:
    """The columns with a number that the common type of all frames would change."""
    changed: set[str] = set()
    # Polars makes a new schema each time, which takes long with 10,000 columns.
    types = together.schema
    start = 0
    for frame in frames:
        for name, dtype in frame.schema.items():
            if name in as_text or name in changed or dtype in {types[name], pl.Null()}:
                continue
            if _is_changed(frame[name], together[name].slice(start, frame.height)):
                if dtype.is_nested():
                    reason = f"column {name!r} has numbers that other files' type cannot represent exactly"
                    raise SchemaMismatch(uri, f"{reason}; declare it")
                changed.add(name)
        start += frame.height
    return changed


def _is_changed(before: pl.Series, after: pl.Series) -> bool:
    """Whether a number in these values was changed."""
    if isinstance(before.dtype, pl.Struct):
        fields = after.struct.unnest()
        return any(_is_changed(field, fields[field.name]) for field in before.struct.unnest().iter_columns())
    if isinstance(before.dtype, pl.List | pl.Map):
        return _is_changed(_elements(before), _elements(after))
    if before.dtype == after.dtype or not (before.dtype.is_numeric() and after.dtype.is_numeric()):
        return False
    return bool(after.cast(before.dtype, strict=False).ne_missing(before).any())


def _elements(values: pl.Series) -> pl.Series:
    lists = values.map.values() if isinstance(values.dtype, pl.Map) else values
    return lists.explode(empty_as_null=False, keep_nulls=False)


def _mixed_columns(frames: Sequence[pl.DataFrame], uri: str) -> set[str]:
    """The columns whose types have only text as their common type. Raises SchemaMismatch if one is nested."""
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
