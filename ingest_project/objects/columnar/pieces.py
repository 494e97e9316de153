"""Cuts Parquet and Arrow files into frames: a file that brings its own schema cannot be cut as bytes."""

import mmap
from collections.abc import Collection, Iterable, Iterator
from typing import IO, Literal

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError
from pyarrow import parquet as pq

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columnar.arrow_files import MAGIC, file_batches
from ingest_project.objects.columnar.arrow_frames import checked_frame
from ingest_project.objects.columnar.arrow_streams import Batches, stream_batches
from ingest_project.objects.columnar.decoded_size import parquet_bytes
from ingest_project.objects.columnar.parquet_batches import MAX_BATCH_ROWS, parquet_batches
from ingest_project.objects.piece import Limits
from ingest_project.objects.spool import spooled

BATCHES_OF_A_PIECE = 16
"""About: a piece is put together of batches, by what these turn out to take."""
READ_BYTES = 1024**2
FAULTS = (pa.ArrowException, PolarsError, PanicException, OSError, ValueError, NotImplementedError)


def columnar_pieces(
    chunks: Iterable[bytes],
    file_format: Literal["parquet", "ipc"],
    limits: Limits,
    uri: str,
    *,
    passed_over: Collection[str] = (),
) -> Iterator[tuple[pl.DataFrame, int]]:
    """The file's rows in frames, at least one, and the number of each frame's first row.

    Columns that are `passed_over` may be of any type, and be nulls.

    Goes by a temporary file. Held as a whole are one page of each column of a Parquet file, and one batch of an Arrow
    file if it is compressed. Raises ObjectUnreadable if it is no such file.
    """
    with spooled(chunks, uri) as file:
        tables = _tables(file, file_format, limits.piece_bytes)
        frames = (checked_frame(table, passed_over) for table in tables)
        first_row = 1
        while (frame := _next(frames, file_format, uri)) is not None:
            height = frame.height
            yield frame, first_row
            first_row += height


def _next(frames: Iterator[pl.DataFrame], file_format: str, uri: str) -> pl.DataFrame | None:
    try:
        return next(frames, None)
    except FAULTS as error:
        reason = str(error).partition("\n")[0][:200]
        raise ObjectUnreadable(uri, f"it is no {file_format} file: {reason}") from error


def _tables(file: IO[bytes], file_format: Literal["parquet", "ipc"], piece_bytes: int) -> Iterator[pa.Table]:
    open_batches = _parquet_batches if file_format == "parquet" else _arrow_batches
    schema, batches = open_batches(file, piece_bytes // BATCHES_OF_A_PIECE)
    pending: list[pa.RecordBatch] = []
    size_bytes = pieces = 0
    for batch in batches:
        pending.append(batch)
        size_bytes += batch.nbytes
        if size_bytes >= piece_bytes:
            table = pa.Table.from_batches(pending)
            pending.clear()
            size_bytes, pieces = 0, pieces + 1
            yield table
            del table
    if pending or not pieces:
        yield pa.Table.from_batches(pending, schema)


def _parquet_batches(file: IO[bytes], batch_bytes: int) -> Batches:
    parquet = pq.ParquetFile(file, buffer_size=READ_BYTES, pre_buffer=False)
    rows = _batch_rows(parquet.metadata.num_rows, parquet_bytes(parquet.metadata), batch_bytes)
    return parquet.schema_arrow, parquet_batches(parquet, rows=rows)


def _arrow_batches(file: IO[bytes], batch_bytes: int) -> Batches:
    """Of Arrow's two formats the file or the stream: mapped, as a batch may be as large as the file."""
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    source = pa.py_buffer(mapped)
    is_file = mapped[: len(MAGIC)] == MAGIC
    schema, batches = file_batches(source) if is_file else stream_batches(pa.BufferReader(source))
    return schema, _slices(batches, mapped, batch_bytes)


def _slices(
    batches: Iterable[pa.RecordBatch], mapped: mmap.mmap, batch_bytes: int
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)  # of a slice, less can be told
        rows = _batch_rows(batch.num_rows, batch.nbytes, batch_bytes)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
            # What was read of the mapping would count as this process's memory; it is read again if need be.
            mapped.madvise(mmap.MADV_DONTNEED)


def _batch_rows(rows: int, size_bytes: int, batch_bytes: int) -> int:
    return min(max(rows * batch_bytes // max(size_bytes, 1), 1), MAX_BATCH_ROWS)
