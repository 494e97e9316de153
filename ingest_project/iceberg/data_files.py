"""Rows to Parquet data files in the warehouse, written once and not yet part of any snapshot."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import (
    _check_pyarrow_schema_compatible,
    _dataframe_to_data_files,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import NestedField

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.data_locations import with_short_locations
from ingest_project.iceberg.projection import keep_null_lists


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Data files that wait for a commit: their rows, and their bytes as stored. `spec` partitioned them."""

    rows: int
    size_bytes: int
    spec: PartitionSpec
    data_files: tuple[DataFile, ...] = field(repr=False)


def write_data_files(metadata: TableMetadata, io: FileIO, frame: pa.Table, *, name: str) -> WrittenFiles:
    """Writes the rows of `frame` for a table of this metadata, split by its partition spec; commits nothing.

    Columns are matched by name, absent ones are null, and numbers and times are widened to the table's types.
    Raises TableMismatch for a column that the table does not have or that does not fit its type, and for rows without a
    value that the table requires.
    """
    if frame.num_rows == 0:
        return WrittenFiles(0, 0, metadata.spec(), ())
    fitted = _with_required(_fitted(frame, metadata.schema(), name), metadata.schema(), name)
    try:
        _check_pyarrow_schema_compatible(
            metadata.schema(), fitted.schema, format_version=metadata.format_version
        )
    except (ValueError, TypeError) as error:
        raise TableMismatch(name, f"the rows do not fit the table: {error}") from error
    keep_null_lists()
    # One uuid for each call: the files of two attempts never share a name, so one may be deleted without the other.
    by_layout = with_short_locations(metadata)
    data_files = _dataframe_to_data_files(by_layout, fitted, io, write_uuid=uuid.uuid4())
    written = _written(data_files, metadata.spec())
    if written.rows != frame.num_rows:  # values that are equal and yet not the same, as 0.0 and -0.0 are
        reason = (
            f"{frame.num_rows} rows became {written.rows} in its partitions; partition it by another column"
        )
        raise TableMismatch(name, reason)
    return written


def _written(data_files: Iterable[DataFile], spec: PartitionSpec) -> WrittenFiles:
    files = tuple(data_files)
    rows = sum(file.record_count for file in files)
    return WrittenFiles(rows, sum(file.file_size_in_bytes for file in files), spec, files)


def _fitted(frame: pa.Table, schema: Schema, name: str) -> pa.Table:
    """The frame with the types that PyIceberg's writer refuses, or silently garbles, cast to the table's."""
    for position, column in enumerate(frame.schema):
        if column.name not in schema.column_names:
            continue
        fitted_type = _fitted_type(column.type, _arrow_type(schema.find_field(column.name)))
        if fitted_type == column.type:
            continue
        # Below a microsecond there is nothing in Iceberg's times; everything else must survive the cast.
        safe = not (pa.types.is_temporal(column.type) and pa.types.is_temporal(fitted_type))
        try:
            fitted = frame.column(position).cast(fitted_type, safe=safe)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise TableMismatch(name, f"column {column.name}: {error}") from error
        frame = frame.set_column(position, column.name, fitted)
    return frame


def _with_required(frame: pa.Table, schema: Schema, name: str) -> pa.Table:
    """The frame with the columns that the table requires marked as being without nulls, which PyIceberg asks for.

    The tables that we make require nothing; others' may.
    """
    for column in schema.fields:
        if not column.required:
            continue
        position = frame.schema.get_field_index(column.name)
        if position < 0 or frame.column(position).null_count:
            remedy = "give it `required: true` or a `default` in `columns`, or make it optional in the table"
            raise TableMismatch(
                name, f"column {column.name}: the table requires it, and rows have no value for it; {remedy}"
            )
        marked = frame.schema.field(position).with_nullable(False)
        frame = frame.set_column(position, marked, frame.column(position))
    return frame


def _arrow_type(column: NestedField) -> pa.DataType:
    arrow_type: pa.DataType = schema_to_pyarrow(Schema(column), include_field_ids=False).field(0).type
    return arrow_type


def _fitted_type(actual: pa.DataType, wanted: pa.DataType) -> pa.DataType:
    """The type to cast to: the actual one, but the wanted one in each part where it must be that."""
    if isinstance(actual, pa.StructType) and isinstance(wanted, pa.StructType):
        names = {field.name for field in wanted.fields}
        return pa.struct(
            [
                field.with_type(_fitted_type(field.type, wanted.field(field.name).type))
                if field.name in names
                else field
                for field in actual.fields
            ]
        )
    if isinstance(actual, pa.LargeListType) and isinstance(wanted, pa.ListType | pa.LargeListType):
        return pa.large_list(actual.value_field.with_type(_fitted_type(actual.value_type, wanted.value_type)))
    if isinstance(actual, pa.MapType) and isinstance(wanted, pa.MapType):
        key = _fitted_type(actual.key_type, wanted.key_type)
        fitted: pa.DataType = pa.map_(key, _fitted_type(actual.item_type, wanted.item_type))
        return fitted
    written = _written_as(wanted)
    return written if _needs_cast(actual, written) else actual


def _written_as(wanted: pa.DataType) -> pa.DataType:
    if wanted == pa.uuid():
        return pa.binary(16)  # PyArrow cannot group by UUIDs, so no partition spec could name the column
    # The truncate transform knows no large binary.
    return pa.binary() if pa.types.is_large_binary(wanted) else wanted


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
        or (pa.types.is_large_binary(actual) and _is_bytes(wanted))
        # Beyond the signed range an unsigned number would wrap around.
        or (pa.types.is_unsigned_integer(actual) and pa.types.is_integer(wanted))
    )


def _is_bytes(arrow_type: pa.DataType) -> bool:
    return pa.types.is_binary(arrow_type) or pa.types.is_fixed_size_binary(arrow_type)
