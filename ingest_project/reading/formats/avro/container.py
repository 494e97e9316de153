"""Reads Avro's object container file: a header with the schema, then blocks of records, each readable by
itself.

https://avro.apache.org/docs/1.12.0/specification/#object-container-files. A header with whole blocks is a
file again.
"""

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.byte_source import ByteSource

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_VARINT_BYTES = 10
SNAPPY_EXPANSION = 32
"""More than snappy can expand: its longest copy makes 64 bytes of 3."""


@dataclass(frozen=True, slots=True)
class AvroHeader:
    """`schema` is the writer's, as JSON has it; `sync` ends the header and each block."""

    schema: object
    codec: str
    sync: bytes = field(repr=False)

    def encoded(self) -> bytes:
        """The header's bytes."""
        metadata = {"avro.schema": json.dumps(self.schema).encode(), "avro.codec": self.codec.encode()}
        entries = b"".join(_sized(key.encode()) + _sized(value) for key, value in metadata.items())
        return MAGIC + encoded_number(len(metadata)) + entries + encoded_number(0) + self.sync


@dataclass(frozen=True, slots=True)
class AvroBlock:
    """`rows` records, as the codec compressed them."""

    rows: int
    data: bytes = field(repr=False)

    def encoded(self, sync: bytes) -> bytes:
        """The block's bytes in a file whose header has this sync mark."""
        return encoded_number(self.rows) + _sized(self.data) + sync


def read_header(file: ByteSource) -> AvroHeader:
    """The header at the start of the file, which then stands at the first block.

    Raises ValueError if it is invalid.
    """
    if file.read_all(len(MAGIC)) != MAGIC:
        raise ValueError("it does not begin with the magic bytes of Avro")
    metadata: dict[str, bytes] = {}
    left_bytes = LIMITS.avro.header_bytes
    while count := _read_varint(file):
        if count < 0:  # then the size of the entries follows
            _read_varint(file)
        for _ in range(abs(count)):
            key = _read_sized(file, left_bytes)
            value = _read_sized(file, left_bytes - len(key))
            left_bytes -= len(key) + len(value)
            metadata[key.decode()] = value
    try:
        schema = json.loads(metadata.get("avro.schema", b"null"))
    except RecursionError as error:
        raise ValueError("its schema is not a valid Avro schema") from error
    return AvroHeader(schema, metadata.get("avro.codec", b"null").decode(), _read_exactly(file, SYNC_BYTES))


def read_blocks(file: ByteSource, header: AvroHeader) -> Iterator[AvroBlock]:
    """The blocks up to the end of the file. Raises ValueError if one is truncated or damaged."""
    while first := file.read(1):
        rows = _read_varint(file, first)
        data = _read_sized(file, LIMITS.avro.block_bytes)
        if rows < 0 or _read_exactly(file, SYNC_BYTES) != header.sync:
            raise ValueError("a block in it does not end where it should")
        yield AvroBlock(rows, data)


def unpacked(data: bytes, codec: str, limit_bytes: int) -> bytes:
    """A block's bytes without compression. Raises ValueError if they are corrupt or exceed `limit_bytes`."""
    unpack = CODECS.get(codec)
    if unpack is None:
        raise ValueError(f"its codec {codec!r} is not one of {', '.join(CODECS)}")
    try:
        plain = unpack(data, limit_bytes + 1)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"a block in it is not valid {codec} data") from error
    if len(plain) > limit_bytes:
        raise ValueError(f"it has more than {limit_bytes} bytes without compression")
    return plain


def _deflate(data: bytes, limit: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, limit)


def _snappy(data: bytes, limit: int) -> bytes:
    size, position, shift = 0, 0, 0
    while position < len(data):
        byte = data[position]
        size |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            break
    if size >= limit or size > len(data) * SNAPPY_EXPANSION:
        raise OSError("its size")
    checksum_bytes = 4
    plain: bytes = pa.Codec("snappy").decompress(data[:-checksum_bytes], decompressed_size=size, asbytes=True)
    if zlib.crc32(plain).to_bytes(checksum_bytes, "big") != data[-checksum_bytes:]:
        raise OSError("checksum")
    return plain


def _zstandard(data: bytes, limit: int) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        plain: bytes = stream.read(limit)
        return plain


CODECS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = MappingProxyType(
    {
        "null": lambda data, _: data,
        "deflate": _deflate,
        "snappy": _snappy,
        "zstandard": _zstandard,
        "bzip2": lambda data, limit: bz2.BZ2Decompressor().decompress(data, limit),
        "xz": lambda data, limit: lzma.LZMADecompressor().decompress(data, limit),
    }
)


def _read_varint(file: ByteSource, first: bytes = b"") -> int:
    """A zigzag number of variable length. Raises ValueError if it is too long."""
    value = 0
    for place in range(MAX_VARINT_BYTES):
        byte = (first if place == 0 and first else _read_exactly(file, 1))[0]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
    raise ValueError("a number in it does not end")


def _read_sized(file: ByteSource, limit_bytes: int) -> bytes:
    size = _read_varint(file)
    if not 0 <= size <= limit_bytes:
        raise ValueError(f"a length in it is {size:,} bytes")
    return _read_exactly(file, size)


def _read_exactly(file: ByteSource, size: int) -> bytes:
    data = file.read_all(size)
    if len(data) < size:
        raise ValueError("it is truncated")
    return data


def encoded_number(value: int) -> bytes:
    """A number as Avro encodes it."""
    encoded = bytearray()
    zigzag = value << 1 if value >= 0 else ~(value << 1)
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def _sized(data: bytes) -> bytes:
    return encoded_number(len(data)) + data
