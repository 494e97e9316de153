"""Reads Arrow's streaming format, also several streams one behind the other."""

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import ipc

WORD_BYTES = 4
"""A message opens with a mark or a length of so many bytes, which is not zero."""

OTHER_COLUMNS = "it holds several streams or files, and they differ in their columns; upload each by itself"

Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]


def stream_batches(source: pa.BufferReader) -> Batches:
    """The columns, and the batches of all streams: sinks put them together, as `cat` does, and PyArrow reads the first.

    This, or the reading of the batches, raises ValueError or pa.ArrowException if something else than a stream of the
    same columns or zero bytes stands behind one.
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
    """Whether nothing but zero bytes is left; else what is left comes next."""
    while word := source.read(WORD_BYTES):
        if word.strip(b"\0"):
            source.seek(source.tell() - len(word))
            return False
    return True
