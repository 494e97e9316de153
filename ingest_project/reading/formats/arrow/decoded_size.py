"""Estimates the memory that the rows of a Parquet or Arrow file take; these are compressed inside."""

import pyarrow as pa
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.parquet_footer import metadata_of
from ingest_project.reading.formats.arrow.reader import batches_of
from ingest_project.reading.limits import LIMITS

VALUE_BYTES = 8
"""About the least memory that a value of Parquet takes; encoded, a million equal values take a few bytes."""
ARROW_EXPANSION = 3
"""How far zstd usually compresses an Arrow file, which does not tell its decoded size."""


def ipc_body_bytes(body: bytes) -> int:
    """An estimate from the size of an Arrow file or stream, and from its rows.

    Rows of nulls, or of equal values, may take no bytes. Only the batches tell their rows.
    """
    try:
        schema, batches = batches_of(body)
        rows = sum(batch.num_rows for batch in batches)
    except (pa.ArrowException, OSError, ValueError):  # the reader reports it
        return len(body)
    return ARROW_EXPANSION * len(body) + _row_bytes(rows, len(schema))


def parquet_body_bytes(body: bytes) -> int:
    """About the least memory that the rows of a Parquet file take; the file's size if it is damaged."""
    try:
        return parquet_bytes(metadata_of(pa.BufferReader(body)))
    except (pa.ArrowException, OSError, ValueError):  # the reader reports it
        return len(body)


def parquet_bytes(metadata: pq.FileMetaData) -> int:
    """About the least memory that the rows of a Parquet file take."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    encoded_bytes = sum(group.total_byte_size for group in groups)
    rows_bytes = _row_bytes(metadata.num_rows, metadata.num_columns)
    return max(encoded_bytes + metadata.num_rows * LIMITS.step.row_bytes, rows_bytes)


def _row_bytes(rows: int, columns: int) -> int:
    """About the least memory that so many rows take."""
    return rows * (LIMITS.step.row_bytes + VALUE_BYTES * columns)
