"""Cuts CSV: a record ends at a line end that no quote hides, and each piece begins with the header.

Pieces are read by themselves, and nothing tells them from whole files but the number of their first line.
"""

import re
from collections.abc import Iterable, Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.csv.excel_mark import LONGEST_BYTES, excel_mark
from ingest_project.objects.csv.record_ends import CsvRecordEnds, comment_pattern, record_pattern
from ingest_project.objects.csv.text import UTF_8, UTF_8_MARK, encoding_of, no_text
from ingest_project.objects.csv.transcoding import Transcoder
from ingest_project.objects.format_options import CsvDialect
from ingest_project.objects.piece import Limits, Piece
from ingest_project.objects.record_cutter import RecordCutter

LONGEST_MARK_BYTES = 4


def csv_pieces(chunks: Iterable[bytes], dialect: CsvDialect, limits: Limits, uri: str) -> Iterator[Piece]:
    """The text in pieces of whole records, in UTF-8, each below Excel's mark and the header if the file has them.

    Text of another encoding becomes UTF-8 with a byte order mark, which tells the reader; bytes that mean nothing in it
    are none in UTF-8 either. Raises ObjectUnreadable if the encoding cannot be taken off, or if the header is oversized.
    """
    source = ByteSource(chunks)
    head = source.peek(LONGEST_MARK_BYTES)
    encoding = encoding_of(head, dialect.encoding)
    if encoding in UTF_8:
        order_mark = UTF_8_MARK if head.startswith(UTF_8_MARK) else b""
        source.read_all(len(order_mark))
    else:
        order_mark, source = UTF_8_MARK, ByteSource(_transcoded(source.chunks(), encoding, uri))
    mark = excel_mark(source.peek(LONGEST_BYTES), dialect)
    source.read_all(mark.size_bytes)
    ends = CsvRecordEnds(mark.dialect)
    cutter = RecordCutter(ends, limits, source.chunks(), first_line=1 + mark.dialect.lines_above)
    yield from _below_header(cutter.pieces(), order_mark + mark.line, mark.dialect, uri)


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
    opening = _opening(dialect)
    header = None if dialect.names is None else b""
    for piece in pieces:
        above = header or b""
        if header is None and (found := opening.match(piece.body)):
            header = found["header"]
        if header is None and piece.oversized:
            raise ObjectUnreadable(uri, f"its header has {piece.oversized.size_bytes:,} bytes, too many")
        if piece.body and (marks or above):
            first_line = piece.first_line - above.count(b"\n") - dialect.lines_above
            body = b"".join((marks, above, piece.body))
            piece = Piece(body, first_line, piece.oversized)  # noqa: PLW2901 - so that one copy is held, not two
        yield piece


def _opening(dialect: CsvDialect) -> re.Pattern[bytes]:
    """What stands above the header, and the header, if there is one yet."""
    comment = comment_pattern(dialect)
    above = rb"(?:%s|\r?\n)*+" % comment if comment else rb"(?:\r?\n)*+"
    return re.compile(rb"%s(?P<header>%s)?" % (above, record_pattern(dialect)))
