"""Reads the rows of a sheet from its XML, as they come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ingest_project.reading.formats.excel import cells
from ingest_project.reading.formats.excel.markup import names, parsed
from ingest_project.reading.formats.excel.workbook import SharedTexts, SheetEntry, TextOfRuns, Workbook

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
LETTERS = re.compile("[A-Z]{1,3}")
TEXTS = frozenset({"str", "inlineStr"})
"""The types of cells that may hold a text without characters."""
ELEMENTS = names("row", "c", "v", "f", "is", "t", "rPh", "sheetData")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that has a value: its number in the sheet, from 1, and marked cells by their columns, from 0."""

    number: int
    cells: dict[int, str] = field(repr=False)


def rows_of(workbook: Workbook, sheet: SheetEntry, *, record_bytes: int) -> Iterator[SheetRow]:
    """The rows of a sheet, but those in which nothing is shown. Raises ValueError or ExpatError if it is
    damaged.
    """
    reader = _Reader(workbook, workbook.texts(), record_bytes)
    chunks = workbook.package.chunks(sheet.part)
    for _ in parsed(chunks, start=reader.start, end=reader.end, text=reader.text):
        yield from reader.rows
        reader.rows.clear()


def column_letters(place: int) -> str:
    """The letters of a column, whose place is counted from 0: `A`, `Z`, `AA`."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@lru_cache(MAX_COLUMNS)
def _place_of(letters: str) -> int | None:
    if not LETTERS.fullmatch(letters):
        return None
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


class _Reader:
    """Puts rows together from the elements of a sheet."""

    def __init__(self, workbook: Workbook, texts: SharedTexts, record_bytes: int) -> None:
        self.rows: list[SheetRow] = []
        self._texts = texts
        self._is_1904 = workbook.is_1904
        self._styles = workbook.styles
        self._record_bytes = record_bytes
        self._number, self._column, self._number_text = 0, -1, "0"
        self._cells: dict[int, str] = {}
        self._size_bytes = 0
        self._runs = TextOfRuns()
        self._value: list[str] | None = None
        self._is_within_value = False
        self._is_within_inline = False
        self._has_formula = False
        self._type, self._style = "n", 0
        self._is_past = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = ELEMENTS.get(name, "")
        if self._is_past:
            return
        if element == "c":
            self._start_cell(attributes)
        elif element == "v":
            self._value, self._is_within_value = [], True
        elif element == "f":
            self._has_formula = True
        elif element == "row":
            self._start_row(attributes.get("r"))
        elif element == "is":
            self._is_within_inline = True
        elif self._is_within_inline:
            self._runs.start(element)

    def text(self, text: str) -> None:
        if self._is_within_value and self._value is not None:
            self._value.append(text)
            self._spend(len(text))
        elif self._is_within_inline:
            self._runs.add(text)

    def end(self, name: str) -> None:
        element = ELEMENTS.get(name, "")
        if self._is_past:
            return
        if element == "v":
            self._is_within_value = False
        elif element == "c":
            self._end_cell()
        elif element == "row":
            self._end_row()
        elif element == "is":
            self._is_within_inline = False
            self._value = [self._runs.take()]
        elif element == "sheetData":
            self._is_past = True
        elif self._is_within_inline:
            self._runs.end(element)

    def _start_row(self, written: str | None) -> None:
        number = self._number + 1 if written is None else int(written)
        if not self._number < number <= MAX_ROWS:
            raise ValueError(f"row {number} stands behind row {self._number}")
        self._number, self._column, self._number_text = number, -1, str(number)
        self._cells, self._size_bytes = {}, 0

    def _end_row(self) -> None:
        if any(one != cells.TEXT for one in self._cells.values()):
            self.rows.append(SheetRow(self._number, self._cells))
        self._cells = {}

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        column = self._column + 1 if reference is None else self._place(reference)
        if not self._column < column < MAX_COLUMNS:
            raise ValueError(f"the cells of row {self._number} are not in order")
        self._column = column
        self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
        self._value, self._has_formula = None, False

    def _place(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        place = _place_of(letters)
        if place is None or reference[len(letters) :] != self._number_text:
            raise ValueError(f"a cell of row {self._number} has the reference {reference[:20]!r}")
        return place

    def _end_cell(self) -> None:
        marked = self._marked("".join(self._value) if self._value is not None else None)
        if marked is not None:
            self._cells[self._column] = marked
            self._spend(len(marked))

    def _marked(self, written: str | None) -> str | None:
        """The cell; None if it is empty, also where a program writes a value of no characters."""
        if written is None or (not written.strip() and self._type not in TEXTS):
            return cells.NOT_COMPUTED if self._has_formula else None
        match self._type:
            case "s":
                return cells.text(self._texts[int(written)])
            case "str":
                return cells.text(cells.unescaped(written))
            case "inlineStr":
                return cells.text(written)
            case "b":
                return cells.truth(written)
            case "e":
                return cells.ERROR + written
            case "d":
                return cells.iso_time(written)
            case "n":
                return self._number_of(written.strip())
        raise ValueError(f"a cell of row {self._number} is of type {self._type[:20]!r}")

    def _number_of(self, written: str) -> str:
        shown = self._styles[self._style] if 0 <= self._style < len(self._styles) else "number"
        return cells.number(written, shown, is_1904=self._is_1904)

    def _spend(self, size: int) -> None:
        self._size_bytes += size
        if self._size_bytes > self._record_bytes:
            raise ValueError(f"row {self._number} has more than {self._record_bytes:,} bytes")
