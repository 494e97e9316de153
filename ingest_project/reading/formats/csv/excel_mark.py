"""Finds Excel's own first line, `sep=;`, which names the delimiter of the file and is not a row."""

import re
from dataclasses import dataclass, replace

from ingest_project.reading.format_options import CsvDialect

LONGEST_BYTES = 12
"""The length of the line with quotes and line end, and one byte more."""
_LINE = re.compile(rb'("?)sep=([^\x00\r\n"A-Za-z0-9\x80-\xff])\1(\r?\n|\r?\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExcelMark:
    """The line as it is put above pieces of its file, its length in the file, and the dialect of the lines
    below.
    """

    line: bytes
    size_bytes: int
    dialect: CsvDialect


def excel_mark(text: bytes, dialect: CsvDialect) -> ExcelMark:
    """The mark at the start of UTF-8 text without a byte order mark; an empty `line` if there is none.

    The mark tells the delimiter, whatever the table says, unless that is the table's quote or comment
    character.
    """
    match = _LINE.match(text[:LONGEST_BYTES])
    delimiter = "" if match is None else match[2].decode()
    if match is None or delimiter in {dialect.quote, dialect.comment}:
        return ExcelMark(b"", 0, dialect)
    found = replace(dialect, delimiter=delimiter, lines_above=1)
    return ExcelMark(b"sep=%s\n" % match[2], len(match[0]), found)
