"""Finds where the rows of a workbook are: its sheets, and the header in the sheet that is read by default."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ingest_project.reading.format_options import ExcelLayout
from ingest_project.reading.formats.excel import cells
from ingest_project.reading.formats.excel.package import opened
from ingest_project.reading.formats.excel.sheet import SheetRow, rows_of
from ingest_project.reading.formats.excel.workbook import workbook_in
from ingest_project.reading.limits import LIMITS

LOOKED_AT = 50
"""How many rows tell where the header is."""


@dataclass(frozen=True, slots=True)
class FoundLayout:
    """`sheets` are all worksheets as messages name them; `skip_rows` counts the rows above the table."""

    sheets: tuple[str, ...]
    skip_rows: int = 0
    has_header: bool = True
    width: int = 0


def find_layout(body: bytes, uri: str) -> FoundLayout:
    """The layout of a workbook. Raises ObjectError if it cannot be read."""
    with opened(io.BytesIO(body), uri) as package:
        workbook = workbook_in(package, uri)
        sheet = workbook.sheet(ExcelLayout(), uri)
        rows = list(
            islice(rows_of(workbook, sheet, record_bytes=LIMITS.portion.piece.record_bytes), LOOKED_AT)
        )
    sheets = tuple(map(str, workbook.sheets))
    if not rows:
        return FoundLayout(sheets)
    first = _first_of_table(rows)
    skip_rows = 0 if first is rows[0] else first.number - 1
    kinds = [cell[0] for cell in _filled(first)]
    width = max(max(row.cells) + 1 for row in rows if row.number >= first.number)
    return FoundLayout(sheets, skip_rows, kinds.count(cells.TEXT) * 2 >= len(kinds), width)


def _first_of_table(rows: Sequence[SheetRow]) -> SheetRow:
    """The first row with more than half as many values as the longest: titles above a table have fewer."""
    longest = max(len(_filled(row)) for row in rows)
    return next(row for row in rows if len(_filled(row)) * 2 > longest)


def _filled(row: SheetRow) -> list[str]:
    return [cell for cell in row.cells.values() if cell != cells.TEXT]
