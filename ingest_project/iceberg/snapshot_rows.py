"""Reads rows of one snapshot of a table, as a stream: some columns, by conditions.

Memory holds a batch of the rows of one data file, however many rows there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg.expressions import BooleanExpression
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from ingest_project.errors import JobRefused
from ingest_project.iceberg.file_rows import file_rows
from ingest_project.iceberg.row_filters import RowFilter, row_filter
from ingest_project.settings.model import PROVENANCE_COLUMNS


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows and columns to read.

    Without `columns` these are all but the provenance columns, which may be named; without `snapshot_id` it
    is the current snapshot.
    """

    columns: tuple[str, ...] | None = None
    filters: tuple[RowFilter, ...] = ()
    snapshot_id: int | None = None


@dataclass(frozen=True, slots=True)
class SnapshotRows:
    """Rows of a snapshot (None: the table has none, and no rows) with their Arrow schema."""

    snapshot_id: int | None
    schema: pa.Schema = field(repr=False)
    batches: Iterator[pa.RecordBatch] = field(repr=False)


def snapshot_rows(table: Table, query: RowQuery) -> SnapshotRows:
    """The rows that the query asks for, in the order of the data files; they are read when they are taken.

    Raises JobRefused, with the path of what is wrong in the query.
    """
    current = table.metadata.current_snapshot_id
    snapshot_id = current if query.snapshot_id is None else query.snapshot_id
    if query.snapshot_id is not None and table.snapshot_by_id(query.snapshot_id) is None:
        raise JobRefused("snapshot_id", "the table has no such snapshot, or it has expired")
    known = table.scan(snapshot_id=snapshot_id).projection()
    names = _names(known, query.columns)
    only = row_filter(query.filters, known, table.schema())
    projected = known.select(*names)
    by_name = schema_to_pyarrow(projected, include_field_ids=False)
    schema = pa.schema([by_name.field(name) for name in names])
    batches = iter(()) if snapshot_id is None else _batches(table, snapshot_id, projected, only, schema)
    return SnapshotRows(snapshot_id, schema, batches)


def _names(known: Schema, asked: Sequence[str] | None) -> list[str]:
    columns = [one.name for one in known.fields]
    if asked is None:
        return [name for name in columns if name not in PROVENANCE_COLUMNS]
    for index, name in enumerate(asked):
        if name not in columns:
            raise JobRefused(f"columns.{index}", "the table has no such column in this snapshot")
        if name in asked[:index]:
            raise JobRefused(f"columns.{index}", "the column is named twice")
    return list(asked)


def _batches(
    table: Table, snapshot_id: int, projected: Schema, only: BooleanExpression, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for task in table.scan(row_filter=only, snapshot_id=snapshot_id).plan_files():
        for batch in file_rows(table, task, projected, only):
            yield from pa.Table.from_batches([batch]).select(schema.names).cast(schema).to_batches()
