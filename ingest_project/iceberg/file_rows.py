"""Reads the rows of one data file as a stream, in batches of limited size.

PyIceberg reads a file by PyArrow's scanner, which decodes row groups ahead: its memory grows with the size of
the row groups, and with that of a large file. A Parquet file without positional deletes is read here page by
page instead; the rows are given the table's columns by PyIceberg, as it does it itself.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.expressions.visitors import bind, extract_field_ids, translate_column_names
from pyiceberg.io.pyarrow import (
    ArrowScan,
    _get_column_projection_values,
    _read_all_delete_files,
    _to_requested_schema,
    expression_to_pyarrow,
    pyarrow_to_schema,
)
from pyiceberg.manifest import FileFormat
from pyiceberg.schema import Schema, prune_columns
from pyiceberg.table import FileScanTask, Table
from pyiceberg.types import ListType, MapType

from ingest_project.iceberg.projection import keep_null_lists

BATCH_BYTES = 8 * 1024**2
BATCH_ROWS = 65_536
BUFFER_BYTES = 1024**2
"""For each column that is read."""


def file_rows(
    table: Table, task: FileScanTask, projected: Schema, only: BooleanExpression
) -> Iterator[pa.RecordBatch]:
    """The rows of a data file for which `only` holds, with the columns of `projected`."""
    keep_null_lists()
    if task.file.file_format == FileFormat.PARQUET and not task.delete_files:
        return _parquet_rows(table, task, projected, only)
    scan = ArrowScan(table.metadata, table.io, projected, only)
    deletes = _read_all_delete_files(table.io, [task])
    # The public methods hold all rows of a file before they give the first one.
    return scan._record_batches_from_scan_tasks_and_deletes([task], deletes)


def _parquet_rows(
    table: Table, task: FileScanTask, projected: Schema, only: BooleanExpression
) -> Iterator[pa.RecordBatch]:
    metadata = table.metadata
    bound = bind(table.schema(), only, case_sensitive=True)
    with table.io.new_input(task.file.file_path).open() as opened:
        source: Any = opened  # PyIceberg's FileIO for PyArrow opens PyArrow's files
        file = parquet.ParquetFile(source, pre_buffer=False, buffer_size=BUFFER_BYTES)
        file_schema = pyarrow_to_schema(
            file.schema_arrow, metadata.name_mapping(), downcast_ns_timestamp_to_us=True,
            format_version=metadata.format_version,
        )  # fmt: skip
        spec = metadata.specs().get(task.file.spec_id)
        missing = _get_column_projection_values(
            task.file, projected, metadata.schema(), spec, file_schema.field_ids
        )
        condition = None
        if bound != AlwaysTrue():
            translated = translate_column_names(
                bound, file_schema, case_sensitive=True, projected_field_values=missing
            )
            condition = expression_to_pyarrow(bind(file_schema, translated, case_sensitive=True), file_schema)
        wanted = _leaves(projected) | extract_field_ids(bound)
        read = prune_columns(file_schema, wanted, select_full_types=False)
        for batch in file.iter_batches(_rows_at_once(file), columns=[one.name for one in read.fields]):
            rows = pa.Table.from_batches([batch])
            if condition is not None:
                rows = rows.filter(condition)
            for part in rows.to_batches():
                yield _to_requested_schema(
                    projected, read, part, downcast_ns_timestamp_to_us=True,
                    projected_missing_fields=missing, allow_timestamp_tz_mismatch=True,
                )  # fmt: skip


def _leaves(schema: Schema) -> set[int]:
    """The ids of all fields; those of lists and maps are those of their parts."""
    return {one for one in schema.field_ids if not isinstance(schema.find_type(one), ListType | MapType)}


def _rows_at_once(file: parquet.ParquetFile) -> int:
    """How many rows have about `BATCH_BYTES` once they are decoded, by what the file's metadata says."""
    metadata = file.metadata
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    widest = max((one.total_byte_size / max(one.num_rows, 1) for one in groups), default=1.0)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(widest, 1.0))))


def in_portions(batches: Iterable[pa.RecordBatch], size_bytes: int) -> Iterator[pa.Table]:
    """The rows of these batches, in portions of at least so many bytes but for the last one."""
    waiting: list[pa.RecordBatch] = []
    waiting_bytes = 0
    for batch in batches:
        waiting.append(batch)
        waiting_bytes += batch.nbytes
        if waiting_bytes >= size_bytes:
            yield pa.Table.from_batches(waiting)
            waiting, waiting_bytes = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)
