"""Finds where records of CSV end, whatever they contain.

As in Python's csv module, a quote opens only at the start of a field, and closes unless a second quote
follows. So a stray quote within a field does not hide a line end.
"""

import re

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.record_cutter import last_line_end


def comment_pattern(dialect: CsvDialect) -> bytes:
    """A comment with its line end; empty if the dialect has none."""
    return rb"%s[^\n]*+\n" % re.escape(dialect.comment.encode()) if dialect.comment else b""


def record_pattern(dialect: CsvDialect) -> bytes:
    """A record with its line end, or a blank line.

    A part of a record does not match: its quotes must be closed.
    """
    delimiter = re.escape(dialect.delimiter_byte)
    field = rb"[^%s\n]*+" % delimiter
    if dialect.escape is not None:
        escape = re.escape(dialect.escape.encode())
        field = rb"(?:[^%s\n%s]++|%s(?s:.))*+" % (delimiter, escape, escape)
    if dialect.quote is not None:
        quote, escape = re.escape(dialect.quote.encode()), re.escape(dialect.escape_in_quotes or b"")
        escaped = rb"|%s(?s:.)" % escape if escape else b""
        inner = rb"(?:[^%s%s]++|%s%s%s)*+" % (quote, escape, quote, quote, escaped)
        field = rb"(?:%s%s%s|(?!%s))%s" % (quote, inner, quote, quote, field)
    return rb"(?:%s(?:%s%s)*+\n)" % (field, delimiter, field)


class CsvRecordEnds:
    """The LastEnd of a dialect's records, and of its comments."""

    def __init__(self, dialect: CsvDialect) -> None:
        hiding = (dialect.quote, dialect.escape)
        self._hiding = [one.encode() for one in hiding if one is not None]
        patterns = filter(None, (comment_pattern(dialect), record_pattern(dialect)))
        self._records = re.compile(rb"(?:%s)*+" % b"|".join(patterns))

    def __call__(self, text: bytearray, start: int, stop: int) -> int:
        """Behind the last line end outside of quotes and not escaped, or `start` if there is none."""
        if all(text.find(one, start, stop) < 0 for one in self._hiding):
            return last_line_end(text, start, stop)
        match = self._records.match(text, start, stop)
        return match.end() if match else start
