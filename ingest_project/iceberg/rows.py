"""The rows of a table, in portions: for those who send them elsewhere."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    GreaterThanOrEqual,
    LessThanOrEqual,
    Reference,
    StartsWith,
)
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table

from ingest_project.iceberg.file_rows import file_rows

SOURCE = ("_source_uri", "_source_version")

RowSources = Collection[tuple[str, str]]
"""`_source_uri` and `_source_version` of rows."""


def row_portions(
    table: Table, columns: Sequence[str], sources: RowSources | None, prefixes: Mapping[str, str]
) -> Iterator[pa.Table]:
    """These columns of the current snapshot's rows, a data file after the other, in no defined order.

    With `sources`, only the rows that come from them. Files whose statistics exclude the sources, or values
    of a column with one of the `prefixes`, are not read.
    """
    if table.current_snapshot() is None or (sources is not None and not sources):
        return
    read = dict.fromkeys([*columns, *(SOURCE if sources is not None else ())])
    projected = table.schema().select(*read)
    wanted = None if sources is None else pa.table(dict(zip(SOURCE, zip(*sources, strict=True), strict=True)))
    for task in table.scan(row_filter=And(_spanning(sources), _starting(prefixes))).plan_files():
        for batch in file_rows(table, task, projected, AlwaysTrue()):
            rows = pa.Table.from_batches([batch])
            if wanted is not None:
                rows = rows.take(_positions(rows, wanted))
            if rows.num_rows:
                yield rows.select(list(columns))


def _spanning(sources: RowSources | None) -> BooleanExpression:
    if sources is None:
        return AlwaysTrue()
    first, last = min(uri for uri, _ in sources), max(uri for uri, _ in sources)
    uri = Reference("_source_uri")
    return And(
        GreaterThanOrEqual(term=uri, value=literal(first)), LessThanOrEqual(term=uri, value=literal(last))
    )


def _starting(prefixes: Mapping[str, str]) -> BooleanExpression:
    found: BooleanExpression = AlwaysTrue()
    for column, prefix in prefixes.items():
        found = And(found, StartsWith(term=Reference(column), value=literal(prefix)))
    return found


def _positions(rows: pa.Table, wanted: pa.Table) -> "pa.ChunkedArray[Any]":
    """Where the rows of the wanted sources are. Arrow cannot join tables that have nested columns."""
    sources = rows.select(list(SOURCE)).cast(pa.schema([(name, pa.string()) for name in SOURCE]))
    numbered = sources.append_column("position", pa.array(range(rows.num_rows), pa.int64()))
    return numbered.join(wanted, list(SOURCE), join_type="left semi").sort_by("position")["position"]
