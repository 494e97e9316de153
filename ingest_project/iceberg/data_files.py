"""Rows to Parquet data files in the warehouse, written once and not yet part of any snapshot."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg.io.pyarrow import (
    _check_pyarrow_schema_compatible,
    _dataframe_to_data_files,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import NestedField

from ingest_project.errors import TableMismatch


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Data files that wait for a commit: their rows, and their bytes as stored. `spec_id` partitioned them."""

    rows: int
    size_bytes: int
    spec_id: int
    data_files: tuple[DataFile, ...] = field(repr=False)


def write_data_files(table: Table, frame: pa.Table, *, name: str) -> WrittenFiles:
    """Writes the rows of `frame`, split by the table's partition spec; commits nothing.

    Columns are matched by name, absent ones are null, and numbers and times are widened to the table's types.
    Raises TableMismatch for a column that the table does not have or that does not fit its type.
    """
    metadata = table.metadata
    if frame.num_rows == 0:
        return WrittenFiles(0, 0, metadata.default_spec_id, ())
    fitted = _fitted(frame, metadata.schema(), name)
    try:
        _check_pyarrow_schema_compatible(
            metadata.schema(), fitted.schema, format_version=metadata.format_version
        )
    except (ValueError, TypeError) as error:
        raise TableMismatch(name, f"the rows do not fit the table: {error}") from error
    # One uuid for each call: the files of two attempts never share a name, so one may be deleted without the other.
    data_files = _dataframe_to_data_files(metadata, fitted, table.io, write_uuid=uuid.uuid4())
    return _written(data_files, metadata.default_spec_id)


def _written(data_files: Iterable[DataFile], spec_id: int) -> WrittenFiles:
    files = tuple(data_files)
    rows = sum(file.record_count for file in files)
    return WrittenFiles(rows, sum(file.file_size_in_bytes for file in files), spec_id, files)


def _fitted(frame: pa.Table, schema: Schema, name: str) -> pa.Table:
    """The frame with the types that PyIceberg's writer refuses, or silently garbles, cast to the table's."""
    for position, column in enumerate(frame.schema):
        if column.name not in schema.column_names:
            continue
        wanted = _arrow_type(schema.find_field(column.name))
        if _needs_cast(column.type, wanted):
            # Below a microsecond there is nothing in Iceberg's times; everything else must survive the cast.
            safe = not pa.types.is_temporal(wanted)
            try:
                fitted = frame.column(position).cast(wanted, safe=safe)
            except pa.ArrowInvalid as error:
                raise TableMismatch(name, f"column {column.name}: {error}") from error
            frame = frame.set_column(position, column.name, fitted)
    return frame


def _arrow_type(column: NestedField) -> pa.DataType:
    arrow_type: pa.DataType = schema_to_pyarrow(Schema(column), include_field_ids=False).field(0).type
    if arrow_type == pa.uuid():
        return pa.binary(16)  # PyArrow cannot group by UUIDs, so no partition spec could name the column
    # The truncate transform knows no large binary.
    return pa.binary() if pa.types.is_large_binary(arrow_type) else arrow_type


def _needs_cast(actual: pa.DataType, wanted: pa.DataType) -> bool:
    if actual == wanted:
        return False
    if pa.types.is_timestamp(actual) and pa.types.is_timestamp(wanted):
        # Local time is not UTC; what zone it was is for the caller to know.
        return (actual.tz is None) == (wanted.tz is None)
    return (
        pa.types.is_null(actual)
        or pa.types.is_dictionary(actual)
        or (pa.types.is_time(actual) and pa.types.is_time(wanted))
        or (pa.types.is_date(actual) and pa.types.is_date(wanted))
        or actual == pa.uuid()
        or (pa.types.is_large_binary(actual) and pa.types.is_binary(wanted))
        # Beyond the signed range an unsigned number would wrap around.
        or (pa.types.is_unsigned_integer(actual) and pa.types.is_integer(wanted))
    )
