"""Detects the escape character of a CSV file, which is a backslash in all dumps."""

import re
from dataclasses import dataclass

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.record_ends import CsvRecordEnds
from ingest_project.reading.formats.csv.respelling import (
    LETTERS,
    NOT_CHANGED,
    Respelling,
    without_escapes,
)

ESCAPE = "\\"
NULL = "N"


@dataclass(frozen=True, slots=True)
class FoundEscapes:
    """The text without escape sequences, what was changed in it, and the options that say so."""

    text: str
    respelling: Respelling = NOT_CHANGED
    escape: str | None = None
    quote_escape: str | None = None


def find_escapes(text: str, delimiter: str, quote: str | None) -> FoundEscapes:
    """The escape sequences of this text, which may end within a record; none unless they are certain.

    `quote_escape` is certain if quotes are misplaced without it; `escape` if no sequence is unknown, and one
    is the null of dumps, or an escaped delimiter or line end.
    """
    found = set(re.findall(r"(?s)\\(.)", text))
    if not found - {NULL}:
        return FoundEscapes(text)
    if quote is not None and quote in found:
        plain = CsvDialect(delimiter, quote)
        escaped = CsvDialect(delimiter, quote, quote_escape=ESCAPE)
        if not _is_sound(text, plain) and _is_sound(text, escaped):
            return _without(text, escaped)
    edge = re.escape(delimiter)
    is_dump = re.search(rf"(?m)(?:^|{edge})\\N(?:{edge}|$)", text) or found & {delimiter, "\n", "\r"}
    if is_dump and found <= {*LETTERS, NULL, ESCAPE, delimiter, "\n", "\r", quote or ESCAPE}:
        return _without(text, CsvDialect(delimiter, quote, escape=ESCAPE))
    return FoundEscapes(text)


def _is_sound(text: str, dialect: CsvDialect) -> bool:
    """Whether the whole records of the text have their quotes where they belong."""
    body = text.encode(errors="replace")
    plain, _ = without_escapes(body, dialect, ends_in_cr=False)
    end = CsvRecordEnds(dialect)(bytearray(body), 0, len(body))
    whole, _ = without_escapes(body[:end], dialect, ends_in_cr=False)
    return bool(whole) and is_well_formed(whole if end < len(body) else plain, dialect)


def _without(text: str, dialect: CsvDialect) -> FoundEscapes:
    plain, respelling = without_escapes(text.encode(errors="replace"), dialect, ends_in_cr=False)
    return FoundEscapes(plain.decode(), respelling, dialect.escape, dialect.quote_escape)
