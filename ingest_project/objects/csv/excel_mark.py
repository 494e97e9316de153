"""Finds Excel's own first line, `sep=;`, which says what parts the fields of the lines below it, and is no row itself."""

import re
from dataclasses import dataclass, replace

from ingest_project.objects.format_options import CsvDialect

LONGEST_BYTES = 12
"""Of the line with its quotes and its line end, and a byte more."""
_LINE = re.compile(rb'("?)sep=([^\x00\r\n"A-Za-z0-9\x80-\xff])\1(\r?\n|\r?\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExcelMark:
    """The line as it is put above parts of its file, its length in the file, and the dialect of what is below it."""

    line: bytes
    size_bytes: int
    dialect: CsvDialect


def excel_mark(text: bytes, dialect: CsvDialect) -> ExcelMark:
    """What a text in UTF-8, without a byte order mark, begins with: an empty line of no bytes if it is no such mark.

    Whatever the table says, the mark tells the delimiter; but it is none if that is the quote or begins comments.
    """
    match = _LINE.match(text[:LONGEST_BYTES])
    delimiter = "" if match is None else match[2].decode()
    if match is None or delimiter in {dialect.quote, dialect.comment}:
        return ExcelMark(b"", 0, dialect)
    found = replace(dialect, delimiter=delimiter, lines_above=1)
    return ExcelMark(b"sep=%s\n" % match[2], len(match[0]), found)
