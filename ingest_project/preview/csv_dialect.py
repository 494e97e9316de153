"""Detects the dialect of a CSV file: delimiter, quote, header, comments, and the texts that mean null."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest_project.preview.csv_escapes import find_escapes
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.excel_mark import LONGEST_BYTES, excel_mark
from ingest_project.reading.formats.csv.header import FEWEST_BELOW_A_TITLE

DELIMITERS = (",", ";", "\t", "|")
RECORDS = 500
"""How many records tell the dialect."""
MOST = 0.9
"""The share of records that must have the same number of fields."""
FIELDS = re.compile(r"^#\s*Fields:\s*(.+)$", re.MULTILINE)
NULLS = ("NULL", "null", "\\N", "NA", "N/A", "n/a", "#N/A", "None", "none", "NaN", "nan", "-", "?")
"""What programs write for null; accepted only if all other values of the column are numbers or times."""
DUMPED_NULL = "\\N"
"""What PostgreSQL, MySQL and Hive write for null, also in columns of text; it has no other meaning."""
VALUE = re.compile(
    r"[-+]?[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?%?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}.*"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|true|false|TRUE|FALSE"
)
"""Values that are not names of columns: a number, a date or time, a UUID, a truth value."""


@dataclass(frozen=True, slots=True)
class FoundDialect:
    """How one file is written. `first` are the fields of its first record, `records` those below it.

    `has_header` is None if the file alone does not tell.
    """

    delimiter: str
    quote: str | None
    encoding: str
    has_header: bool | None
    comment: str | None
    null_values: tuple[str, ...]
    first: tuple[str, ...]
    records: tuple[tuple[str, ...], ...] = field(repr=False)
    names: tuple[str, ...] | None = None
    """Those that a comment gives, as W3C's log files do: `#Fields: date time cs-method`."""
    is_marked: bool = False
    """Whether Excel's `sep=;` tells the delimiter of this very file, whatever the table says."""
    escape: str | None = None
    quote_escape: str | None = None
    title: str | None = None
    """The text above the record that seems to be the header; it would be read as the header."""

    def reading(self, *, header: bool) -> CsvDialect:
        """The dialect for the reader; without a header the columns are column_1, column_2 and so on."""
        names = None if header else tuple(f"column_{place}" for place in range(1, len(self.first) + 1))
        encoding = "utf-8" if self.encoding == "ascii" else self.encoding
        return CsvDialect(
            delimiter=self.delimiter,
            quote=self.quote,
            names=names,
            encoding=encoding,
            null_values=self.null_values,
            comment=self.comment,
            escape=self.escape,
            quote_escape=self.quote_escape,
        )


def find_dialect(
    text: str, *, encoding: str = "utf-8", is_whole: bool = True, anyway: bool = False
) -> FoundDialect | None:
    """The dialect of this text; None if it is not a table of two or more columns.

    With `anyway` a single column is enough. Of several delimiters, the one with the most records of equal
    width is chosen, then the one with the most columns. The last record is ignored unless the text is whole.
    """
    excel = excel_mark(text[:LONGEST_BYTES].encode(errors="replace"), CsvDialect())
    delimiters = (excel.dialect.delimiter,) if excel.line else DELIMITERS
    below_mark = text[excel.size_bytes :].lstrip("\r\n")
    lines = below_mark[: 1024**2]
    is_whole = is_whole and len(lines) == len(below_mark)
    quote, comment = _quote(lines), None
    best = _best(lines, delimiters, quote, is_whole)
    if best[0] < MOST and quote is not None:
        unquoted = _best(lines, delimiters, None, is_whole)
        if unquoted[0] >= MOST:
            best, quote = unquoted, None
    escapes = find_escapes(lines, best[2], quote)
    if escapes.respelling.pairs:
        best = _best(escapes.text, best[2:3], quote, is_whole)
    share, width, delimiter, records = best
    records = [[escapes.respelling.name(one) for one in record] for record in records]
    if records and all(record[0].startswith("#") for record in records[:1]) and len(records[0]) != width:
        comment = "#"
        records = [record for record in records if not record[0].startswith("#")]
    if not records or ((share < MOST or width < 2) and not anyway):
        return None
    even = [record for record in records if len(record) == width]
    if not even:
        return None
    first, below = tuple(even[0]), tuple(tuple(record) for record in even[1:])
    names = _names_in_comment(lines, width) if comment else None
    has_header = False if names else _has_header(first, below)
    return FoundDialect(
        delimiter,
        quote,
        encoding,
        has_header,
        comment,
        _null_values((first, *below) if has_header is False else below, escapes.escape),
        first,
        below,
        names,
        is_marked=bool(excel.line),
        escape=escapes.escape,
        quote_escape=escapes.quote_escape,
        title=None if comment else _title(records, width),
    )


