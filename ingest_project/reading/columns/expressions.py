"""Evaluates the SQL of the settings: one value for each row, or null where it cannot be computed."""

from collections.abc import Callable

import polars as pl
from polars.exceptions import PolarsError

Evaluate = Callable[[pl.DataFrame], pl.Series]


def readable(columns: pl.DataFrame) -> pl.DataFrame:
    """The columns as expressions see them: integers have 128 bits, so a sum or product of two does not
    overflow.
    """
    return columns.cast({pl.Int32: pl.Int128(), pl.Int64: pl.Int128()})


def evaluated(frame: pl.DataFrame, sql: str, name: str) -> tuple[pl.Series, pl.Series]:
    """The expression's values, and true for each row for which it could not be computed (its value is null).

    A division by zero or a text that is not a number fails the whole frame in Polars; the rows at fault are
    found by halving.
    """
    expression = pl.sql_expr(sql).alias(name)
    portions: list[pl.Series] = []
    failed: list[pl.Series] = []
    for values, height in _portions(frame, expression):
        portions.append(pl.repeat(None, height, eager=True).alias(name) if values is None else values)
        failed.append(pl.repeat(values is None, height, dtype=pl.Boolean, eager=True))
    if not portions:
        return frame.select(expression).to_series(), pl.Series([], dtype=pl.Boolean)
    dtype = next((one.dtype for one in portions if one.dtype != pl.Null()), pl.Null())
    values = pl.concat([one.cast(dtype) for one in portions])
    return values, pl.concat(failed)


def _portions(frame: pl.DataFrame, expression: pl.Expr) -> "list[tuple[pl.Series | None, int]]":
    if frame.is_empty():
        return []
    try:
        return [(frame.select(expression).to_series(), frame.height)]
    except PolarsError:
        if frame.height == 1:
            return [(None, 1)]
        middle = frame.height // 2
        return _portions(frame[:middle], expression) + _portions(frame[middle:], expression)
