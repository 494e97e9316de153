"""The options of a table's format: how its CSV is written, and where in a JSON document its rows are."""

import codecs
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ingest_project.settings.strict import Strict

NO_TEXT_OF_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
"""Codecs of Python's that spell text for other purposes than files."""


def _mark(text: str) -> str:
    """Polars tells fields apart by bytes, so a mark is one of ASCII; a letter or digit would be part of the data."""
    if len(text) != 1 or not text.isascii() or text.isalnum() or text in "\r\n\0":
        raise ValueError(
            'must be one ASCII character, no letter, digit or line end; a tab is written "\\t" in double quotes'
        )
    return text


def _known_encoding(name: str) -> str:
    """The codec's own name for itself: `latin1`, `L1` and `ISO-8859-1` are one."""
    try:
        known = codecs.lookup(name).name
        is_text = "a".encode(name).decode(name) == "a"
    except (LookupError, ValueError):  # a codec of bytes to bytes, zlib for example, is a LookupError
        known, is_text = "", False
    if not is_text or known in NO_TEXT_OF_FILES:
        raise ValueError("no encoding of text; write it as Python names it: utf-8, utf-16, latin-1, cp1252")
    return known


def _dotted_path(path: str) -> str:
    if not all(path.split(".")):
        raise ValueError("no path; write the keys from the top joined by dots, like data.items")
    return path


Mark = Annotated[str, AfterValidator(_mark)]


class CsvSettings(Strict):
    """How a table's CSV files are written; the defaults are RFC 4180 in UTF-8 with a header.

    Without a header the fields are the declared columns, in their order. `quote: null` gives quotes no meaning.
    A byte order mark of UTF-8 or UTF-16 counts for more than `encoding`. Fields that read like one of `null_values`
    are null, quoted or not, as are empty ones. Lines that start with `comment` are no rows.
    """

    delimiter: Mark = ","
    quote: Mark | None = '"'
    header: bool = True
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    null_values: list[str] = Field(default_factory=list)
    comment: Mark | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        marks = [mark for mark in (self.delimiter, self.quote, self.comment) if mark is not None]
        if len(set(marks)) < len(marks):
            raise ValueError("delimiter, quote and comment must be three different characters; change one")
        return self


class JsonSettings(Strict):
    """Where in each document the rows are: the array of objects, or the object, under this path of keys."""

    path: Annotated[str, AfterValidator(_dotted_path)] | None = None
