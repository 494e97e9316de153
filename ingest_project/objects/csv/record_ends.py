"""Finds where records of CSV end, whatever stands in them.

A quote opens at the start of a field and nowhere else, and closes before anything but a second quote, as Python's csv
module has it. So a stray quote within a field hides no line end.
"""

import re

from ingest_project.objects.format_options import CsvDialect
from ingest_project.objects.record_cutter import last_line_end


def comment_pattern(dialect: CsvDialect) -> bytes:
    """A comment with its line end; empty if the dialect has none."""
    return rb"%s[^\n]*+\n" % re.escape(dialect.comment.encode()) if dialect.comment else b""


def record_pattern(dialect: CsvDialect) -> bytes:
    """A record with its line end; blank lines are some too. No part of one matches: a quote must have closed."""
    delimiter = re.escape(dialect.delimiter_byte)
    field = rb"[^%s\n]*+" % delimiter
    if dialect.quote is not None:
        quote = re.escape(dialect.quote.encode())
        field = rb"(?:%s(?:[^%s]++|%s%s)*+%s|(?!%s))%s" % (quote, quote, quote, quote, quote, quote, field)
    return rb"(?:%s(?:%s%s)*+\n)" % (field, delimiter, field)


class CsvRecordEnds:
    """The LastEnd of a dialect's records, and of its comments."""

    def __init__(self, dialect: CsvDialect) -> None:
        self._quote = None if dialect.quote is None else dialect.quote.encode()
        patterns = filter(None, (comment_pattern(dialect), record_pattern(dialect)))
        self._records = re.compile(rb"(?:%s)*+" % b"|".join(patterns))

    def __call__(self, text: bytearray, start: int, stop: int) -> int:
        """Behind the last line end that no quote hides, or `start` if there is none."""
        if self._quote is None or text.find(self._quote, start, stop) < 0:
            return last_line_end(text, start, stop)
        match = self._records.match(text, start, stop)
        return match.end() if match else start
