"""Reads CSV row by row with Python's csv module, which tells where each row ends, whatever is wrong."""

import csv
from collections.abc import Iterator, Sequence

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.header import CsvHeader
from ingest_project.reading.formats.csv.quotes import quoted_where_needed
from ingest_project.reading.formats.csv.text import PlainText
from ingest_project.reading.record import Record
from ingest_project.reading.row_faults import RowFault

MISPLACED = "a quote is misplaced"
LONE_CR = "it has a carriage return outside of quotes"


class Lines:
    """The lines of a text, taken one by one; lines that were not a row after all can be taken again.

    `numbers` are those of the lines in the file.
    """

    def __init__(self, lines: Sequence[bytes], numbers: Sequence[int], plain: PlainText) -> None:
        self.plain = plain
        self.place = 0
        self._lines = lines
        self._numbers = numbers
        comment = plain.dialect.comment
        self._comment = None if comment is None else comment.encode()

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
        """The lines from `start` up to here, without the last line end."""
        return b"\n".join(self._lines[start : self.place])

    def number(self, place: int) -> int:
        """The number of this line in the file."""
        return self._numbers[place]


def rows_of(lines: Lines, header: CsvHeader | None) -> Iterator[Record]:
    """The rows from here on; one with misplaced quotes, or with another number of fields, has a fault.

    A quote that is never closed makes only its own line a bad row. Blank lines and comments are not rows.
    """
    dialect = lines.plain.dialect
    quote = b"\n" if dialect.quote is None else dialect.quote.encode()
    while (start := lines.start_of_row()) is not None:
        found = _fields(lines, dialect)
        fault = found if isinstance(found, RowFault) else misfit(found, header)
        if fault is not None:
            lines.place = start + 1 if fault.reason.startswith((MISPLACED, LONE_CR)) else lines.place
        raw = lines.taken_since(start)
        mended = None
        if fault is None and quote in raw:
            mended = quoted_where_needed(raw + b"\n", dialect).removesuffix(b"\n")
        yield Record(lines.number(start), raw, fault, mended)


def misfit(fields: int, header: CsvHeader | None) -> RowFault | None:
    """What is wrong with a row of so many fields."""
    if header is None or fields in header.widths:
        return None
    return RowFault(None, f"it has {fields} fields instead of {len(header.names)}")


def _fields(lines: Lines, dialect: CsvDialect) -> int | RowFault:
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
        is_lone_cr = str(error).startswith("new-line character seen in unquoted field")
        return RowFault(None, LONE_CR if is_lone_cr else f"{MISPLACED} or a field too long ({error})")
    if any(not field.isascii() and _is_no_utf_8(field) for field in fields):
        return RowFault(None, lines.plain.no_text)
    return len(fields)


def _is_no_utf_8(field: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in field)
