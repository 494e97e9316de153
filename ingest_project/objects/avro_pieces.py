"""Cuts Avro files at their blocks: each piece is an Avro file by itself, with the header of the whole.

The layout is that of https://avro.apache.org/docs/1.12.0/specification/#object-container-files.
"""

from collections.abc import Iterable, Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.decoded_size import AVRO_EXPANSION
from ingest_project.objects.piece import Limits, Piece

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
LONG_BYTES = 10
"""A long is spelled in ten bytes at most."""
MAX_HEADER_BYTES = 16 * 1024**2
MAX_BLOCK_BYTES = 256 * 1024**2
"""Writers make blocks of some KB; of 64 MB at most, if told to."""


def avro_pieces(chunks: Iterable[bytes], limits: Limits, uri: str) -> Iterator[Piece]:
    """The file in pieces of whole blocks, at least one; `first_line` is the number of a piece's first row.

    Raises ObjectUnreadable if it is no Avro file, is cut short, or has a block or header that is too large.
    """
    avro = _AvroFile(chunks, uri)
    first_line, rows, size_bytes = 1, 0, 0
    blocks: list[bytes] = []
    for block_rows, block in avro.blocks():
        blocks.append(block)
        rows += block_rows
        size_bytes += len(block)
        if size_bytes * AVRO_EXPANSION >= limits.piece_bytes:
            body = b"".join([avro.header, *blocks])
            blocks.clear()
            yield Piece(body, first_line)
            first_line, rows, size_bytes = first_line + rows, 0, 0
    if blocks or first_line == 1:
        yield Piece(b"".join([avro.header, *blocks]), first_line)


class _AvroFile:
    """An Avro file, read from its start."""

    def __init__(self, chunks: Iterable[bytes], uri: str) -> None:
        self._source = ByteSource(chunks)
        self._uri = uri
        self._header: list[bytes] = []
        self._read_header()
        self.header = b"".join(self._header)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """The number of rows of each block, and its bytes."""
        sync = self.header[-SYNC_BYTES:]
        while self._source.peek(1):
            rows, spelled_rows = self._long()
            size_bytes, spelled_size = self._long()
            if rows < 0 or not 0 <= size_bytes <= MAX_BLOCK_BYTES:
                raise self._fault(f"a block says that it has {rows:,} rows and {size_bytes:,} bytes")
            content = self._read(size_bytes)
            if self._read(SYNC_BYTES) != sync:
                raise self._fault("a block does not end in the file's marker")
            yield rows, b"".join((spelled_rows, spelled_size, content, sync))

    def _read_header(self) -> None:
        if self._keep(len(MAGIC)) != MAGIC:
            raise self._fault("it does not begin like one")
        while count := self._kept_long():
            if count < 0:  # the size of the entries follows
                self._kept_long()
            for _ in range(2 * abs(count)):  # keys and values
                self._keep(self._kept_long())
        self._keep(SYNC_BYTES)

    def _kept_long(self) -> int:
        value, spelled = self._long()
        self._header.append(spelled)
        return value

    def _keep(self, size_bytes: int) -> bytes:
        if not 0 <= size_bytes <= MAX_HEADER_BYTES - sum(map(len, self._header)):
            raise self._fault("its header is corrupt or too large")
        self._header.append(self._read(size_bytes))
        return self._header[-1]

    def _long(self) -> tuple[int, bytes]:
        """A number and how it is spelled: zigzag, seven bits a byte, the lowest first."""
        value = 0
        spelled = self._source.peek(LONG_BYTES)
        for place, byte in enumerate(spelled):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1), self._read(place + 1)
        raise self._fault("it is cut short or corrupt")

    def _read(self, size_bytes: int) -> bytes:
        content = self._source.read_all(size_bytes)
        if len(content) < size_bytes:
            raise self._fault("it is cut short")
        return content

    def _fault(self, reason: str) -> ObjectUnreadable:
        return ObjectUnreadable(self._uri, f"it is no avro file: {reason}")
