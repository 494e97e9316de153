"""Checks the SQL of ingest.yaml: each expression must be Polars SQL that looks at one row at a time.

What it may say is listed at https://docs.pola.rs/api/python/stable/reference/sql/. Polars is imported only for settings
that hold an expression: every process that Dagster starts reads the settings.
"""

import json
import warnings
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from ingest_project.settings.validation import suggestion

if TYPE_CHECKING:
    import polars as pl

OF_MANY_ROWS = frozenset(
    {"Agg", "Correlation", "Explode", "Len", "Over", "Quantile", "Rank", "Shift", "SubPlan"}
)
"""The nodes of Polars' expressions by which SQL looks at more than one row."""


def expression_fault(sql: str, columns: Collection[str]) -> str | None:
    """What is wrong with an expression of these columns, and what to do; None if nothing is.

    Whether the types agree is seen when it is compiled.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        expression = pl.sql_expr(sql)
        names = expression.meta.root_names()
        nodes = set(_nodes(_tree(expression)))
    except (PolarsError, ValueError) as error:
        return f"no SQL expression that Polars knows: {str(error).splitlines()[0][:200]}"
    if "subplan" in str(expression).lower() or nodes & OF_MANY_ROWS:
        return "looks at more than one row; write one that a single row answers, without aggregates, windows and queries"
    if unknown := [name for name in names if name not in columns]:
        return f"there is no column {unknown[0]!r} to compute it from; {suggestion(unknown[0], columns)}"
    if not names:
        return "names no column; for a constant write `default`"
    return None


def _tree(expression: "pl.Expr") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that the form of the JSON may change; a test holds what we read in it
        return json.loads(expression.meta.serialize(format="json"))


def _nodes(tree: Any) -> Iterator[str]:
    """The names of all nodes; texts that stand in the expression are none."""
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
