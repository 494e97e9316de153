"""Cuts Parquet and Arrow files into frames: a file that brings its own schema cannot be cut as bytes."""

import mmap
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from typing import IO

import pyarrow as pa

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.arrow.arrow_files import MAGIC, file_batches
from ingest_project.reading.formats.arrow.arrow_frames import (
    checked_frame,
    known_schema,
    without_passed_over,
)
from ingest_project.reading.formats.arrow.arrow_streams import Batches, stream_batches
from ingest_project.reading.formats.arrow.decoded_size import parquet_bytes
from ingest_project.reading.formats.arrow.invalid_values import plain_form
from ingest_project.reading.formats.arrow.parquet_file import open_parquet, refuse_variants
from ingest_project.reading.formats.typed_files import Checked, unreadable
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import FramePiece
from ingest_project.reading.unpack.spool import spooled
from ingest_project.settings.formats import TableFormat

OpenBatches = Callable[[IO[bytes], int], Batches]
"""Opens a file, to be read in batches of about so many bytes."""


def parquet_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[FramePiece]:
    """The rows of a Parquet file, as `batched_pieces` yields them. One page of each column is held."""
    open_batches = partial(_parquet_batches, options.passed_over)
    return batched_pieces(chunks, "parquet", open_batches, options=options, limits=limits, uri=uri)


def ipc_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[FramePiece]:
    """The rows of an Arrow file or stream in frames. One batch is held as a whole if it is compressed."""
    open_batches = partial(_arrow_batches, options.passed_over)
    return batched_pieces(chunks, "ipc", open_batches, options=options, limits=limits, uri=uri)


def batched_pieces(
    chunks: Iterable[bytes],
    file_format: TableFormat,
    open_batches: OpenBatches,
    *,
    options: FormatOptions,
    limits: PieceLimits,
    uri: str,
) -> Iterator[FramePiece]:
    """The file's rows in frames, at least one, and the number of each frame's first row.

    The file is written to a temporary file. Raises ObjectUnreadable if it is not a file of the format.
    """
    with spooled(chunks, uri) as file:
        tables = _tables(file, open_batches, limits.piece_bytes)
        frames = (checked_frame(table, options.passed_over) for table in tables)
        first_row = 1
        while (checked := _next(frames, file_format, uri)) is not None:
            height = checked.frame.height
            yield FramePiece(checked.frame, first_row, checked.faults)
            del checked
            first_row += height


def _next(frames: Iterator[Checked], file_format: TableFormat, uri: str) -> Checked | None:
    with unreadable(file_format, uri):
        return next(frames, None)


def _tables(file: IO[bytes], open_batches: OpenBatches, piece_bytes: int) -> Iterator[pa.Table]:
    schema, batches = open_batches(file, piece_bytes // LIMITS.step.batches_per_piece)
    pending: list[pa.RecordBatch] = []
    size_bytes = pieces = 0
    for batch in batches:
        pending.append(batch)
        size_bytes += batch.nbytes + batch.num_rows * LIMITS.step.row_bytes
        if size_bytes >= piece_bytes:
            table = pa.Table.from_batches(pending)
            pending.clear()
            size_bytes, pieces = 0, pieces + 1
            yield table
            del table
    if pending or not pieces:
        yield pa.Table.from_batches(pending, schema)


def _parquet_batches(passed_over: Container[str], file: IO[bytes], batch_bytes: int) -> Batches:
    parquet = open_parquet(file, buffer_size=LIMITS.step.chunk_bytes, pre_buffer=False)
    refuse_variants(parquet.file, passed_over)
    metadata = parquet.file.metadata
    rows = _batch_rows(metadata.num_rows, parquet_bytes(metadata), batch_bytes)
    return parquet.schema, parquet.batches(rows=rows)


def _arrow_batches(passed_over: Container[str], file: IO[bytes], batch_bytes: int) -> Batches:
    """The batches of an Arrow file or stream, which is mapped because a batch may be as large as the file.

    Unions are refused at once, or become nulls: PyArrow 26 ends the process for the size of an empty one.
    """
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    source = pa.py_buffer(mapped)
    is_file = mapped[: len(MAGIC)] == MAGIC
    schema, batches = file_batches(source) if is_file else stream_batches(pa.BufferReader(source))
    known = known_schema(schema, passed_over)
    return known, _slices((without_passed_over(one, passed_over) for one in batches), mapped, batch_bytes)


def _slices(
    batches: Iterable[pa.RecordBatch], mapped: mmap.mmap, batch_bytes: int
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        _validate(batch)
        rows = _batch_rows(batch.num_rows, batch.nbytes, batch_bytes)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
            # Pages that were read count as memory of this process; if needed they are read again.
            mapped.madvise(mmap.MADV_DONTNEED)


def _validate(batch: pa.RecordBatch) -> None:
    """Raises pa.ArrowException if the batch is damaged: a slice can be validated less.

    Values that are not valid for their type are found later, row by row.
    """
    for values in batch.columns:
        try:
            values.validate(full=True)
        except pa.ArrowInvalid:
            plain_form(values)


def _batch_rows(rows: int, size_bytes: int, batch_bytes: int) -> int:
    return min(max(rows * batch_bytes // max(size_bytes, 1), 1), LIMITS.step.batch_rows)
