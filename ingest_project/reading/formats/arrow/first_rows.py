"""Makes a small file of the first rows of a large Parquet or Arrow file, for a preview."""

import io

import pyarrow as pa
from pyarrow import ipc
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.parquet_file import open_parquet
from ingest_project.reading.formats.arrow.sound_rows import NOTED

ROWS = 10_000
ARROW_STREAM = b"\xff\xff\xff\xff"
"""How each message of Arrow's stream format begins."""


def of_parquet(file: io.BufferedReader, _start: bytes) -> bytes:
    """A Parquet file of the first rows."""
    out = io.BytesIO()
    parquet = open_parquet(file)
    batch = next(parquet.batches(rows=ROWS), None)
    table = parquet.schema.empty_table() if batch is None else pa.Table.from_batches([batch])
    pq.write_table(table if parquet.is_plain else table.drop_columns([NOTED]), out)
    return out.getvalue()


def of_ipc(file: io.BufferedReader, start: bytes) -> bytes:
    """An Arrow file of the first rows of an Arrow file or stream."""
    out = io.BytesIO()
    if start.startswith(ARROW_STREAM):
        with ipc.open_stream(file) as stream:
            schema, first = stream.schema, next(iter(stream), None)
    else:
        with ipc.open_file(file) as reader:
            schema, first = reader.schema, reader.get_batch(0) if reader.num_record_batches else None
    with ipc.new_file(out, schema) as writer:
        if first is not None:
            writer.write_batch(first.slice(0, ROWS))
    return out.getvalue()
