"""Takes one compression off a stream of bytes, in bounded steps.

Streams may follow each other without anything between them, as parallel compressors write them and as files are put
together with `cat`.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import pyarrow as pa

from ingest_project.objects.byte_source import ByteSource

Codec = Literal["gzip", "zstd", "bzip2", "xz"]

STEP_BYTES = 256 * 1024
"""How much is fed in at once: what is left of a step behind the end of a stream is copied."""
GZIP_STEP_BYTES = 16 * 1024
"""The same for gzip, of which parallel compressors and sinks write many short streams."""
OUTPUT_STEP_BYTES = 1024**2
GZIP_HEADER = 16 + zlib.MAX_WBITS
"""What zlib is told to read gzip and nothing else."""
MEMORY_LIMIT_BYTES = 512 * 1024**2
"""What a decoder of xz may take: `xz -9` needs 65 MB, and a header may ask for 4 GB."""
PADDING_UNIT_BYTES = 4
"""Zero bytes behind an xz stream come in fours (the .xz file format, 2.2)."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def decompressed(source: ByteSource, codec: Codec) -> Iterator[bytes]:
    """The content of all streams, a MiB or so at a time.

    Raises OSError if one is cut short or corrupt, or something else stands behind them. What the source raises passes.
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
        while step := stream.read(OUTPUT_STEP_BYTES):
            yield step


def _gzip_steps(source: ByteSource) -> Iterator[bytes]:
    try:
        rest = source.read(GZIP_STEP_BYTES)
        while rest:
            stream = zlib.decompressobj(GZIP_HEADER)
            yield from _gzip_stream(stream, rest, source)
            rest = stream.unused_data or source.read(GZIP_STEP_BYTES)
            if rest.startswith(b"\x00"):
                _pass_over_zeros(rest, source)
                return
    except zlib.error as error:
        raise OSError(str(error)) from error


def _gzip_stream(stream: "zlib._Decompress", rest: bytes, source: ByteSource) -> Iterator[bytes]:
    while not stream.eof:
        rest = rest or source.read(GZIP_STEP_BYTES)
        content = stream.decompress(rest, OUTPUT_STEP_BYTES)
        if content:
            yield content
        elif not rest and not stream.eof:
            raise OSError("it ends within a stream")
        rest = stream.unconsumed_tail


def _pass_over_zeros(rest: bytes, source: ByteSource) -> None:
    """Tapes and block devices pad a file with zero bytes; gzip(1) ignores them too."""
    while rest:
        if rest.strip(b"\x00"):
            raise OSError("something stands behind the zero bytes that follow it")
        rest = source.read(STEP_BYTES)


def _xz_steps(source: ByteSource) -> Iterator[bytes]:
    try:
        yield from _steps(source, lambda: lzma.LZMADecompressor(memlimit=MEMORY_LIMIT_BYTES))
    except lzma.LZMAError as error:
        raise OSError(str(error)) from error


def _steps(source: ByteSource, open_stream: Callable[[], _Decompressor]) -> Iterator[bytes]:
    rest = source.read(STEP_BYTES)
    while rest:
        stream = open_stream()
        while not stream.eof:
            if stream.needs_input and not rest and not (rest := source.read(STEP_BYTES)):
                raise OSError("it ends within a stream")
            step, rest = (rest, b"") if stream.needs_input else (b"", rest)
            if content := stream.decompress(step, OUTPUT_STEP_BYTES):
                yield content
        rest = _behind_padding(stream.unused_data + rest, source)


def _behind_padding(rest: bytes, source: ByteSource) -> bytes:
    """What follows the zero bytes, if anything does."""
    padding_bytes = 0
    while rest := rest or source.read(STEP_BYTES):
        behind = rest.lstrip(b"\x00")
        padding_bytes += len(rest) - len(behind)
        rest = behind
        if behind:
            break
    if padding_bytes % PADDING_UNIT_BYTES:
        raise OSError("the padding behind a stream is cut short")
    return rest
