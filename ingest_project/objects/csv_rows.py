"""Takes CSV apart into its rows, each with its line number and its text as it stands in the file."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.csv_quotes import is_well_formed, quoted_where_needed
from ingest_project.objects.csv_records import column_names, refuse_foreign_header
from ingest_project.objects.csv_text import UTF_8, as_utf_8, encoding_by_mark, made_up_header, no_text
from ingest_project.objects.csv_transcoding import spelled_out
from ingest_project.objects.format_options import CsvDialect
from ingest_project.objects.record import Record
from ingest_project.objects.row_faults import RowFault


@dataclass(frozen=True, slots=True)
class CsvRows:
    """`header` is the file's own header line; empty if it has none, as the declared columns then stand for it."""

    header: bytes
    records: tuple[Record, ...]


def csv_rows(
    body: bytes, dialect: CsvDialect, *, fields: Collection[str] = (), first_line: int, uri: str
) -> CsvRows:
    """The rows; one of another number of fields than the header's, or of misplaced quotes, has a fault.

    A quote that is never closed costs its own line only. Blank lines and comments are no rows. Raises ObjectUnreadable
    or ColumnRefused if the header is of no use.
    """
    lines = _Lines(body, dialect, first_line, uri)
    if dialect.names is not None:
        width = len(column_names(made_up_header(dialect), dialect, uri))
        return CsvRows(b"", tuple(_rows(lines, dialect, width)))
    header = next(_rows(lines, dialect, None), None)
    if header is None:
        return CsvRows(b"", ())
    if header.fault is not None and header.fault.reason == lines.no_text:
        raise ObjectUnreadable(uri, lines.no_text)
    if not is_well_formed(header.raw, dialect):
        raise ObjectUnreadable(
            uri, "its header is no CSV: a quote is misplaced, or its lines end in CR alone"
        )
    names = column_names(header.raw, dialect, uri)
    refuse_foreign_header(names, fields, uri)
    return CsvRows(header.raw, tuple(_rows(lines, dialect, len(names))))


class _Lines:
    """The lines of a text, taken one by one; what was taken for a row too long can be given back."""

    def __init__(self, body: bytes, dialect: CsvDialect, first_line: int, uri: str) -> None:
        self._lines = as_utf_8(body, dialect.encoding, uri).split(b"\n")
        if self._lines[-1] == b"":
            self._lines.pop()
        self._comment = None if dialect.comment is None else dialect.comment.encode()
        self._first_line = first_line
        self._is_transcoded = encoding_by_mark(body) is not None or dialect.encoding not in UTF_8
        self.no_text = "it is no Unicode text"
        if dialect.encoding not in UTF_8 or not self._is_transcoded:
            self.no_text = no_text(dialect.encoding)
        self.place = 0

    def start_of_row(self) -> int | None:
        """The place of the next line that is neither blank nor a comment; None at the end."""
        while self.place < len(self._lines):
            line = self._lines[self.place]
            is_comment = self._comment is not None and line.startswith(self._comment)
            if line.strip(b"\r") and not is_comment:
                return self.place
            self.place += 1
        return None

    def texts(self) -> Iterator[str]:
        """The lines from here on, as Python's reader wants them; bytes that are no UTF-8 become surrogates."""
        while self.place < len(self._lines):
            self.place += 1
            yield self._lines[self.place - 1].decode(errors="surrogateescape") + "\n"

    def taken_since(self, start: int) -> bytes:
        """The lines from a place up to here, with their line ends."""
        return b"\n".join(self._lines[start : self.place]) + b"\n"

    def of_bad_row(self, row: bytes) -> bytes:
        """The row with what means nothing in the file's encoding spelled out, unless that is UTF-8."""
        return spelled_out(row) if self._is_transcoded else row

    def number(self, place: int) -> int:
        return self._first_line + place


def _rows(lines: _Lines, dialect: CsvDialect, width: int | None) -> Iterator[Record]:
    quote = b"\n" if dialect.quote is None else dialect.quote.encode()
    while (start := lines.start_of_row()) is not None:
        fault = _fault(lines, dialect, width)
        if fault is not None:
            lines.place = start + 1 if fault.reason.startswith(MISPLACED) else lines.place
        raw = lines.taken_since(start)
        mended = quoted_where_needed(raw, dialect) if fault is None and quote in raw else None
        yield Record(
            lines.number(start), raw if fault is None else lines.of_bad_row(raw), fault, mended=mended
        )


MISPLACED = "a quote is misplaced"


def _fault(lines: _Lines, dialect: CsvDialect, width: int | None) -> RowFault | None:
    """Reads one row off the lines, and says what is wrong with it."""
    reader = csv.reader(
        lines.texts(),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        fields = next(reader)
    except csv.Error as error:
        return RowFault(None, f"{MISPLACED} or a field too long ({error})")
    if any(not field.isascii() and _is_no_utf_8(field) for field in fields):
        return RowFault(None, lines.no_text)
    if width is not None and len(fields) != width:
        return RowFault(None, f"it has {len(fields)} fields where {width} should be")
    return None


def _is_no_utf_8(field: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in field)
