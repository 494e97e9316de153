"""Reads Arrow's file format, also several files one behind the other.

A file is read from its end: the footer says where its batches lie, counted from the file's start. In files
that were joined with `cat`, PyArrow would apply the footer of the last file to the first.
"""

import re
import struct
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import ipc

from ingest_project.reading.formats.arrow.arrow_streams import OTHER_COLUMNS, Batches

MAGIC = b"ARROW1"
OPENING = MAGIC + b"\0\0"
CLOSING_BYTES = 4 + len(MAGIC)
"""Behind the footer stand its length and the magic bytes again."""
SEAM = re.compile(MAGIC + OPENING)
MAX_GAP_BYTES = 128
"""Between the last batch and the footer are an end mark and padding, less than the smallest file."""
BLOCK_LISTS = (2, 3)
"""Which fields of the footer's table list the dictionaries and the batches (Arrow's format/File.fbs)."""
BLOCK = struct.Struct("<qi4xq")
"""The start of a message, and the sizes of its two parts."""


def file_batches(source: pa.Buffer) -> Batches:
    """The columns, and the batches of all files.

    This, or the iteration over the batches, raises ValueError or pa.ArrowException if the source is not files
    with the same columns.
    """
    readers = [ipc.open_file(one) for one in reversed([*_files_from_the_last(source)])]
    schema = readers[0].schema
    if not all(one.schema.equals(schema) for one in readers):
        raise ValueError(OTHER_COLUMNS)
    return schema, (one.get_batch(place) for one in readers for place in range(one.num_record_batches))


def _files_from_the_last(source: pa.Buffer) -> Iterator[pa.Buffer]:
    body = source
    while body.size:
        ipc.open_file(body)  # raises if there is no footer
        start = _start_of_last(body)
        yield body.slice(start)
        body = body.slice(0, start)


def _start_of_last(body: pa.Buffer) -> int:
    footer_end = body.size - CLOSING_BYTES
    (footer_bytes,) = struct.unpack("<i", body.slice(footer_end, 4).to_pybytes())
    footer_start = footer_end - footer_bytes
    batches_bytes = _end_of_blocks(body.slice(footer_start, footer_bytes).to_pybytes())
    # Without a batch only the schema stands before the footer, which repeats it.
    reach_bytes = MAX_GAP_BYTES if batches_bytes else MAX_GAP_BYTES + 2 * footer_bytes
    latest = max(footer_start - batches_bytes, 0)
    first = max(latest - reach_bytes, 0)
    found = body.slice(first, latest - first + len(OPENING)).to_pybytes().rfind(OPENING)
    if found >= 0:
        return int(first + found)
    if SEAM.search(body):
        raise ValueError("it has several Arrow files that cannot be separated; upload each by itself")
    return 0


def _end_of_blocks(footer: bytes) -> int:
    """The end of the file's last dictionary or batch; 0 if it has none. PyArrow has verified the footer."""
    (table,) = struct.unpack_from("<I", footer)
    fields = table - struct.unpack_from("<i", footer, table)[0]
    (fields_bytes,) = struct.unpack_from("<H", footer, fields)
    end = 0
    for place in (4 + 2 * one for one in BLOCK_LISTS):
        offset = struct.unpack_from("<H", footer, fields + place)[0] if place < fields_bytes else 0
        if offset:
            blocks = table + offset + struct.unpack_from("<I", footer, table + offset)[0]
            (count,) = struct.unpack_from("<I", footer, blocks)
            found = (BLOCK.unpack_from(footer, blocks + 4 + BLOCK.size * one) for one in range(count))
            end = max([end, *(sum(block) for block in found)])
    return end
