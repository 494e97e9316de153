"""Sets aside the rows of an Arrow table that have a value which the file's own type does not allow."""

import json
from base64 import b64encode
from collections.abc import Container, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ingest_project.reading.formats.arrow.invalid_values import (
    invalid_rows,
    may_exceed_days,
    plain_form,
    shown,
)
from ingest_project.reading.formats.arrow.rows_of_values import Mask, Values, without_rows
from ingest_project.reading.row_faults import RowFault, RowFaults
from ingest_project.reading.values.example import example_of
from ingest_project.settings.wording import clipped

NOTED = "\0noted"
"""A column of JSON beside those of the file: what a reader of batches has noted of a bad row."""
TYPE_CHARACTERS = 60


class Notes:
    """What is noted of the bad rows of one table or batch: by row, its bad columns, why, and their values."""

    def __init__(self) -> None:
        self._by_row: dict[int, list[tuple[str, str, object]]] = {}

    def add(self, row: int, column: str, reason: str, value: object) -> None:
        """Adds a value of this row."""
        self._by_row.setdefault(row, []).append((column, reason, value))

    def as_column(self, height: int) -> Values:
        """The notes as the column NOTED of a batch."""
        texts = [self._by_row.get(row) for row in range(height)]
        return pa.array(
            [None if one is None else json.dumps(one, default=_text) for one in texts], pa.string()
        )

    def add_column(self, noted: Any, passed_over: Container[str]) -> None:
        """Adds what a column NOTED says of the columns that are not passed over."""
        for row in np.flatnonzero(noted.is_valid().to_numpy()):
            for column, reason, value in json.loads(noted[int(row)].as_py()):
                if column not in passed_over:
                    self.add(int(row), column, reason, value)

    def faults(self) -> RowFaults:
        """A fault for each row, which is that of its first bad column."""
        found = RowFaults()
        for row, notes in self._by_row.items():
            column, reason, _ = notes[0]
            values = {name: value for name, _, value in notes}
            found.note(row, RowFault(column, reason, was_parsed=True, values=values))
        return found


def sound(table: pa.Table, passed_over: Container[str]) -> tuple[pa.Table, RowFaults]:
    """The table with nulls for columns of rows that are bad, and the faults of these rows.

    Invalid values of columns that are `passed_over` are no faults. Raises pa.ArrowException if the table is
    damaged so that it must not be looked at.
    """
    notes = Notes()
    if NOTED in table.column_names:
        notes.add_column(table.column(NOTED), passed_over)
        table = table.drop_columns([NOTED])
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if _is_valid(column) and not may_exceed_days(column.type):
            continue
        chunks = [*_sound_chunks(column, field.name, None if field.name in passed_over else notes)]
        if chunks:
            column = pa.chunked_array(chunks)
            table = table.set_column(place, field.name, column)
        column.validate(full=True)
    table.validate()
    return table, notes.faults()


def _is_valid(column: Any) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _sound_chunks(column: Any, name: str, notes: Notes | None) -> Iterator[Values]:
    start = 0
    for chunk in column.chunks:
        plain = plain_form(chunk)
        rows = invalid_rows(plain, column.type)
        if notes is not None:
            for row in map(int, np.flatnonzero(rows)):
                value = shown(plain[row].as_py(), column.type)
                notes.add(start + row, name, invalid(value, column.type), value)
        # A slice that is valid by itself is copied, too, without the values of other rows that are not.
        is_kept = not rows.any() and not isinstance(chunk.type, pa.DictionaryType) and _is_valid(chunk)
        yield chunk if is_kept else without_rows(chunk, rows)
        start += len(chunk)


def _text(value: object) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def note_rows(notes: Notes, name: str, rows: Mask, values: Values, reason: str) -> None:
    """Notes these rows of a column, with their values."""
    for row in map(int, np.flatnonzero(rows)):
        value = shown(plain_form(values.slice(row, 1))[0].as_py(), values.type)
        notes.add(row, name, f"{example_of(value)} {reason}", value)


def invalid(value: object, dtype: Any) -> str:
    """The reason of a row with a value that is not valid for its own type."""
    return f"{example_of(value)} is not a valid {clipped(str(dtype), TYPE_CHARACTERS)}, its type in the file"
