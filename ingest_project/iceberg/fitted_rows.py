"""Makes rows into what a table's data files hold, all at once: after this, writing them refuses none.

What can be wrong with rows is found here, before any of them is in a file: the rows of one object can then
share a file with those of another.
"""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyiceberg.io.fileformat import FileFormatFactory
from pyiceberg.io.pyarrow import _to_requested_schema, pyarrow_to_schema
from pyiceberg.manifest import FileFormat
from pyiceberg.schema import Schema, sanitize_column_names
from pyiceberg.table.metadata import TableMetadata

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.data_locations import with_short_locations
from ingest_project.iceberg.field_path import field_path
from ingest_project.iceberg.partitioned_rows import Part, by_partition
from ingest_project.iceberg.projection import keep_null_lists
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.rows_to_schema import arrow_type, rows_to_schema
from ingest_project.iceberg.sort_order import sorted_rows
from ingest_project.iceberg.writer_properties import with_writer_properties


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Rows with the columns, types and field ids of a table's data files, in one chunk, and their partitions.

    `metadata` is the table's, with the properties and locations to write with; it must not be committed.
    """

    metadata: TableMetadata = field(repr=False)
    file_schema: Schema = field(repr=False)
    rows: pa.Table = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)


def fit_rows(metadata: TableMetadata, frame: pa.Table, *, name: str) -> FittedRows:
    """The rows of `frame` for a table of this metadata, divided by its partition spec.

    Columns are matched by name, missing ones are null, and numbers and times are widened to the table's
    types. Raises RowsRefused if the table cannot take the rows.
    """
    to_write = with_short_locations(with_writer_properties(metadata))
    file_schema = sanitize_column_names(metadata.schema())
    with refusals(name, "PyIceberg cannot write the rows", RowsRefused):
        keep_null_lists()
        rows = rows_to_schema(frame, metadata.schema(), name=name)
        if not rows.num_rows:
            return FittedRows(to_write, file_schema, rows, ())
        with_sources = sorted_rows(_with_sources(rows, metadata), metadata)
        parts = by_partition(with_sources, metadata.spec(), metadata.schema())
        rows = with_sources.select(rows.column_names)
        projected = _projected(rows, metadata, file_schema).combine_chunks()
        return FittedRows(to_write, file_schema, projected, tuple(parts))


def _projected(rows: pa.Table, metadata: TableMetadata, file_schema: Schema) -> pa.Table:
    """The rows with the columns, types and field ids of the table."""
    has = pyarrow_to_schema(
        rows.schema, name_mapping=metadata.schema().name_mapping, format_version=metadata.format_version
    )
    parquet = FileFormatFactory.get(FileFormat.PARQUET)
    return pa.Table.from_batches(
        _to_requested_schema(file_schema, has, batch, include_field_ids=True, format_model=parquet)
        for batch in rows.to_batches()
    )


def _with_sources(rows: pa.Table, metadata: TableMetadata) -> pa.Table:
    """The rows, with null columns for those that the partition spec and the sort order read."""
    order = metadata.sort_order_by_id(metadata.default_sort_order_id)
    fields = [*metadata.spec().fields, *(order.fields if order is not None else ())]
    for column in (field_path(metadata.schema(), one.source_id)[0] for one in fields):
        if column.name not in rows.column_names:
            nulls: pa.Array[Any] = pa.array([None] * rows.num_rows, arrow_type(column))
            rows = rows.append_column(column.name, nulls)
    return rows
