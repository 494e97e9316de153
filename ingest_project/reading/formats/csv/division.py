"""Divides CSV into its rows, good and bad, each with the number of its line.

Lines are joined while a quote is open, and the fields of each record are counted. Only records that look odd
are read by `rows.py`, which takes much longer; all are if a misplaced quote leaves open where rows end.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.header import CsvHeader, csv_header, refuse_foreign_header
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.rows import Lines, misfit, rows_of
from ingest_project.reading.formats.csv.text import PlainText, made_up_header
from ingest_project.reading.formats.text import is_utf_8
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.spelling import Spelling

OPEN = "unexpected end of data"
"""What Python's csv module says of a quote that is not closed."""
BLOCK_BYTES = 64 * 1024
"""What is divided into lines at once."""
LF = ord("\n")
Numbered = tuple[int, bytes]
"""A record without its last line end, and the number of its first line."""


class _Torn(Exception):
    """A record has a misplaced quote, so it may end on another line, and others may begin on other lines."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a body as lines that can be parsed, how many these are, and the faults of the bad ones.

    In place of a bad row stands a row without values.
    """

    lines: list[bytes | memoryview] = field(repr=False)
    count: int
    faults: dict[int, RowFault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Division:
    """The records of a body, each without its last line end, and what is wrong with the bad ones, by place.

    `header` is the line above them, made up if the file has none. `mended` are parsed in place of records.
    """

    header: bytes
    records: list[bytes] = field(repr=False)
    numbers: Sequence[int] = field(repr=False)
    faults: dict[int, RowFault] = field(default_factory=dict)
    mended: dict[int, bytes] = field(default_factory=dict, repr=False)

    def rows(self, empty_row: bytes) -> Rows:
        """The rows as they are parsed."""
        if not self.faults and not self.mended:
            return Rows([b"\n".join(self.records), b"\n"] if self.records else [], len(self.records))
        lines = (
            empty_row if place in self.faults else self.mended.get(place, one) + b"\n"
            for place, one in enumerate(self.records)
        )
        return Rows([b"".join(lines)], len(self.records), self.faults)


def divided(
    plain: PlainText,
    *,
    fields: Collection[str] = (),
    first_line: int = 1,
    uri: str,
    spelling: Spelling | None = None,
    is_exact: bool = False,
) -> Division:
    """The rows of a text, good and bad; each is read by `rows.py` if it must be `is_exact`.

    Raises ObjectUnreadable or ColumnRefused if the header is unusable.
    """
    texts, numbers = _lines(plain, first_line)
    lines = Lines(texts, numbers, plain)
    header, top = _header(lines, fields, uri, spelling)
    if header is None:
        return Division(b"", [], [])
    if not is_exact and (found := _quickly(texts, numbers, lines.place, header, plain)) is not None:
        records, places, faults, mended = found
        return Division(top, records, places, faults, mended)
    rows = list(rows_of(lines, header))
    return Division(
        top,
        [one.raw for one in rows],
        [one.line_number for one in rows],
        {place: one.fault for place, one in enumerate(rows) if one.fault is not None},
        {place: one.mended for place, one in enumerate(rows) if one.mended is not None},
    )


def undivided(plain: PlainText, first_line: int) -> Division:
    """The rows of a text all of which are good, below its header; without a check."""
    lines, numbers = _lines(plain, first_line)
    if _is_bare(plain):
        texts, numbers = _not_empty(lines, numbers)
    else:
        records = list(_records(lines, numbers, 0, plain.dialect))
        texts, numbers = [one for _, one in records], [number for number, _ in records]
    if plain.dialect.names is not None or not texts:
        return Division(b"", texts, numbers)
    return Division(texts[0], texts[1:], numbers[1:])


def rows_in_blocks(text: bytes, start: int, header: CsvHeader, plain: PlainText) -> Rows:
    """The rows of well-formed text without quotes, from `start` on.

    Each line of a block is a row if the number of its delimiters is right; other blocks are divided into
    lines. A row with the right number may be invalid in its encoding, and a block may have both a short row
    and a long one.
    """
    found, view, width = Rows([], 0), memoryview(text), len(header.names)
    all_bytes, delimiter = np.frombuffer(text, np.uint8), ord(plain.dialect.delimiter)
    count = 0
    sound = place = start
    while place < len(text):
        end = text.find(b"\n", place + BLOCK_BYTES) + 1 or len(text)
        block = all_bytes[place:end]
        lines = int(np.count_nonzero(block == LF))
        if width == 1 or np.count_nonzero(block == delimiter) != lines * (width - 1):
            found.lines.append(view[sound:place])
            lines = _divide_block(view[place:end], count, header, plain, found)
            sound = end
        count += lines
        place = end
    found.lines.append(view[sound:])
    return replace(found, count=count)


def _divide_block(block: memoryview, first: int, header: CsvHeader, plain: PlainText, found: Rows) -> int:
    """Adds the rows of a block, the first of which has this place; gives their number."""
    start = place = count = 0
    delimiter = plain.dialect.delimiter_byte
    for line in block.tobytes().split(b"\n")[:-1]:
        behind = place + len(line) + 1
        is_row = bool(line.strip(b"\r"))
        fault = misfit(line.count(delimiter) + 1, header) if is_row else None
        if not is_row or fault is not None:
            found.lines.append(block[start:place])
            start = behind
        if fault is not None:
            found.lines.append(header.empty_row(delimiter))
            found.faults[first + count] = fault if is_utf_8(line) else RowFault(None, plain.no_text)
        count += is_row
        place = behind
    found.lines.append(block[start:])
    return count


def _lines(plain: PlainText, first_line: int) -> tuple[list[bytes], Sequence[int]]:
    """The lines of the text, and the number of each in the file."""
    texts = plain.text.split(b"\n")
    if texts[-1] == b"":
        texts.pop()
    first = first_line + plain.dialect.lines_above
    if not plain.respelling.pairs:
        return texts, range(first, first + len(texts))
    numbers = [first]
    for text in texts:
        numbers.append(numbers[-1] + 1 + plain.respelling.line_ends(text))
    return texts, numbers


def _header(
    lines: Lines, fields: Collection[str], uri: str, spelling: Spelling | None
) -> tuple[CsvHeader | None, bytes]:
    """The header and its text; None for a text without lines."""
    plain = lines.plain
    dialect = plain.dialect
    if dialect.names is not None:
        made_up = made_up_header(dialect)
        return csv_header(made_up, dialect, uri), made_up.removesuffix(b"\n")
    top = next(rows_of(lines, None), None)
    if top is None:
        return None, b""
    if top.fault is not None and top.fault.reason == plain.no_text:
        raise ObjectUnreadable(uri, plain.no_text)
    if not is_well_formed(top.raw + b"\n", dialect):
        raise ObjectUnreadable(
            uri, "its header is not valid CSV: a quote is misplaced, or its lines end in CR alone"
        )
    header = csv_header(top.raw + b"\n", dialect, uri, plain.respelling)
    refuse_foreign_header(header, fields, uri, spelling)
    return header, top.raw


_Found = tuple[list[bytes], Sequence[int], dict[int, RowFault], dict[int, bytes]]


def _quickly(
    lines: list[bytes], numbers: Sequence[int], place: int, header: CsvHeader, plain: PlainText
) -> _Found | None:
    """The rows from this line on; None if quotes leave open where rows end."""
    dialect = plain.dialect
    if not _is_bare(plain) or not is_utf_8(plain.text):
        try:
            return _judged(list(_records(lines, numbers, place, dialect)), header, plain)
        except _Torn:
            return None
    records, chosen = _not_empty(lines[place:], numbers[place:])
    delimiter, counts = dialect.delimiter_byte, {width - 1 for width in header.widths}
    found = [one.count(delimiter) for one in records]
    odd = (row for row, count in enumerate(found) if count not in counts)
    faults = {row: fault for row in odd if (fault := misfit(found[row] + 1, header)) is not None}
    return records, chosen, faults, {}


def _is_bare(plain: PlainText) -> bool:
    """Whether each line of the text that is not empty is a record."""
    dialect, text = plain.dialect, plain.text
    return b"\r" not in text and dialect.comment is None and not dialect.has_quotes(text)


def _not_empty(lines: list[bytes], numbers: Sequence[int]) -> tuple[list[bytes], Sequence[int]]:
    if b"" not in lines:
        return lines, numbers
    chosen = [number for number, line in zip(numbers, lines, strict=True) if line]
    return [line for line in lines if line], chosen


def _judged(records: Sequence[Numbered], header: CsvHeader, plain: PlainText) -> _Found:
    """The records with what is wrong with them, the odd ones after another look. Raises _Torn."""
    texts, numbers = list[bytes](), list[int]()
    faults, mended = dict[int, RowFault](), dict[int, bytes]()
    for is_usual, run in _runs(records, header.widths, plain):
        if is_usual:
            numbers += [number for number, _ in run]
            texts += [text for _, text in run]
            continue
        lines = [line for _, text in run for line in text.split(b"\n")]
        starts = [number for number, text in run for number in _numbers_within(number, text, plain)]
        for row in rows_of(Lines(lines, starts, plain), header):
            if row.fault is not None:
                faults[len(texts)] = row.fault
            if row.mended is not None:
                mended[len(texts)] = row.mended
            numbers.append(row.line_number)
            texts.append(row.raw)
    return texts, numbers, faults, mended


def _numbers_within(number: int, text: bytes, plain: PlainText) -> Iterator[int]:
    """The numbers of the lines of a record that begins with this one."""
    for line in text.split(b"\n"):
        yield number
        number += 1 + plain.respelling.line_ends(line)


def _runs(
    records: Iterable[Numbered], widths: range, plain: PlainText
) -> Iterator[tuple[bool, list[Numbered]]]:
    """Neighbours that are usual, and neighbours that are not, without blank lines between. Raises _Torn."""
    was_usual, run, behind = True, list[Numbered](), 0
    for number, text in records:
        is_usual = _is_usual(text, widths, plain.dialect)
        if run and (is_usual != was_usual or (not is_usual and number != behind)):
            yield was_usual, run
            run = []
        was_usual = is_usual
        run.append((number, text))
        if not is_usual:
            behind = number + 1 + plain.respelling.line_ends(text)
    if run:
        yield was_usual, run


def _records(
    lines: Sequence[bytes], numbers: Sequence[int], place: int, dialect: CsvDialect
) -> Iterator[Numbered]:
    """The lines from there on that are not blank, without comments, joined while a quote is open.

    A quote that is never closed joins all lines below it.
    """
    quote = (dialect.quote or "\n").encode()
    comment = (dialect.comment or "\n").encode()
    start, opened = 0, list[bytes]()
    for at in range(place, len(lines)):
        line = lines[at]
        if not opened and line.startswith(comment):
            continue
        turns = quote in line and line.count(quote) % 2 == 1
        if opened or turns:
            start = start if opened else numbers[at]
            opened.append(line)
            if turns and len(opened) > 1:
                yield start, b"\n".join(opened)
                opened = []
        elif line.strip(b"\r"):
            yield numbers[at], line
    if opened:
        yield start, b"\n".join(opened)


def _is_usual(record: bytes, widths: range, dialect: CsvDialect) -> bool:
    """Whether the record has one of these numbers of fields, and its quotes where they belong.

    Raises _Torn if a quote may make it end elsewhere.
    """
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        if dialect.has_quotes(record):
            raise _Torn from error
        return False
    if not dialect.has_quotes(record):
        return record.count(dialect.delimiter_byte) + 1 in widths and b"\r" not in record[:-1]
    if is_well_formed(record + b"\n", dialect):
        return len(_fields(text, dialect)) in widths
    if "\n" in text:
        raise _Torn
    try:
        _fields(text, dialect)
    except csv.Error as error:
        if OPEN in str(error):
            raise _Torn from error
    return False


def _fields(text: str, dialect: CsvDialect) -> list[str]:
    lines = io.StringIO(text, newline="")
    return next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True), [])
