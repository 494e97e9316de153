"""Checks CSV record by record for what Polars accepts silently: short rows and blank lines."""

import csv
import re
from collections.abc import Iterator

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.header import CsvHeader, records_of_csv

BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


def blank_records(
    content: bytes, dialect: CsvDialect, *, header: CsvHeader, height: int, uri: str
) -> list[int]:
    """The rows, counted from 0 behind the header, that are blank lines outside of quotes.

    Raises ObjectUnreadable, naming the row, if the number of its fields does not match the header, or if
    there are not exactly `height` rows.
    """
    blank: list[int] = []
    row, widths = -1, header.widths
    for row, fields in enumerate(_rows(content, dialect, uri)):
        if not fields:
            blank.append(row)
        elif len(fields) not in widths:
            reason = f"row {row + 1} has {len(fields)} fields, {_should_have(header, dialect)}"
            raise ObjectUnreadable(uri, reason)
    if row + 1 != height:
        raise ObjectUnreadable(uri, f"{row + 1} records gave {height} rows; some quote is misplaced")
    return blank


def ragged_line(content: bytes, header: CsvHeader, dialect: CsvDialect) -> str:
    """The reason of the first line of unquoted text whose fields do not match the header; empty if there is
    none.
    """
    delimiter, widths = dialect.delimiter_byte, header.widths
    first = dialect.lines_above + (1 if dialect.names is None else 0)
    for number, line in enumerate(content.split(b"\n"), start=first):
        if line and line.count(delimiter) + 1 not in widths:
            return f"line {number} has {line.count(delimiter) + 1} fields, {_should_have(header, dialect)}"
    return ""


def _should_have(header: CsvHeader, dialect: CsvDialect) -> str:
    width = len(header.names)
    return f"the header has {width}" if dialect.names is None else f"{width} columns are declared"


def _rows(content: bytes, dialect: CsvDialect, uri: str) -> Iterator[list[str]]:
    records = records_of_csv(content, dialect)
    next(records)
    try:
        yield from records
    except (UnicodeDecodeError, csv.Error) as error:
        raise ObjectUnreadable(uri, f"it is not valid CSV: {error}") from error
