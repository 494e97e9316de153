"""Writes rows as Parquet data files in the warehouse, which are not part of a snapshot yet."""

import itertools
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.io.fileformat import FileFormatFactory
from pyiceberg.io.pyarrow import _to_requested_schema, pyarrow_to_schema
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import sanitize_column_names
from pyiceberg.table import TableProperties
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Record
from pyiceberg.utils.properties import property_as_int

from ingest_project.errors import RowsRefused
from ingest_project.iceberg.data_locations import with_short_locations
from ingest_project.iceberg.field_path import field_path
from ingest_project.iceberg.partitioned_rows import PartitionedRows, by_partition
from ingest_project.iceberg.projection import keep_null_lists
from ingest_project.iceberg.recorded_outputs import RecordedOutputs
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.rows_to_schema import arrow_type, rows_to_schema
from ingest_project.iceberg.writer_properties import with_writer_properties

WRITERS = os.cpu_count() or 1
"""How many files of a call are written at once: Parquet is encoded and compressed on one core each."""


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
    by_layout = with_short_locations(with_writer_properties(metadata))
    rows = _with_sources(rows, metadata)
    parts = by_partition(rows, metadata.spec(), metadata.schema())
    files = (one for part in parts for one in _files(part, by_layout))
    written = _written(_in_parallel(files, _FileWriter(by_layout, io, rows.schema).write), metadata.spec())
    if written.rows != rows.num_rows:
        raise RowsRefused(name, f"{rows.num_rows} rows became {written.rows} in its data files")
    return written


class _FileWriter:
    """Writes data files of one call, each with a name of its own, also if several threads ask at once."""

    def __init__(self, metadata: TableMetadata, io: FileIO, rows: pa.Schema) -> None:
        self._metadata = metadata
        self._io = io
        self._rows = pyarrow_to_schema(
            rows, name_mapping=metadata.schema().name_mapping, format_version=metadata.format_version
        )
        self._schema = sanitize_column_names(metadata.schema())
        self._format = FileFormatFactory.get(FileFormat.PARQUET)
        self._locations = load_location_provider(metadata.location, metadata.properties)
        # One uuid a call: two attempts never have a file of the same name, so each may be deleted alone.
        self._uuid = uuid.uuid4()
        self._numbers = itertools.count()

    def write(self, part: PartitionedRows) -> DataFile:
        """Writes the rows as one file."""
        name = f"00000-{next(self._numbers)}-{self._uuid}.{self._format.file_extension()}"
        output = self._io.new_output(self._locations.new_data_location(name, part.key))
        writer = self._format.create_writer(output, self._schema, self._metadata.properties)
        with writer:
            writer.write(self._projected(part.rows))
        return DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=output.location,
            file_format=FileFormat.PARQUET,
            partition=part.key.partition if part.key else Record(),
            file_size_in_bytes=len(output),
            sort_order_id=None,
            spec_id=self._metadata.default_spec_id,
            equality_ids=None,
            key_metadata=None,
            **writer.result().to_serialized_dict(),
        )

    def _projected(self, rows: pa.Table) -> pa.Table:
        """The rows with the columns, types and field ids of the table."""
        return pa.Table.from_batches(
            _to_requested_schema(
                self._schema, self._rows, batch, include_field_ids=True, format_model=self._format
            )
            for batch in rows.to_batches()
        )


def _files(part: PartitionedRows, metadata: TableMetadata) -> Iterator[PartitionedRows]:
    """The part, in as many files as the table's target size asks for; PyIceberg measures it in memory."""
    target_bytes = property_as_int(
        metadata.properties,
        TableProperties.WRITE_TARGET_FILE_SIZE_BYTES,
        TableProperties.WRITE_TARGET_FILE_SIZE_BYTES_DEFAULT,
    )
    height = part.rows.num_rows
    file_rows = max(height * (target_bytes or 1) // max(part.rows.nbytes, 1), 1)
    for start in range(0, height, file_rows):
        yield replace(part, rows=part.rows.slice(start, file_rows))


def _in_parallel(
    parts: Iterable[PartitionedRows], write: Callable[[PartitionedRows], DataFile]
) -> Iterator[DataFile]:
    """The files of all parts. Only `WRITERS` of them, and one more, are held at once.

    When it raises, no other file is being written any more.
    """
    with ThreadPoolExecutor(WRITERS) as writers:
        pending: deque[Future[DataFile]] = deque()
        for part in parts:
            pending.append(writers.submit(write, part))
            if len(pending) > WRITERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _with_sources(rows: pa.Table, metadata: TableMetadata) -> pa.Table:
    """The rows, with null columns for those that the partition spec reads."""
    for column in (field_path(metadata.schema(), part.source_id)[0] for part in metadata.spec().fields):
        if column.name not in rows.column_names:
            nulls: pa.Array[Any] = pa.array([None] * rows.num_rows, arrow_type(column))
            rows = rows.append_column(column.name, nulls)
    return rows


def _written(data_files: Iterable[DataFile], spec: PartitionSpec) -> WrittenFiles:
    files = tuple(data_files)
    rows = sum(file.record_count for file in files)
    return WrittenFiles(rows, sum(file.file_size_in_bytes for file in files), spec, files)
