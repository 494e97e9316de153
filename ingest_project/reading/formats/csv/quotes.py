"""Says whether the quotes and line ends of CSV are well-formed, and quotes fields that need it.

To Polars a quote opens or closes a field wherever it stands, so it would join fields and lines silently.
"""

import re
from functools import cache

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.respelling import in_quotes


def is_well_formed(text: bytes, dialect: CsvDialect) -> bool:
    """Whether each quoted field is quoted as a whole, no other has a quote, and no lone CR is outside of
    quotes.
    """
    if not dialect.has_quotes(text):
        return b"\r" not in text or text.count(b"\r") == text.count(b"\r\n")
    return _well_formed(dialect).fullmatch(text) is not None


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
