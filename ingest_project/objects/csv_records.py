"""Checks CSV record by record where Polars is too kind: names, short rows, blank lines."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.objects.csv_text import no_text
from ingest_project.objects.example import example_of
from ingest_project.objects.format_options import CsvDialect

NO_PART_OF_A_NAME = frozenset("\r\x00\x85")
"""Line ends of old Macs and of mainframes, with which a whole file would be its header, and what is no text at all."""
BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


def column_names(content: bytes, dialect: CsvDialect, uri: str) -> list[str]:
    """The fields of the header. Raises ObjectUnreadable for a header that is no text, ColumnRefused if two are alike."""
    try:
        names = next(_records(content, dialect), [])
    except UnicodeDecodeError as error:
        raise ObjectUnreadable(uri, no_text(dialect.encoding)) from error
    except csv.Error as error:
        raise ObjectUnreadable(uri, f"its header is no CSV: {error}") from error
    if any(not name or NO_PART_OF_A_NAME & set(name) for name in names):
        raise ObjectUnreadable(
            uri, "its header leaves a column without a name, or its lines do not end in LF or CRLF"
        )
    header = content.partition(b"\n")[0].rstrip(b"\r")
    if b"\r" in header and not dialect.has_quotes(header):
        raise ObjectUnreadable(uri, "its lines do not end in LF or CRLF")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ColumnRefused(uri, f"its header names {', '.join(map(repr, twice[:10]))} more than once")
    return names


def refuse_foreign_header(names: Collection[str], fields: Collection[str], uri: str) -> None:
    """Raises ObjectUnreadable if a table's fields are known and none of them is in the header.

    So it is with another delimiter, and with another format that passes for CSV: nothing but nulls would come in.
    """
    if fields and names and not set(names) & set(fields):
        shown = ", ".join(map(example_of, list(names)[:3]))
        raise ObjectUnreadable(
            uri, f"its header names none of the table's columns: {shown}; is it of another delimiter?"
        )


def blank_records(content: bytes, dialect: CsvDialect, *, width: int, height: int, uri: str) -> list[int]:
    """Which rows, counted from 0 behind the header, are blank lines outside of quotes.

    Raises ObjectUnreadable, naming the line, if a row has other than `width` fields, or if there are other than
    `height` rows in all.
    """
    blank: list[int] = []
    row = -1
    for row, fields in enumerate(_rows(content, dialect, uri)):
        if not fields:
            blank.append(row)
        elif len(fields) != width:
            reason = f"row {row + 1} has {len(fields)} fields, {_should_have(width, dialect)}"
            raise ObjectUnreadable(uri, reason)
    if row + 1 != height:
        raise ObjectUnreadable(uri, f"{row + 1} records gave {height} rows; some quote is misplaced")
    return blank


def ragged_line(content: bytes, width: int, dialect: CsvDialect) -> str:
    """What to say of unquoted text in which some line has other than `width` fields."""
    delimiter = dialect.delimiter_byte
    for number, line in enumerate(content.split(b"\n"), start=1 if dialect.names is None else 0):
        if line and line.count(delimiter) != width - 1:
            return f"line {number} has {line.count(delimiter) + 1} fields, {_should_have(width, dialect)}"
    return ""


def _should_have(width: int, dialect: CsvDialect) -> str:
    return f"the header has {width}" if dialect.names is None else f"{width} columns are declared"


def _rows(content: bytes, dialect: CsvDialect, uri: str) -> Iterator[list[str]]:
    records = _records(content, dialect)
    next(records)
    try:
        yield from records
    except (UnicodeDecodeError, csv.Error) as error:
        raise ObjectUnreadable(uri, f"it is no CSV: {error}") from error


def _records(content: bytes, dialect: CsvDialect) -> Iterator[list[str]]:
    # Python's own limit is 128 KB a field; it holds for the whole process.
    csv.field_size_limit(sys.maxsize)
    return csv.reader(
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
    )
