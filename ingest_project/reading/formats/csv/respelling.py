"""Removes the escape sequences of CSV before it is parsed, and puts them back into what comes of it.

A sequence becomes two characters that have no meaning to a parser: U+FDD0, which Unicode reserves for such
uses, and a letter that tells the sequence. A U+FDD0 of the file itself becomes such a pair too, so every pair
can be undone: as the value that it means, or as the file has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.line_ends import CR_AS_LF

RESERVED = "\ufdd0"
_RESERVED = RESERVED.encode()
LETTERS = {
    "0": "\0", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "Z": "\x1a",
}  # fmt: skip
"""Characters that PostgreSQL and MySQL write as a letter behind the escape character."""
QUOTES = ('"', "'")
"""Redshift escapes both, whichever is around a field."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A pair, what the file has in its place, and what that means."""

    pair: bytes
    written: bytes
    meaning: str


@dataclass(frozen=True, slots=True)
class Respelling:
    """What was changed in a text; CR and LF changed places in one that `ends_in_cr`."""

    pairs: tuple[_Pair, ...] = ()
    ends_in_cr: bool = False
    unknown: str | None = None
    """The escape character, if a value that has it now has a sequence without a meaning."""

    @property
    def blank_line(self) -> bytes:
        """A line, as it is parsed, that tells how the lines below it end; empty if that need not be told."""
        return b"\n" if self.ends_in_cr else b""

    def written(self, text: bytes) -> bytes:
        """A part of the text as the file has it."""
        if self.pairs and _RESERVED in text:
            for one in reversed(self.pairs):  # the file's own U+FDD0 last, so that it does not begin a pair
                text = text.replace(one.pair, one.written)
        return text.translate(CR_AS_LF) if self.ends_in_cr else text

    def name(self, text: str) -> str:
        """What the text of one field means."""
        return str(self.values(pl.Series([text]))[0]) if self.pairs or self.ends_in_cr else text

    def values(self, text: pl.Series) -> pl.Series:
        """What the texts of fields mean."""
        if self.ends_in_cr and text.str.contains("[\r\n]").any():
            text = text.str.replace_many(["\r", "\n"], ["\n", "\r"])
        if self.pairs and text.str.contains(RESERVED, literal=True).any():
            meanings = {one.pair.decode(): one.meaning for one in self.pairs}
            text = text.str.replace_many(list(meanings), list(meanings.values()))
        return text

    def line_ends(self, text: bytes) -> int:
        """How many line ends of the file are within this part of the text."""
        found = text.count(b"\n")
        if self.pairs and _RESERVED in text:
            found += sum(text.count(one.pair) for one in self.pairs if one.written.endswith(b"\n"))
        return found


NOT_CHANGED: Final = Respelling()


def without_escapes(text: bytes, dialect: CsvDialect, *, ends_in_cr: bool) -> tuple[bytes, Respelling]:
    """The text without escape sequences, and how to undo that.

    In a text that `ends_in_cr`, CR and LF have changed places already.
    """
    if dialect.escape_in_quotes is None or dialect.escape_in_quotes not in text:
        return text, Respelling(ends_in_cr=ends_in_cr)
    pairs = tuple(_pairs(dialect, ends_in_cr=ends_in_cr))
    if dialect.escape is not None:
        return _respelled(text, pairs), Respelling(pairs, ends_in_cr, dialect.escape)
    own, *of_quotes = pairs
    text = _respelled(text, [own])
    text = _quoted(dialect).sub(lambda match: _respelled(match[0], of_quotes), text)
    return text, Respelling(pairs, ends_in_cr)


def in_quotes(bare: bytes, dialect: CsvDialect) -> bytes:
    """What is not in quotes as it must be within them: an escape character then begins a sequence."""
    if dialect.quote_escape is None:
        return bare
    escaped = next(one for one in _pairs(dialect, ends_in_cr=False) if one.meaning == dialect.quote_escape)
    return bare.replace(dialect.quote_escape.encode(), escaped.pair)


def _respelled(text: bytes, pairs: "tuple[_Pair, ...] | list[_Pair]") -> bytes:
    """The text with these pairs.

    An escaped escape character comes before other sequences, so what is left of the escape characters begins
    a sequence each.
    """
    for one in pairs:
        text = text.replace(one.written, one.pair)
    return text


def _pairs(dialect: CsvDialect, *, ends_in_cr: bool) -> Iterator[_Pair]:
    """The file's own U+FDD0, the escaped escape character, and all other sequences."""
    escape = dialect.escape or dialect.quote_escape or ""
    meanings = {escape: escape}
    if dialect.quote is not None:
        meanings[dialect.quote] = dialect.quote
    if dialect.escape is not None:
        meanings |= {dialect.delimiter: dialect.delimiter, "\n": "\n", "\r": "\r"}
        meanings |= {} if dialect.comment is None else {dialect.comment: dialect.comment}
        meanings |= LETTERS | {mark: mark for mark in QUOTES}
    if ends_in_cr:
        meanings |= {"\n": "\r", "\r": "\n"} if dialect.escape is not None else {}
    yield _Pair(_RESERVED + b"a", _RESERVED, RESERVED)
    for place, (written, meaning) in enumerate(meanings.items(), start=1):
        letter = chr(ord("a") + place)
        yield _Pair((RESERVED + letter).encode(), (escape + written).encode(), meaning)


@cache
def _quoted(dialect: CsvDialect) -> re.Pattern[bytes]:
    """Fields that are quoted as a whole."""
    quote = re.escape((dialect.quote or "").encode())
    escape, delimiter = re.escape(dialect.escape_in_quotes or b""), re.escape(dialect.delimiter_byte)
    inner = rb"(?:[^%s%s]++|%s.|%s%s)*+" % (quote, escape, escape, quote, quote)
    return re.compile(
        rb"(?s)(?:(?<=[%s\n])|\A)%s%s%s(?=[%s\n]|\r\n|\r?\Z)" % (delimiter, quote, inner, quote, delimiter)
    )
