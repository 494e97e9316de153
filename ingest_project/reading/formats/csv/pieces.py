"""Cuts CSV: a record ends at a line end outside of quotes, and each piece begins with the header.

Each piece is read by itself. It differs from a whole file only in the number of its first line.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.formats.csv.excel_mark import LONGEST_BYTES, excel_mark
from ingest_project.reading.formats.csv.line_ends import CR_AS_LF, ends_lines_in_cr, tells_line_ends
from ingest_project.reading.formats.csv.record_ends import CsvRecordEnds, comment_pattern, record_pattern
from ingest_project.reading.formats.csv.text import UTF_8, UTF_8_MARK, encoding_of, no_text
from ingest_project.reading.formats.csv.transcoding import Transcoder
from ingest_project.reading.formats.record_cutter import RecordCutter
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.piece import Piece
from ingest_project.reading.unpack.byte_source import ByteSource

LONGEST_MARK_BYTES = 4


def csv_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[Piece]:
    """The text in UTF-8 pieces of whole records, each below Excel's mark and the header if the file has them.

    Text of another encoding becomes UTF-8 with a byte order mark, which tells the reader; bytes that are
    invalid in the encoding are invalid in UTF-8 too. Raises ObjectUnreadable if it cannot be decoded, or if
    the header is oversized.
    """
    dialect = options.csv
    source = ByteSource(chunks)
    head = source.peek(LONGEST_MARK_BYTES)
    encoding = encoding_of(head, dialect.encoding)
    if encoding in UTF_8:
        order_mark = UTF_8_MARK if head.startswith(UTF_8_MARK) else b""
        source.read_all(len(order_mark))
    else:
        order_mark, source = UTF_8_MARK, ByteSource(_transcoded(source.chunks(), encoding, uri))
    ends_in_cr = ends_lines_in_cr(_opening(source, dialect), dialect)
    source = ByteSource(_parts(source.chunks(), limits, ends_in_cr=ends_in_cr))
    mark = excel_mark(source.peek(LONGEST_BYTES), dialect)
    source.read_all(mark.size_bytes)
    ends = CsvRecordEnds(mark.dialect)
    cutter = RecordCutter(ends, limits, source.chunks(), first_line=1 + mark.dialect.lines_above)
    found = _below_header(cutter.pieces(), mark.line, mark.dialect, uri)
    found = (_telling_line_ends(piece, mark.dialect, ends_in_cr=ends_in_cr) for piece in found)
    yield from (replace(piece, body=order_mark + piece.body) if order_mark else piece for piece in found)


def _opening(source: ByteSource, dialect: CsvDialect) -> bytes:
    """So much of the beginning of the text that it tells how lines end; all of it if it is short."""
    size_bytes = LONGEST_BYTES
    opening = source.peek(size_bytes)
    while len(opening) == size_bytes and not tells_line_ends(opening, dialect):
        size_bytes *= 2
        opening = source.peek(size_bytes)
    return opening


def _parts(chunks: Iterable[bytes], limits: PieceLimits, *, ends_in_cr: bool) -> Iterator[bytes]:
    """The text in parts that are not larger than a piece, with lines that end in LF."""
    for chunk in chunks:
        for start in range(0, len(chunk), limits.piece_bytes):
            part = chunk[start : start + limits.piece_bytes]
            yield part.translate(CR_AS_LF) if ends_in_cr else part


def _telling_line_ends(piece: Piece, dialect: CsvDialect, *, ends_in_cr: bool) -> Piece:
    """The piece as the file has it, below a blank line if its rows do not tell how the file's lines end.

    A piece whose first line has the number 1 is the first of its file, so another may have two blank lines.
    """
    body, oversized, lines = piece.body, piece.oversized, 0
    if ends_in_cr:
        body = body.translate(CR_AS_LF)
        if oversized is not None:
            oversized = replace(oversized, start=oversized.start.translate(CR_AS_LF))
    if body and ends_lines_in_cr(body, dialect) != ends_in_cr:
        lines = 2 if piece.first_line == 2 else 1
        body = (b"\r" if ends_in_cr else b"\n") * lines + body
    return Piece(body, piece.first_line - lines, oversized)


def _transcoded(chunks: Iterable[bytes], encoding: str, uri: str) -> Iterator[bytes]:
    transcoder = Transcoder(encoding)
    try:
        for chunk in chunks:
            yield transcoder.utf_8(chunk)
        yield transcoder.utf_8(b"", final=True)
    except UnicodeError as error:
        raise ObjectUnreadable(uri, no_text(encoding)) from error


def _below_header(pieces: Iterable[Piece], marks: bytes, dialect: CsvDialect, uri: str) -> Iterator[Piece]:
    """Each piece below the marks, and from the second on with the header of the first."""
    opening = _lines_to_header(dialect)
    header = None if dialect.names is None else b""
    for piece in pieces:
        above = header or b""
        if header is None and (found := opening.match(piece.body)):
            header = found["header"]
        if header is None and piece.oversized:
            raise ObjectUnreadable(
                uri, f"its header is too long: it has {piece.oversized.size_bytes:,} bytes"
            )
        if piece.body and (marks or above):
            first_line = piece.first_line - above.count(b"\n") - dialect.lines_above
            body = b"".join((marks, above, piece.body))
            piece = Piece(body, first_line, piece.oversized)  # noqa: PLW2901 - to hold one copy, not two
        yield piece


def _lines_to_header(dialect: CsvDialect) -> re.Pattern[bytes]:
    """The lines above the header, and the header if the text has one so far."""
    comment = comment_pattern(dialect)
    above = rb"(?:%s|\r?\n)*+" % comment if comment else rb"(?:\r?\n)*+"
    return re.compile(rb"%s(?P<header>%s)?" % (above, record_pattern(dialect)))
