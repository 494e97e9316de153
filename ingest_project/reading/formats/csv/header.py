"""Names the fields of CSV: by the header, or by their place if the header has no name for them."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.respelling import NOT_CHANGED, Respelling
from ingest_project.reading.formats.csv.text import no_text
from ingest_project.reading.formats.unnamed import named_by_place
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.values.example import example_of

NO_PART_OF_A_NAME = frozenset("\r\x00\x85")
"""Line ends of old Macs and mainframes, which would make a whole file its header, and NUL, which is not text.
"""
BY_PLACE = (
    "give each field a name of its own in the file; or set csv: {header: false}, for which `columns` names "
    "all fields in order, and the line of the header is a bad row if a column is not text"
)
FEWEST_BELOW_A_TITLE = 3
"""The fewest fields of a header that looks like the title of a sheet if only the first has a name."""


@dataclass(frozen=True)
class CsvHeader:
    """`written` are the names in the header, empty where it has none; `names` are those of the columns,
    distinct.

    `parsed` are the names as a parser finds them in the text, whose escape sequences were removed.
    """

    written: tuple[str, ...]
    names: tuple[str, ...]
    parsed: tuple[str, ...]

    @cached_property
    def widths(self) -> range:
        """How many fields a row may have: one for each name, at most one for each unnamed field behind them.

        Excel omits the delimiters at the end of some rows if all further fields are empty.
        """
        named = max((place for place, name in enumerate(self.written, start=1) if name), default=0)
        return range(named, len(self.names) + 1)

    @property
    def unnamed(self) -> frozenset[str]:
        """The names that the header lacks."""
        return frozenset(self.names) - frozenset(self.written)

    @property
    def looks_like_title(self) -> bool:
        """Whether only the first field has a name, as in the row of a sheet that holds its title."""
        return len(self.written) >= FEWEST_BELOW_A_TITLE and self.widths.start == 1

    def empty_row(self, delimiter: bytes) -> bytes:
        """A row without values, as a line."""
        return delimiter * (len(self.names) - 1) + b"\n"

    def as_polars_has_it(self, quote: str | None) -> list[str]:
        """The names that Polars gives to the fields.

        It makes up names for unnamed fields but the first, and leaves quotes within names doubled.
        """
        blank = 0
        found: list[str] = []
        for name in self.parsed:
            doubled = name if quote is None else name.replace(quote, quote * 2)
            found.append(doubled or ("" if blank == 0 else f"_duplicated_{blank - 1}"))
            blank += not name
        return found


def csv_header(
    content: bytes, dialect: CsvDialect, uri: str, respelling: Respelling = NOT_CHANGED
) -> CsvHeader:
    """The header at the start of the content; a field without a name is `column_3` by its place, from 1.

    `respelling` tells what was changed in the content.

    Raises ObjectUnreadable if the header is not text or has no name at all, ColumnRefused if two names are
    equal.
    """
    try:
        parsed = next(_records(content, dialect), [])
        "".join(parsed).encode()
    except UnicodeEncodeError as error:
        raise ObjectUnreadable(uri, no_text(dialect.encoding)) from error
    except csv.Error as error:
        raise ObjectUnreadable(uri, f"its header is not valid CSV: {error}") from error
    written = [respelling.name(name) for name in parsed]
    _refuse_unusable(written, content, dialect, uri)
    written = [name if name.strip() else "" for name in written]
    names = named_by_place(written)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if both := [name for name in twice if written.count(name) == 1]:
        place = both[0].removeprefix("column_")
        reason = (
            f"its header has no name for field {place}, which is then called {both[0]!r} like another field"
        )
        raise ColumnRefused(uri, f"{reason}; {BY_PLACE}")
    if twice:
        raise ColumnRefused(
            uri, f"its header names {', '.join(map(repr, twice[:10]))} more than once; {BY_PLACE}"
        )
    return CsvHeader(tuple(written), tuple(names), tuple(parsed))


def refuse_foreign_header(
    header: CsvHeader, fields: Collection[str], uri: str, spelling: Spelling | None = None
) -> None:
    """Raises ObjectUnreadable if a table's fields are known and none of them is in the header.

    The file has another delimiter or another format then, and all values would be null. If no field is known,
    a header that looks like the title of a sheet is refused: it would name the columns for good.
    """
    names = header.names if spelling is None else map(spelling.of, header.names)
    if fields and not set(names) & set(fields):
        shown = ", ".join(map(example_of, header.names[:3]))
        raise ObjectUnreadable(
            uri, f"its header names none of the table's columns: {shown}; does it have another delimiter?"
        )
    if not fields and header.looks_like_title:
        raise ObjectUnreadable(
            uri,
            f"its header names only one of {len(header.written)} fields, {example_of(header.written[0])}, "
            "like the title of a sheet; remove the lines above the header, or, if it is the header, declare "
            "`columns`",
        )


def _refuse_unusable(written: list[str], content: bytes, dialect: CsvDialect, uri: str) -> None:
    if any(NO_PART_OF_A_NAME & set(name) for name in written):
        raise ObjectUnreadable(
            uri, "its header has a control character, or its lines do not end in LF or CRLF"
        )
    header = content.partition(b"\n")[0].rstrip(b"\r")
    if b"\r" in header and not dialect.has_quotes(header):
        raise ObjectUnreadable(uri, "its lines do not end in LF or CRLF")
    if written and not any(name.strip() for name in written):
        raise ObjectUnreadable(
            uri, "its header names no field; remove the lines above the header from the file"
        )


def _records(content: bytes, dialect: CsvDialect) -> Iterator[list[str]]:
    """The fields of each record; bytes that are not valid UTF-8 become surrogates. Raises csv.Error."""
    # Python's own limit is 128 KB a field; it holds for the whole process.
    csv.field_size_limit(sys.maxsize)
    return csv.reader(
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape", newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
    )
