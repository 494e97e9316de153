"""Cuts Avro files at their blocks: each piece is an Avro file by itself, with the schema of the whole."""

from collections.abc import Iterable, Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.columnar.avro_container import read_blocks, read_header
from ingest_project.objects.columnar.decoded_size import AVRO_EXPANSION
from ingest_project.objects.piece import Limits, Piece


def avro_pieces(chunks: Iterable[bytes], limits: Limits, uri: str) -> Iterator[Piece]:
    """The file in pieces of whole blocks, at least one; `first_line` is the number of a piece's first row.

    Raises ObjectUnreadable if it is no Avro file, is cut short, or has a block or header that is too large.
    """
    try:
        yield from _pieces(ByteSource(chunks), limits)
    except ValueError as error:
        raise ObjectUnreadable(uri, f"it is no avro file: {error}") from error


def _pieces(file: ByteSource, limits: Limits) -> Iterator[Piece]:
    header = read_header(file)
    first_line, rows, size_bytes = 1, 0, 0
    parts = [header.encoded()]
    for block in read_blocks(file, header):
        parts.append(block.encoded(header.sync))
        rows += block.rows
        size_bytes += len(block.data)
        if size_bytes * AVRO_EXPANSION >= limits.piece_bytes:
            body = b"".join(parts)
            del parts[1:]
            yield Piece(body, first_line)
            first_line, rows, size_bytes = first_line + rows, 0, 0
    if len(parts) > 1 or first_line == 1:
        yield Piece(b"".join(parts), first_line)
