"""Reads Arrow's streaming format, also several streams one behind the other."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import ipc

WORD_BYTES = 4
"""A message begins with a mark or a length of so many bytes, which is not zero."""

OTHER_COLUMNS = "it has several streams or files with different columns; upload each by itself"

Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]


def stream_batches(source: pa.BufferReader) -> Batches:
    """The columns, and the batches of all streams, which sinks or `cat` may have joined; PyArrow reads only
    the first.

    This, or the iteration over the batches, raises ValueError or pa.ArrowException if anything but a stream
    with the same columns or zero bytes follows a stream.
    """
    stream = ipc.open_stream(source)
    return stream.schema, _batches(stream, source)


def _batches(stream: ipc.RecordBatchStreamReader, source: pa.BufferReader) -> Iterator[pa.RecordBatch]:
    schema = stream.schema
    yield from stream
    while not _is_over(source):
        stream = ipc.open_stream(source)
        if not stream.schema.equals(schema):
            raise ValueError(OTHER_COLUMNS)
        yield from stream


def _is_over(source: pa.BufferReader) -> bool:
    """Whether only zero bytes are left; otherwise the source stands at what is left."""
    while word := source.read(WORD_BYTES):
        if word.strip(b"\0"):
            source.seek(source.tell() - len(word))
            return False
    return True
