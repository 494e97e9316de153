"""The options of a format: the dialect of CSV, and where in a JSON document or a workbook the rows are."""

import codecs
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ingest_project.settings.column_settings import Column
from ingest_project.settings.strict import Strict

NO_TEXT_OF_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
"""Python's codecs of text that are not meant for files."""


def _mark(text: str) -> str:
    """Polars divides fields by bytes, so a mark is an ASCII character; a letter or digit would be data."""
    if len(text) != 1 or not text.isascii() or text.isalnum() or text in "\r\n\0":
        raise ValueError(
            "must be one ASCII character, not a letter, digit or line end; "
            'a tab is written "\\t" in double quotes'
        )
    return text


def _known_encoding(name: str) -> str:
    """The codec's canonical name: `latin1`, `L1` and `ISO-8859-1` are the same."""
    try:
        known = codecs.lookup(name).name
        is_text = "a".encode(name).decode(name) == "a"
    except (LookupError, ValueError):  # LookupError also for a codec of bytes to bytes, such as zlib
        known, is_text = "", False
    if not is_text or known in NO_TEXT_OF_FILES:
        raise ValueError("not a text encoding; write it as Python names it: utf-8, utf-16, latin-1, cp1252")
    return known


def _dotted_path(path: str) -> str:
    if not all(path.split(".")):
        raise ValueError("not a path; write the keys from the top joined by dots, like data.items")
    return path


Mark = Annotated[str, AfterValidator(_mark)]


class CsvSettings(Strict):
    """The dialect of a table's CSV files; the defaults are RFC 4180 in UTF-8 with a header.

    Without a header, the fields are the declared columns, in order. With `quote: null`, quotes have no
    meaning. A byte order mark of UTF-8 or UTF-16 takes precedence over `encoding`. Fields that equal one of
    `null_values` are null, quoted or not, and so are empty ones. Lines that start with `comment` are not
    rows. `escape` begins an escape sequence anywhere in a field, as MySQL, PostgreSQL's text format and
    Redshift write them; `quote_escape` only within quotes, before a quote or itself, as Spark does.
    """

    delimiter: Mark = ","
    quote: Mark | None = '"'
    header: bool = True
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    null_values: list[str] = Field(default_factory=list)
    comment: Mark | None = None
    escape: Mark | None = None
    quote_escape: Mark | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        marks = [self.delimiter, self.quote, self.comment, self.escape or self.quote_escape]
        given = [mark for mark in marks if mark is not None]
        if len(set(given)) < len(given):
            raise ValueError(
                "delimiter, quote, comment and the escape character must be different characters; change one"
            )
        return self

    @model_validator(mode="after")
    def _one_escape(self) -> Self:
        if self.escape is not None and self.quote_escape is not None:
            raise ValueError("escape and quote_escape exclude each other; remove one")
        if self.quote_escape is not None and self.quote is None:
            raise ValueError("quote_escape has no meaning without quotes; remove it, or write escape")
        return self


class JsonSettings(Strict):
    """Where in each document the rows are: the array of objects, or the object, under this path of keys.

    `columns` are those of the bodies of messages, for a queue with `source: messages`.
    """

    path: Annotated[str, AfterValidator(_dotted_path)] | None = None
    columns: dict[str, Column] | None = None


def _sheet(written: object) -> object:
    is_name = isinstance(written, str) and written != ""
    is_number = isinstance(written, int) and not isinstance(written, bool) and written >= 1
    if written is not None and not is_name and not is_number:
        raise ValueError("must be the name of a sheet, or its number among the visible ones, from 1")
    return written


class ExcelSettings(Strict):
    """Where the rows are in a table's workbooks; by default below the header of the first visible sheet.

    `sheet` is a name, or a number that counts the visible sheets from 1. `skip_rows` is the number of rows to
    skip at the top, above the header. Without a header the fields are the declared columns, in their order.
    Texts and errors that are among `null_values` are null, as are empty cells.
    """

    sheet: Annotated[str | int | None, BeforeValidator(_sheet)] = None
    header: bool = True
    skip_rows: Annotated[int, Field(ge=0)] = 0
    null_values: list[str] = Field(default_factory=list)
