"""Finds CSV whose lines end in CR alone, as old Macs and Excel's "CSV (Macintosh)" write it.

CR and LF change places in such a text before it is parsed, and again in what comes of it. So it is read like
any other, pieces and bad rows too.
"""

import re
from functools import cache

from ingest_project.reading.format_options import CsvDialect

CR_AS_LF = bytes.maketrans(b"\r\n", b"\n\r")
"""Its own inverse."""
OPENING_BYTES = 1024 * 1024
"""How much of a text tells how its lines end."""
_LONE_CR = rb"\r(?!\r*\n)"
_TELLING = re.compile(rb'(?i)(?:"?sep=[^\r\n]"?)?(?:(?P<cr>%s)|\r*\n)' % _LONE_CR)
"""A first line that is blank, or Excel's own; a piece has one if its rows do not tell what its file tells."""


def ends_lines_in_cr(text: bytes, dialect: CsvDialect) -> bool:
    """Whether lines of this text, UTF-8 without a byte order mark, end in CR alone.

    They do if its opening has such a CR, and no LF, outside of quotes.
    """
    if b"\r" not in text:
        return False
    found = _ends_in_cr(text[:OPENING_BYTES], dialect, is_all=len(text) <= OPENING_BYTES)
    return found if found is not None else _has_cr_lines(text[:OPENING_BYTES], dialect)


def tells_line_ends(beginning: bytes, dialect: CsvDialect) -> bool:
    """Whether the rest of a text with this beginning does not matter for how its lines end."""
    return len(beginning) > OPENING_BYTES or _ends_in_cr(beginning, dialect, is_all=False) is not None


def _ends_in_cr(opening: bytes, dialect: CsvDialect, *, is_all: bool) -> bool | None:
    """Whether lines end in CR; None if what follows may tell."""
    telling = _TELLING.match(opening)
    if telling is not None and (is_all or telling.end() < len(opening)):
        return telling["cr"] is not None
    end = _lines_in_cr(dialect).match(opening).end()  # type: ignore[union-attr] # it may be empty
    if _line_in_lf(dialect, is_strict=is_all is False).match(opening, end):
        return False
    return end > 0 if is_all else None


def _has_cr_lines(opening: bytes, dialect: CsvDialect) -> bool:
    match = _lines_in_cr(dialect).match(opening)
    return match is not None and match.end() > 0


@cache
def _lines_in_cr(dialect: CsvDialect) -> re.Pattern[bytes]:
    return re.compile(rb"(?s:(?:%s%s)*+)" % (_line(dialect, is_strict=False), _LONE_CR))


@cache
def _line_in_lf(dialect: CsvDialect, *, is_strict: bool) -> re.Pattern[bytes]:
    return re.compile(rb"(?s:%s\r*\n)" % _line(dialect, is_strict=is_strict))


def _line(dialect: CsvDialect, *, is_strict: bool) -> bytes:
    """The pattern of a line without its end; if it `is_strict`, a field that begins with a quote must end so.

    What follows the beginning of a text may have the other quote.
    """
    delimiter = re.escape(dialect.delimiter_byte)
    field = rb"[^%s\r\n]*+" % delimiter
    if dialect.quote is not None:
        quote, escape = re.escape(dialect.quote.encode()), re.escape(dialect.escape_in_quotes or b"")
        escaped = rb"|%s." % escape if escape else b""
        inner = rb"(?:[^%s%s]++|%s%s%s)*+" % (quote, escape, quote, quote, escaped)
        bare = rb"(?!%s)%s" % (quote, field) if is_strict else field
        field = rb"(?:%s%s%s(?=[%s\r\n]|\Z)|%s)" % (quote, inner, quote, delimiter, bare)
    line = rb"%s(?:%s%s)*+" % (field, delimiter, field)
    if dialect.comment is None:
        return line
    return rb"(?:%s[^\r\n]*+|%s)" % (re.escape(dialect.comment.encode()), line)
