"""Finds the values of a column's field in a parsed frame: by its name, or by a path into nested fields."""

import polars as pl

from ingest_project.reading.target import MappedColumn
from ingest_project.reading.values.paths import values_below


def source_of(frame: pl.DataFrame, column: MappedColumn) -> pl.Series | None:
    """The values of the column's field, as the file has them; None if it has no such field.

    In each row it is the field of exactly this name if that has a value, else what lies under the path.
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
