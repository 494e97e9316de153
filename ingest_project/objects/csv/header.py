"""Names the fields of CSV: by its header, and by their place where the header does not name them."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.objects.csv.text import no_text
from ingest_project.objects.example import example_of
from ingest_project.objects.format_options import CsvDialect

NO_PART_OF_A_NAME = frozenset("\r\x00\x85")
"""Line ends of old Macs and of mainframes, with which a whole file would be its header, and what is no text at all."""
BY_PLACE = (
    "name the fields apart in the file; or set csv: {header: false}, for which `columns` names all fields in their "
    "order, and the line of the header is a bad row where a column is no text"
)
FEWEST_BELOW_A_TITLE = 3
"""Fields of a header whose first alone has a name, from which on it is rather the title of a sheet."""


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """`written` are the names as the header has them, empty ones too; `names` those of the columns, all of them distinct."""

    written: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def named_width(self) -> int:
        """How many fields there are up to the last that the header names."""
        return max((place for place, name in enumerate(self.written, start=1) if name), default=0)

    def takes(self, fields: int) -> bool:
        """Whether a row may have so many: one for each name, and for those behind them that have none, if it has them.

        Excel leaves out delimiters at the end where all that is left of some rows is empty.
        """
        return self.named_width <= fields <= len(self.names)

    @property
    def unnamed(self) -> frozenset[str]:
        """The names that the header does not have."""
        return frozenset(self.names) - frozenset(self.written)

    @property
    def looks_like_title(self) -> bool:
        """Whether the first field alone has a name, as in the row of a sheet that holds nothing but its title."""
        return len(self.written) >= FEWEST_BELOW_A_TITLE and self.named_width == 1

    def as_polars_has_it(self) -> list[str]:
        """What Polars calls the fields: of several without a name all but the first by a name of its own."""
        blank = 0
        found: list[str] = []
        for name in self.written:
            found.append(name or ("" if blank == 0 else f"_duplicated_{blank - 1}"))
            blank += not name
        return found


def csv_header(content: bytes, dialect: CsvDialect, uri: str) -> CsvHeader:
    """The header that the content begins with; a field without a name is `column_3` by its place, from 1.

    Raises ObjectUnreadable for a header that is no text or has no name at all, ColumnRefused if two names are alike.
    """
    try:
        written = next(records_of_csv(content, dialect), [])
    except UnicodeDecodeError as error:
        raise ObjectUnreadable(uri, no_text(dialect.encoding)) from error
    except csv.Error as error:
        raise ObjectUnreadable(uri, f"its header is no CSV: {error}") from error
    _refuse_unusable(written, content, dialect, uri)
    names = [name or f"column_{place}" for place, name in enumerate(written, start=1)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if both := [name for name in twice if written.count(name) == 1]:
        place = both[0].removeprefix("column_")
        reason = f"its header leaves field {place} without a name, which is called {both[0]!r} then, as another field is"
        raise ColumnRefused(uri, f"{reason}; {BY_PLACE}")
    if twice:
        raise ColumnRefused(
            uri, f"its header names {', '.join(map(repr, twice[:10]))} more than once; {BY_PLACE}"
        )
    return CsvHeader(tuple(written), tuple(names))


def refuse_foreign_header(header: CsvHeader, fields: Collection[str], uri: str) -> None:
    """Raises ObjectUnreadable if a table's fields are known and none of them is in the header.

    So it is with another delimiter, and with another format that passes for CSV: nothing but nulls would come in. Where
    no field is known, a header that looks like the title of a sheet is refused: it would name the columns for good.
    """
    if fields and not set(header.names) & set(fields):
        shown = ", ".join(map(example_of, header.names[:3]))
        raise ObjectUnreadable(
            uri, f"its header names none of the table's columns: {shown}; is it of another delimiter?"
        )
    if not fields and header.looks_like_title:
        raise ObjectUnreadable(
            uri,
            f"its header names one of {len(header.written)} fields, {example_of(header.written[0])}, as the title of a sheet "
            "does; take the lines above the header out of the file, or declare `columns` if this is it",
        )


def _refuse_unusable(written: list[str], content: bytes, dialect: CsvDialect, uri: str) -> None:
    if any(NO_PART_OF_A_NAME & set(name) for name in written):
        raise ObjectUnreadable(
            uri, "its header has a control character, or its lines do not end in LF or CRLF"
        )
    header = content.partition(b"\n")[0].rstrip(b"\r")
    if b"\r" in header and not dialect.has_quotes(header):
        raise ObjectUnreadable(uri, "its lines do not end in LF or CRLF")
    if written and not any(written):
        raise ObjectUnreadable(
            uri, "its header names no field; take the lines above the header out of the file"
        )


def records_of_csv(content: bytes, dialect: CsvDialect) -> Iterator[list[str]]:
    """The fields of each record, no field of a blank line. Raises csv.Error and UnicodeDecodeError."""
    # Python's own limit is 128 KB a field; it holds for the whole process.
    csv.field_size_limit(sys.maxsize)
    return csv.reader(
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
    )
