"""Decompresses a stream of bytes in steps of limited size.

Compressed streams may follow each other directly: parallel compressors write them so, and `cat` joins files
so.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import pyarrow as pa

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.byte_source import ByteSource

Codec = Literal["gzip", "zstd", "bzip2", "xz"]

GZIP_HEADER = 16 + zlib.MAX_WBITS
"""The argument with which zlib reads only gzip."""
PADDING_UNIT_BYTES = 4
"""The number of zero bytes behind an xz stream is a multiple of this (the .xz file format, 2.2)."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def decompressed(source: ByteSource, codec: Codec) -> Iterator[bytes]:
    """The content of all streams, about 1 MiB at a time.

    Raises OSError if one is truncated or corrupt, or if anything else follows them. Exceptions of the source
    pass.
    """
    match codec:
        case "gzip":
            return _gzip_steps(source)
        case "zstd":
            return _zstd_steps(source)
        case "bzip2":
            return _steps(source, bz2.BZ2Decompressor)
        case "xz":
            return _xz_steps(source)


def _zstd_steps(source: ByteSource) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd") as stream:
        while step := stream.read(LIMITS.step.chunk_bytes):
            yield step


def _gzip_steps(source: ByteSource) -> Iterator[bytes]:
    try:
        rest = source.read(LIMITS.step.gzip_bytes)
        while rest:
            stream = zlib.decompressobj(GZIP_HEADER)
            yield from _gzip_stream(stream, rest, source)
            rest = stream.unused_data or source.read(LIMITS.step.gzip_bytes)
            if rest.startswith(b"\x00"):
                _pass_over_zeros(rest, source)
                return
    except zlib.error as error:
        raise OSError(str(error)) from error


def _gzip_stream(stream: "zlib._Decompress", rest: bytes, source: ByteSource) -> Iterator[bytes]:
    while not stream.eof:
        rest = rest or source.read(LIMITS.step.gzip_bytes)
        content = stream.decompress(rest, LIMITS.step.chunk_bytes)
        if content:
            yield content
        elif not rest and not stream.eof:
            raise OSError("it ends within a stream")
        rest = stream.unconsumed_tail


def _pass_over_zeros(rest: bytes, source: ByteSource) -> None:
    """Raises OSError if other bytes follow: tapes and block devices pad a file with zeros, which gzip(1)
    ignores.
    """
    while rest:
        if rest.strip(b"\x00"):
            raise OSError("other data follows the zero bytes behind it")
        rest = source.read(LIMITS.step.compressed_bytes)


def _xz_steps(source: ByteSource) -> Iterator[bytes]:
    try:
        yield from _steps(source, lambda: lzma.LZMADecompressor(memlimit=LIMITS.unpack.xz_decoder_bytes))
    except lzma.LZMAError as error:
        raise OSError(str(error)) from error


def _steps(source: ByteSource, open_stream: Callable[[], _Decompressor]) -> Iterator[bytes]:
    rest = source.read(LIMITS.step.compressed_bytes)
    while rest:
        stream = open_stream()
        while not stream.eof:
            if stream.needs_input and not rest and not (rest := source.read(LIMITS.step.compressed_bytes)):
                raise OSError("it ends within a stream")
            step, rest = (rest, b"") if stream.needs_input else (b"", rest)
            if content := stream.decompress(step, LIMITS.step.chunk_bytes):
                yield content
        rest = _behind_padding(stream.unused_data + rest, source)


def _behind_padding(rest: bytes, source: ByteSource) -> bytes:
    """The bytes that follow the zero bytes; empty at the end."""
    padding_bytes = 0
    while rest := rest or source.read(LIMITS.step.compressed_bytes):
        behind = rest.lstrip(b"\x00")
        padding_bytes += len(rest) - len(behind)
        rest = behind
        if behind:
            break
    if padding_bytes % PADDING_UNIT_BYTES:
        raise OSError("the padding behind a stream is truncated")
    return rest
