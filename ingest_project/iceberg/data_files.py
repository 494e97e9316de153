"""Writes rows as Parquet data files in the warehouse, which are not part of a snapshot yet."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import NestedField

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.data_locations import with_short_locations
from ingest_project.iceberg.projection import keep_null_lists
from ingest_project.iceberg.recorded_outputs import RecordedOutputs
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.rows_to_schema import arrow_type, rows_to_schema
from ingest_project.iceberg.writer_properties import with_writer_properties


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Data files that wait for a commit: their rows, their bytes as stored, and their partition spec."""

    rows: int
    size_bytes: int
    spec: PartitionSpec
    data_files: tuple[DataFile, ...] = field(repr=False)


def write_data_files(metadata: TableMetadata, io: FileIO, frame: pa.Table, *, name: str) -> WrittenFiles:
    """Writes the rows of `frame` for a table of this metadata, split by its partition spec, without a commit.

    Columns are matched by name, missing ones are null, and numbers and times are widened to the table's
    types. Raises RowsRefused if the table cannot take the rows; after any exception it tries to delete the
    files of this call.
    """
    if frame.num_rows == 0:
        return WrittenFiles(0, 0, metadata.spec(), ())
    outputs = RecordedOutputs(io)
    try:
        with refusals(name, "PyIceberg cannot write the rows", RowsRefused):
            return _write(metadata, outputs, rows_to_schema(frame, metadata.schema(), name=name), name)
    except BaseException:
        outputs.discard()
        raise


def _write(metadata: TableMetadata, io: FileIO, rows: pa.Table, name: str) -> WrittenFiles:
    keep_null_lists()
    rows = _with_sources(rows, metadata)
    # One uuid for each call: two attempts never have a file of the same name, so each may be deleted alone.
    by_layout = with_short_locations(with_writer_properties(metadata))
    data_files = _dataframe_to_data_files(by_layout, rows, io, write_uuid=uuid.uuid4())
    written = _written(data_files, metadata.spec())
    if written.rows != rows.num_rows:  # values that are equal but not the same, such as 0.0 and -0.0
        reason = f"{rows.num_rows} rows became {written.rows} in its partitions; partition by another column"
        raise RowsRefused(name, reason)
    return written


def _with_sources(rows: pa.Table, metadata: TableMetadata) -> pa.Table:
    """The rows, with null columns for those that the partition spec reads: PyIceberg needs them."""
    for column in {_top_level(metadata.schema(), part.source_id) for part in metadata.spec().fields}:
        if column.name not in rows.column_names:
            nulls: pa.Array[Any] = pa.array([None] * rows.num_rows, arrow_type(column))
            rows = rows.append_column(column.name, nulls)
    return rows


def _top_level(schema: Schema, field_id: int) -> NestedField:
    parents = schema._lazy_id_to_parent
    while field_id in parents:
        field_id = parents[field_id]
    return schema.find_field(field_id)


def _written(data_files: Iterable[DataFile], spec: PartitionSpec) -> WrittenFiles:
    files = tuple(data_files)
    rows = sum(file.record_count for file in files)
    return WrittenFiles(rows, sum(file.file_size_in_bytes for file in files), spec, files)
