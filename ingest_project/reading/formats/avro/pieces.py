"""Cuts Avro files at their blocks: each piece is an Avro file by itself, with the schema of the whole."""

from collections.abc import Iterable, Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.avro.bounds import EXPANSION
from ingest_project.reading.formats.avro.container import read_blocks, read_header
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import Piece
from ingest_project.reading.unpack.byte_source import ByteSource


def avro_pieces(
    chunks: Iterable[bytes], _options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[Piece]:
    """The file in pieces of whole blocks, at least one; `first_line` is the number of a piece's first row.

    Raises ObjectUnreadable if it is not an Avro file, is truncated, or has a block or header that is too
    large.
    """
    try:
        yield from _pieces(ByteSource(chunks), limits)
    except ValueError as error:
        raise ObjectUnreadable(uri, f"it is not a valid avro file: {error}") from error


def _pieces(file: ByteSource, limits: PieceLimits) -> Iterator[Piece]:
    header = read_header(file)
    first_line, rows, size_bytes = 1, 0, 0
    parts = [header.encoded()]
    for block in read_blocks(file, header):
        parts.append(block.encoded(header.sync))
        rows += block.rows
        size_bytes += len(block.data)
        if max(size_bytes * EXPANSION, rows * LIMITS.step.row_bytes) >= limits.piece_bytes:
            body = b"".join(parts)
            del parts[1:]
            yield Piece(body, first_line)
            first_line, rows, size_bytes = first_line + rows, 0, 0
    if len(parts) > 1 or first_line == 1:
        yield Piece(b"".join(parts), first_line)