def _best(
    text: str, delimiters: Sequence[str], quote: str | None, is_whole: bool
) -> tuple[float, int, str, list[list[str]]]:
    return max((_tried(text, mark, quote, is_whole) for mark in delimiters), key=lambda found: found[:2])


def _title(records: list[list[str]], width: int) -> str | None:
    """The text of a first record that is a title: it has one field with a value, the next record has more."""
    first, *below = (record for record in records if any(record))
    filled = [field for field in first if field.strip()]
    if len(filled) != 1 or len(first) not in {1, width} or width < 2 or not below:
        return None
    if len(first) == width and (width < FEWEST_BELOW_A_TITLE or not first[0].strip()):
        return None
    return filled[0] if sum(map(bool, below[0])) > 1 else None


def _names_in_comment(text: str, width: int) -> tuple[str, ...] | None:
    found = FIELDS.search(text)
    names = tuple(found[1].split()) if found else ()
    return names if len(names) == width and len(set(names)) == width else None


def _tried(
    text: str, delimiter: str, quote: str | None, is_whole: bool
) -> tuple[float, int, str, list[list[str]]]:
    """The share of records of the commonest width, that width, and the records."""
    records = _records(text, delimiter, quote, is_whole)
    # Comments have any number of fields.
    widths = Counter(len(record) for record in records if not record[0].startswith("#")) or Counter(
        map(len, records)
    )
    if not widths:
        return 0.0, 0, delimiter, []
    width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
    share = count / sum(widths.values())
    return (share if width > 1 else 0.0), width, delimiter, records


def _records(text: str, delimiter: str, quote: str | None, is_whole: bool) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
    )
    records: list[list[str]] = []
    cut = True
    try:
        for record in reader:
            if len(records) > RECORDS:
                break
            if record:
                records.append(record)
        else:
            cut = False
    except csv.Error:
        return records
    return records if cut or is_whole else records[:-1]


def _quote(text: str) -> str | None:
    """The double quote, unless the text has none and fields are in single quotes."""
    if '"' in text:
        return '"'
    single = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", text[:65_536], re.MULTILINE)
    return "'" if len(single) >= 2 else '"'


def _has_header(first: tuple[str, ...], below: tuple[tuple[str, ...], ...]) -> bool | None:
    """Whether the first record has the names of the columns; None if that is not certain.

    A name may be missing, or occur twice: pandas does not name an index, a join has two ids.
    """
    columns = list(zip(*below, strict=True)) if below else [()] * len(first)
    fields = [pair for pair in zip(first, columns, strict=True) if pair[0] or any(pair[1])]
    names = [name for name, _ in fields]
    if any(VALUE.fullmatch(name.strip()) for name in names):
        return False
    for name, column in fields:
        if name.strip() and any(VALUE.fullmatch(value.strip()) for value in column):
            return True
    if fields and not names[0] and _is_index(fields[0][1]):
        return True
    return None if all(name.strip() for name in names) and len(set(names)) == len(names) else False


def _is_index(column: tuple[str, ...]) -> bool:
    """Whether it counts the rows, as the index of pandas does."""
    return column == tuple(map(str, range(len(column))))


def _null_values(records: tuple[tuple[str, ...], ...], escape: str | None) -> tuple[str, ...]:
    """The texts that mean null, without the one that an escape character implies."""
    found: set[str] = set()
    for column in zip(*records, strict=True) if records else ():
        texts = set(column)
        found |= texts & {DUMPED_NULL}
        marks, values = texts & set(NULLS), texts - {*NULLS, ""}
        if marks and values and all(VALUE.fullmatch(value) for value in values):
            found |= marks
    return tuple(mark for mark in NULLS if mark in found and (escape is None or mark != DUMPED_NULL))
