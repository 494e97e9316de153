"""Says whether the quotes and line ends of CSV are well-formed, and quotes fields that need it.

To Polars a quote opens or closes a field wherever it stands, so it would join fields and lines silently.
"""

import re
from functools import cache

import numpy as np

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.respelling import in_quotes

MANY_BYTES = 4096
"""Of less text each quote is looked at by `re`."""
BLOCK_BYTES = 1024 * 1024
"""What is looked at together in a longer one."""


def is_well_formed(text: bytes, dialect: CsvDialect) -> bool:
    """Whether each quoted field is quoted as a whole, no other has a quote, and no lone CR is outside of
    quotes.
    """
    if not dialect.has_quotes(text):
        return _has_no_lone_cr(text)
    if len(text) >= MANY_BYTES and _is_plainly_well_formed(text, dialect):
        return True
    return _well_formed(dialect).fullmatch(text) is not None


def _has_no_lone_cr(text: bytes) -> bool:
    return b"\r" not in text or text.count(b"\r") == text.count(b"\r\n")


def _is_plainly_well_formed(text: bytes, dialect: CsvDialect) -> bool:
    """Whether the text is well-formed by what is beside its quotes, and has no lone CR; if not, it may be.

    Quotes open and close a field in turns. Before one that opens is a delimiter or a line end, and behind one
    that closes; or two are side by side, and are one quote within a field.
    """
    if not _has_no_lone_cr(text):
        return False
    quote = ord(dialect.quote or "")
    may_be_before = np.isin(np.arange(256), [ord(dialect.delimiter), *b"\n", quote])
    may_be_behind = np.isin(np.arange(256), [ord(dialect.delimiter), *b"\r\n", quote])
    all_bytes, count = np.frombuffer(text, np.uint8), 0
    for start in range(0, len(text), BLOCK_BYTES):
        quotes = np.flatnonzero(all_bytes[start : start + BLOCK_BYTES] == quote) + start
        opening, closing = quotes[count % 2 :: 2], quotes[(count + 1) % 2 :: 2]
        count += len(quotes)
        opening = opening[1:] if len(opening) and opening[0] == 0 else opening
        closing = closing[:-1] if len(closing) and closing[-1] == len(text) - 1 else closing
        if not may_be_before[all_bytes[opening - 1]].all() or not may_be_behind[all_bytes[closing + 1]].all():
            return False
    return count % 2 == 0


def quoted_where_needed(record: bytes, dialect: CsvDialect) -> bytes:
    """The record with quotes around the fields that contain quotes but do not begin with one, as in `5"
    disk`.
    """
    if not dialect.has_quotes(record) or is_well_formed(record, dialect):
        return record
    quote = (dialect.quote or "").encode()

    def quoted(match: re.Match[bytes]) -> bytes:
        bare = match["bare"]
        if bare is None or quote not in bare:
            return match[0]
        return quote + in_quotes(bare, dialect).replace(quote, quote * 2) + quote + match["end"]

    return _fields(dialect).sub(quoted, record)


@cache
def _well_formed(dialect: CsvDialect) -> re.Pattern[bytes]:
    quote, delimiter, quoted = _parts(dialect)
    bare = rb"(?:[^%s\r]++|\r(?=\n|\Z))*+" % quote
    return re.compile(
        rb"(?:%s(?:(?<=[%s\n])|(?<!(?s:.)))%s(?=[%s\n]|\r\n|\r?\Z))*+%s"
        % (bare, delimiter, quoted, delimiter, bare)
    )


@cache
def _fields(dialect: CsvDialect) -> re.Pattern[bytes]:
    quote, delimiter, quoted = _parts(dialect)
    return re.compile(
        rb"(?:%s|(?P<bare>(?!%s)[^%s\r\n]*+))(?P<end>%s|\r?\n|\Z)" % (quoted, quote, delimiter, delimiter)
    )


def _parts(dialect: CsvDialect) -> tuple[bytes, bytes, bytes]:
    quote, delimiter = re.escape((dialect.quote or "").encode()), re.escape(dialect.delimiter_byte)
    return quote, delimiter, rb"%s(?:[^%s]++|%s%s)*+%s" % (quote, quote, quote, quote, quote)
