"""Divides CSV into its rows, each with its line number and its text as the file has it."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.excel_mark import excel_mark
from ingest_project.reading.formats.csv.header import CsvHeader, csv_header, refuse_foreign_header
from ingest_project.reading.formats.csv.quotes import is_well_formed, quoted_where_needed
from ingest_project.reading.formats.csv.text import UTF_8, as_utf_8, encoding_by_mark, made_up_header, no_text
from ingest_project.reading.formats.csv.transcoding import spelled_out
from ingest_project.reading.record import Record
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.spelling import Spelling


@dataclass(frozen=True, slots=True)
class CsvRows:
    """`header` is the file's own header line, below Excel's mark if the file has one.

    If the file has no header line, the declared columns take its place, and `header` is only the mark or
    empty.
    """

    header: bytes
    records: tuple[Record, ...]


def csv_rows(
    body: bytes,
    dialect: CsvDialect,
    *,
    fields: Collection[str] = (),
    first_line: int,
    uri: str,
    spelling: Spelling | None = None,
) -> CsvRows:
    """The rows; one with misplaced quotes, or with another number of fields than the header, has a fault.

    A quote that is never closed makes only its own line a bad row. Blank lines and comments are not rows.
    Raises ObjectUnreadable or ColumnRefused if the header is unusable.
    """
    lines = _Lines(body, dialect, first_line, uri)
    dialect = lines.dialect
    if dialect.names is not None:
        made_up = csv_header(made_up_header(dialect), dialect, uri)
        return CsvRows(lines.mark, tuple(_rows(lines, dialect, made_up)))
    top = next(_rows(lines, dialect, None), None)
    if top is None:
        return CsvRows(b"", ())
    if top.fault is not None and top.fault.reason == lines.no_text:
        raise ObjectUnreadable(uri, lines.no_text)
    if not is_well_formed(top.raw, dialect):
        raise ObjectUnreadable(
            uri, "its header is not valid CSV: a quote is misplaced, or its lines end in CR alone"
        )
    header = csv_header(top.raw, dialect, uri)
    refuse_foreign_header(header, fields, uri, spelling)
    return CsvRows(lines.mark + top.raw, tuple(_rows(lines, dialect, header)))


class _Lines:
    """The lines of a text, taken one by one; lines that were not a row after all can be taken again."""

    def __init__(self, body: bytes, dialect: CsvDialect, first_line: int, uri: str) -> None:
        text = as_utf_8(body, dialect.encoding, uri)
        mark = excel_mark(text, dialect)
        self.mark = mark.line
        """Excel's own line, which is skipped."""
        self.dialect = mark.dialect
        self._lines = text.split(b"\n")
        if self._lines[-1] == b"":
            self._lines.pop()
        self._comment = None if dialect.comment is None else dialect.comment.encode()
        self._first_line = first_line
        self._is_transcoded = encoding_by_mark(body) is not None or dialect.encoding not in UTF_8
        self.no_text = "it is not valid Unicode"
        if dialect.encoding not in UTF_8 or not self._is_transcoded:
            self.no_text = no_text(dialect.encoding)
        self.place = mark.dialect.lines_above

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
        """The lines from here on for Python's reader; bytes that are not valid UTF-8 become surrogates."""
        while self.place < len(self._lines):
            self.place += 1
            yield self._lines[self.place - 1].decode(errors="surrogateescape") + "\n"

    def taken_since(self, start: int) -> bytes:
        """The lines from `start` up to here, with their line ends."""
        return b"\n".join(self._lines[start : self.place]) + b"\n"

    def of_bad_row(self, row: bytes) -> bytes:
        """The row; bytes that are invalid in the file's encoding are spelled out, unless that is UTF-8."""
        return spelled_out(row) if self._is_transcoded else row

    def number(self, place: int) -> int:
        return self._first_line + place


def _rows(lines: _Lines, dialect: CsvDialect, header: CsvHeader | None) -> Iterator[Record]:
    quote = b"\n" if dialect.quote is None else dialect.quote.encode()
    while (start := lines.start_of_row()) is not None:
        found = _fields(lines, dialect)
        fault = found if isinstance(found, RowFault) else _misfit(found, header)
        if fault is not None:
            lines.place = start + 1 if fault.reason.startswith(MISPLACED) else lines.place
        raw = lines.taken_since(start)
        if isinstance(found, RowFault) or fault is not None:
            yield Record(lines.number(start), lines.of_bad_row(raw), fault)
            continue
        mended = quoted_where_needed(raw, dialect) if quote in raw else None
        yield Record(lines.number(start), raw, mended=mended)


MISPLACED = "a quote is misplaced"


def _fields(lines: _Lines, dialect: CsvDialect) -> int | RowFault:
    """Reads one row from the lines: the number of its fields, or what is wrong with it."""
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
    return len(fields)


def _misfit(fields: int, header: CsvHeader | None) -> RowFault | None:
    if header is None or fields in header.widths:
        return None
    return RowFault(None, f"it has {fields} fields instead of {len(header.names)}")


def _is_no_utf_8(field: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in field)
