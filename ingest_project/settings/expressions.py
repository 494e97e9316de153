"""Checks the SQL of ingest.yaml: each expression must be Polars SQL that looks at one row at a time.

Polars' SQL is listed at https://docs.pola.rs/api/python/stable/reference/sql/. Polars is imported only for
settings with expressions, because every process that Dagster starts reads the settings.
"""

import json
import warnings
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from ingest_project.settings.validation import suggestion
from ingest_project.settings.wording import clipped

if TYPE_CHECKING:
    import polars as pl

OF_MANY_ROWS = frozenset(
    {"Agg", "Correlation", "Explode", "Len", "Over", "Quantile", "Rank", "Shift", "SubPlan"}
)
"""The nodes of Polars' expressions that look at more than one row."""


def expression_fault(sql: str, columns: Collection[str]) -> str | None:
    """What is wrong with an expression of these columns, with the remedy; None if it is valid.

    Types are checked when it is compiled.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        expression = pl.sql_expr(sql)
        names = expression.meta.root_names()
        nodes = set(_nodes(_tree(expression)))
    except (PolarsError, ValueError) as error:
        return f"not an SQL expression of Polars: {clipped(str(error).splitlines()[0], 200)}"
    if "subplan" in str(expression).lower() or nodes & OF_MANY_ROWS:
        return "looks at more than one row; write it without aggregates, windows and queries"
    if unknown := [name for name in names if name not in columns]:
        return f"there is no column {unknown[0]!r} to compute it from; {suggestion(unknown[0], columns)}"
    if not names:
        return "does not name a column; for a constant write `default`"
    return None


def _tree(expression: "pl.Expr") -> Any:
    with warnings.catch_warnings():
        # The warning: the form of the JSON may change. A test covers what we read of it.
        warnings.simplefilter("ignore")
        return json.loads(expression.meta.serialize(format="json"))


def _nodes(tree: Any) -> Iterator[str]:
    """The names of all nodes, without literal texts of the expression."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, list):
        for one in tree:
            yield from _nodes(one)
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield name
            if name not in {"String", "Column", "Alias"}:
                yield from _nodes(value)
