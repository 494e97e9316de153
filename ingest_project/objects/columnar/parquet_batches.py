"""Reads the rows of a Parquet file a batch at a time."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet as pq

MAX_BATCH_ROWS = 65_536


def parquet_batches(file: pq.ParquetFile, *, rows: int = MAX_BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """All rows, at most so many at once, none of two row groups together.

    PyArrow refuses dictionaries within structs and lists if they are of several: each group has its own.
    """
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=rows, row_groups=[group])
