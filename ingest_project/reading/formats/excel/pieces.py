"""Puts the rows of a sheet into frames of marked cells, below the names of their columns."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Final

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.reading.format_options import ExcelLayout, FormatOptions
from ingest_project.reading.formats.excel import cells
from ingest_project.reading.formats.excel.package import opened
from ingest_project.reading.formats.excel.sheet import SheetRow, column_letters, rows_of
from ingest_project.reading.formats.excel.workbook import workbook_in
from ingest_project.reading.formats.unnamed import named_by_place
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import FramePiece
from ingest_project.reading.unpack.spool import spooled

ROW: Final = "\0row"
BEYOND: Final = "\0beyond"
"""Columns beside those of the sheet, whose names no XML can hold: the row's number, and a cell right of the
header.
"""
CELL_BYTES, EMPTY_CELL_BYTES = 64, 17
"""About what a cell takes beside its text, and what an empty one takes, while its frame is put together."""
BY_PLACE = (
    "name the columns apart in the file; or set excel: {header: false} with skip_rows, so that the header is "
    "passed over and `columns` names all fields in their order"
)


def excel_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[FramePiece]:
    """The rows of a workbook's sheet in frames of marked cells, at least one, and the number of each frame's
    first row.

    Goes by a temporary file. Raises ObjectError. Held as a whole are the texts that cells share.
    """
    with spooled(chunks, uri) as file:
        first_row = 1
        for frame in marked_frames(file, options.excel, uri, limits):
            yield FramePiece(frame, first_row)
            first_row += frame.height


def marked_frame(body: bytes, layout: ExcelLayout, uri: str) -> pl.DataFrame:
    """All rows of a workbook's sheet in one frame. Raises ObjectError, also if they take too much memory."""
    frames: list[pl.DataFrame] = []
    size_bytes = 0
    for frame in marked_frames(io.BytesIO(body), layout, uri):
        frames.append(frame)
        size_bytes += int(frame.estimated_size()) + EMPTY_CELL_BYTES * frame.height * frame.width
        if size_bytes > (limit := LIMITS.excel.decoded_bytes):
            raise ObjectUnreadable(uri, f"its sheet expands to more than {limit:,} bytes")
    return pl.concat(frames)


def marked_frames(
    file: IO[bytes], layout: ExcelLayout, uri: str, limits: PieceLimits = LIMITS.portion.piece
) -> Iterator[pl.DataFrame]:
    """The rows of the sheet in frames of about so many bytes, at least one. Raises ObjectError."""
    with opened(file, uri) as package:
        workbook = workbook_in(package, uri)
        sheet = workbook.sheet(layout, uri)
        found = rows_of(workbook, sheet, record_bytes=limits.record_bytes)
        rows = (row for row in found if row.number > layout.skip_rows)
        names = layout.names
        if names is None:
            header = next(rows, None)
            names = () if header is None else header_names(header, uri)
        yield from _frames(names, rows, limits.piece_bytes)


def header_names(header: SheetRow, uri: str) -> tuple[str, ...]:
    """The names that a row gives the columns up to its last cell; one without a name is `column_3` by its
    place, from 1.

    Raises ColumnRefused if two names are alike.
    """
    written = [header.cells.get(place, cells.TEXT)[1:] for place in range(max(header.cells) + 1)]
    while written and not written[-1]:
        written.pop()
    names = named_by_place(written)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        shown = ", ".join(map(repr, twice[:10]))
        raise ColumnRefused(uri, f"its header (row {header.number}) names {shown} more than once; {BY_PLACE}")
    return tuple(names)


def _frames(names: Sequence[str], rows: Iterator[SheetRow], piece_bytes: int) -> Iterator[pl.DataFrame]:
    pending: list[SheetRow] = []
    size_bytes = pieces = 0
    for row in rows:
        pending.append(row)
        size_bytes += sum(CELL_BYTES + len(cell) for cell in row.cells.values())
        size_bytes += CELL_BYTES + EMPTY_CELL_BYTES * len(names)
        if size_bytes >= piece_bytes:
            frame = _frame(names, pending)
            pending.clear()
            size_bytes, pieces = 0, pieces + 1
            yield frame
            del frame
    if pending or not pieces:
        yield _frame(names, pending)


def _frame(names: Sequence[str], rows: Sequence[SheetRow]) -> pl.DataFrame:
    width = len(names)
    used = set().union(*(row.cells for row in rows))
    empty = pl.Series("", [None], dtype=pl.String).new_from_index(0, len(rows))
    columns = [
        pl.Series(name, [row.cells.get(place) for row in rows], dtype=pl.String)
        if place in used
        else empty.alias(name)
        for place, name in enumerate(names)
    ]
    numbers = pl.Series(ROW, [row.number for row in rows], dtype=pl.Int64)
    beyond = pl.Series(BEYOND, [_cell_beyond(row, width) for row in rows], dtype=pl.String)
    return pl.DataFrame([*columns, numbers, beyond])


def _cell_beyond(row: SheetRow, width: int) -> str | None:
    """The first cell with a value right of the last column that has a name."""
    beyond = (place for place, cell in row.cells.items() if place >= width and cell != cells.TEXT)
    place = next(chain(beyond, [None]))
    return None if place is None else f"{column_letters(place)}{row.number}"
