"""Reads bzip2, xz and lzma streams in bounded steps, one behind the other as parallel compressors write them."""

import bz2
import io
import lzma
import re
from collections.abc import Callable
from typing import Protocol

STEP_BYTES = 256 * 1024
"""How much is fed in at once: what is left of a step behind the end of a stream is copied."""
OUTPUT_STEP_BYTES = 8 * 1024**2
MEMORY_LIMIT_BYTES = 512 * 1024**2
"""What a decoder of xz may take: `xz -9` needs 65 MB, and a header may ask for 4 GB."""
PADDING = re.compile(rb"(?:\x00{4})*+")
"""Zero bytes behind an xz stream come in fours (the .xz file format, 2.2)."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def read_bzip2(body: bytes, size_bytes: int) -> bytes:
    """The content of all streams, at most so many bytes of it. Raises OSError if one is cut short or corrupt."""
    return _read_streams(body, bz2.BZ2Decompressor, size_bytes)


def read_xz(body: bytes, size_bytes: int) -> bytes:
    """The content of all xz or lzma streams, at most so many bytes. Raises OSError if one is cut short or corrupt."""

    def open_stream() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(memlimit=MEMORY_LIMIT_BYTES)

    try:
        return _read_streams(body, open_stream, size_bytes)
    except lzma.LZMAError as error:
        raise OSError(str(error)) from error


def _read_streams(body: bytes, open_stream: Callable[[], _Decompressor], size_bytes: int) -> bytes:
    content = io.BytesIO()
    position = 0
    while position < len(body) and content.tell() < size_bytes:
        position = _read_stream(body, position, open_stream(), content, size_bytes)
        position += _padding(body, position)
    return content.getvalue()


def _read_stream(
    body: bytes, position: int, stream: _Decompressor, content: io.BytesIO, size_bytes: int
) -> int:
    """Where the stream ends that starts at this position, or any place before if the content has its size."""
    while not stream.eof and (left := size_bytes - content.tell()) > 0:
        step = body[position : position + STEP_BYTES] if stream.needs_input else b""
        if stream.needs_input and not step:
            raise OSError("it ends within a stream")
        position += len(step)
        content.write(stream.decompress(step, min(left, OUTPUT_STEP_BYTES)))
    return position - len(stream.unused_data) if stream.eof else position


def _padding(body: bytes, position: int) -> int:
    """How many bytes of padding stand here; those of no whole unit are left to be refused as a stream."""
    match = PADDING.match(body, position)
    return len(match[0]) if match else 0
