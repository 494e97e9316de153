"""The first rows of large files that bring their own schema, as small files of their own."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_project.aws import Aws
from ingest_project.errors import ObjectUnreadable
from ingest_project.events.object_version import ObjectVersion
from ingest_project.preview.range_file import RangeFile, read_range

ROWS = 10_000
BUFFER_BYTES = 1024**2
ARROW_STREAM = b"\xff\xff\xff\xff"
"""How each message of Arrow's stream format begins."""
MAGICS = (b"PAR1", b"ARROW1", ARROW_STREAM, b"Obj\x01")
SYNC_BYTES = 16
"""Avro writes 16 bytes of its own choice behind its header and behind each block; so a file ends in them."""


def first_rows(aws: Aws, one: ObjectVersion, start: bytes) -> bytes:
    """A file of the same format and schema as the object whose first bytes these are. Raises ObjectError."""
    if start.startswith(b"Obj\x01"):
        sync = read_range(aws, one, one.size_bytes - SYNC_BYTES, SYNC_BYTES)
        end = start.rfind(sync)
        if end < 0:
            raise ObjectUnreadable(
                one.uri, "it is cut short or corrupt, or its first block is too large to preview"
            )
        return start[: end + SYNC_BYTES]
    read = _of_parquet if start.startswith(b"PAR1") else _of_arrow
    try:
        return read(io.BufferedReader(RangeFile(aws, one), BUFFER_BYTES))
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ObjectUnreadable(one.uri, f"it is cut short or corrupt: {reason}") from error


def _of_parquet(file: io.BufferedReader) -> bytes:
    out = io.BytesIO()
    parquet = pq.ParquetFile(file)
    batch = next(parquet.iter_batches(batch_size=ROWS), None)
    table = parquet.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])
    pq.write_table(table, out)
    return out.getvalue()


def _of_arrow(file: io.BufferedReader) -> bytes:
    out = io.BytesIO()
    if file.peek(len(ARROW_STREAM)).startswith(ARROW_STREAM):
        with pa.ipc.open_stream(file) as stream:
            schema, first = stream.schema, next(iter(stream), None)
    else:
        with pa.ipc.open_file(file) as reader:
            schema, first = reader.schema, reader.get_batch(0) if reader.num_record_batches else None
    with pa.ipc.new_file(out, schema) as writer:
        if first is not None:
            writer.write_batch(first.slice(0, ROWS))
    return out.getvalue()
