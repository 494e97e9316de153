"""Finds the rows of CSV that may be bad by their quotes and the number of their fields, line by line.

`rows.py` has Python's csv module begin anew for each row, which takes much longer.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from ingest_project.errors import ObjectError
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.excel_mark import excel_mark
from ingest_project.reading.formats.csv.header import CsvHeader, csv_header
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.text import LINE_ENDS, UTF_8, UTF_8_MARK, encoding_by_mark
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.text import is_utf_8
from ingest_project.reading.record import Sieved

OPEN = "unexpected end of data"
"""What Python's csv module says of a quote that is not closed."""


class _Torn(Exception):
    """A record has a misplaced quote, so it may end on another line, and others may begin on other lines."""


def sieved(text: Text) -> Sieved | None:
    """The rows of a body; suspects have misplaced quotes, or another number of fields than the header.

    None for text that is not simply UTF-8 below a header, and if quotes leave open where rows end.
    """
    dialect = text.options.csv
    mark = UTF_8_MARK if text.body.startswith(UTF_8_MARK) else b""
    body = text.body.removeprefix(mark)
    is_plain = (
        dialect.encoding in UTF_8 and encoding_by_mark(body) is None and not excel_mark(body, dialect).line
    )
    if not is_plain or dialect.names is not None or dialect.comment is not None or body[:1] in LINE_ENDS:
        return None
    lines = body.split(b"\n")
    is_bare = b"\r" not in body and not dialect.has_quotes(body) and is_utf_8(body)
    records = _lines(lines, text.first_line) if is_bare else _records(lines, text.first_line, dialect)
    _, top = next(records, (0, b""))
    header = _header(top + b"\n", dialect, text.uri)
    if header is None:
        return None
    numbered = list(records)
    try:
        suspects = list(_suspects([one for _, one in numbered], header.widths, dialect, is_bare=is_bare))
    except _Torn:
        return None
    numbers = [number for number, _ in numbered]
    return Sieved([record for _, record in numbered], numbers, suspects, mark + top + b"\n")


def _suspects(
    records: Sequence[bytes], widths: range, dialect: CsvDialect, *, is_bare: bool
) -> Iterator[int]:
    """The places of those that may be bad; of bare text, without quotes, their delimiters tell it."""
    if is_bare:
        delimiter, counts = dialect.delimiter_byte, {width - 1 for width in widths}
        yield from (place for place, one in enumerate(records) if one.count(delimiter) not in counts)
    else:
        yield from (place for place, one in enumerate(records) if not _is_usual(one, widths, dialect))


def _lines(lines: Iterable[bytes], first_line: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty with their numbers."""
    return ((number, line) for number, line in enumerate(lines, first_line) if line)


def _header(top: bytes, dialect: CsvDialect, uri: str) -> CsvHeader | None:
    """The header; None if it cannot be used."""
    try:
        return csv_header(top, dialect, uri) if top.strip() and is_well_formed(top, dialect) else None
    except ObjectError:
        return None


def _records(lines: Iterable[bytes], first_line: int, dialect: CsvDialect) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank with their numbers, joined while a quote is open.

    A quote that is never closed joins all lines below it.
    """
    quote = (dialect.quote or "\n").encode()
    start, opened = 0, list[bytes]()
    for number, line in enumerate(lines, first_line):
        turns = quote in line and line.count(quote) % 2 == 1
        if opened or turns:
            start = start if opened else number
            opened.append(line)
            if turns and len(opened) > 1:
                yield start, b"\n".join(opened)
                opened = []
        elif line.strip(b"\r"):
            yield number, line
    if opened:
        yield start, b"\n".join(opened)


def _is_usual(record: bytes, widths: range, dialect: CsvDialect) -> bool:
    """Whether the record has one of these numbers of fields, and its quotes where they belong.

    Raises _Torn if a quote may make it end elsewhere.
    """
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        if dialect.has_quotes(record):
            raise _Torn from error
        return False
    if not dialect.has_quotes(record):
        return record.count(dialect.delimiter_byte) + 1 in widths and b"\r" not in record[:-1]
    if is_well_formed(record + b"\n", dialect):
        return len(_fields(text, dialect)) in widths
    if "\n" in text:
        raise _Torn
    try:
        _fields(text, dialect)
    except csv.Error as error:
        if OPEN in str(error):
            raise _Torn from error
    return False


def _fields(text: str, dialect: CsvDialect) -> list[str]:
    lines = io.StringIO(text, newline="")
    return next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True), [])
