"""Finds the values of a column's field in what a reader made of a file: by its name, or by a path into nested fields."""

from collections.abc import Sequence

import polars as pl

from ingest_project.objects.columns.mapping import MappedColumn
from ingest_project.objects.values.json_nested import load, text_of


def source_of(frame: pl.DataFrame, column: MappedColumn) -> pl.Series | None:
    """The values of the column's field, as the file has them; None if it has no such field.

    Row by row: the field of exactly this name where it has a value, else what lies under the path.
    """
    exact = frame[column.source] if column.source in frame.columns else None
    first, *rest = column.path
    if not column.may_be_a_path or first not in frame.columns:
        return exact
    below = values_below(frame[first], rest)
    if below is None or exact is None:
        return exact if below is None else below.alias(column.source)
    if not (exact.is_null() & below.is_not_null()).any():
        return exact
    if exact.dtype != below.dtype and exact.null_count() < len(exact):
        exact, below = exact.cast(pl.String), below.cast(pl.String)
    chosen = below if exact.null_count() == len(exact) else pl.select(pl.coalesce(exact, below)).to_series()
    return chosen.alias(column.source)


def values_below(values: pl.Series, path: Sequence[str]) -> pl.Series | None:
    """What lies under these names; None if no row has it."""
    for place, name in enumerate(path):
        if isinstance(values.dtype, pl.String):  # objects among other values: all of them are JSON by now
            return pl.Series(
                values.name, [_in_json(text, path[place:]) for text in values], dtype=pl.String()
            )
        if not isinstance(values.dtype, pl.Struct) or name not in [one.name for one in values.dtype.fields]:
            return None
        values = values.struct.field(name)
    return values


def _in_json(text: str | None, path: Sequence[str]) -> str | None:
    """The value under these names as text, numbers as they are written; null where the text is no such object."""
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        value = load(text)
    except (ValueError, RecursionError):
        return None
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return text_of(value)
