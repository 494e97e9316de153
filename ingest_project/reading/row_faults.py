"""The rows of a frame that cannot be ingested, and what is wrong with each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row; `column` is None if the fault is not that of one column.

    `was_parsed` is true if the row has values, such as one for which an expectation does not hold. `values`
    are those that its frame cannot hold, by column, as they are to be shown.
    """

    column: str | None
    reason: str
    was_parsed: bool = False
    values: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_unreadable(self) -> bool:
        """Whether no value of the row could be read."""
        return self.column is None and not self.was_parsed

    def at(self, place: str) -> str:
        """The fault as the reason of its object, with the place of the row."""
        if self.column is not None:
            return f"column {self.column!r}, {place}: {self.reason}"
        return f"{place}{' ' if self.reason.startswith('is ') else ': '}{self.reason}"

    def __str__(self) -> str:
        return self.reason if self.column is None else f"column {self.column!r}: {self.reason}"


def no_row_readable(rows: int, first: RowFault) -> str:
    """The reason of an object that has so many rows, none of which can be read."""
    return f"none of its {rows} rows can be read; of the first: {first}"


class RowFaults:
    """Faults by row, counted from 0. Of several faults of one row the first that was added counts."""

    def __init__(self) -> None:
        self._by_row: dict[int, RowFault] = {}

    def __len__(self) -> int:
        return len(self._by_row)

    def add(self, rows: pl.Series, column: str | None, reason: Callable[[int], str]) -> None:
        """Adds a fault for each row that is true and has none yet; `reason` gives its reason."""
        if not rows.any():  # Polars makes a query to find the rows
            return
        for row in rows.arg_true().to_list():
            if row not in self._by_row:
                self._by_row[row] = RowFault(column, reason(row), was_parsed=True)

    def note(self, row: int, fault: RowFault) -> None:
        """Adds a fault, unless the row has one."""
        self._by_row.setdefault(row, fault)

    def extend(self, others: "RowFaults", start: int = 0) -> None:
        """Adds the faults of other rows, which begin at row `start` here."""
        for row, fault in others:
            self._by_row.setdefault(start + row, fault)

    def first(self) -> tuple[int, RowFault] | None:
        """The first row with a fault, and the fault; None if there is none."""
        return min(self._by_row.items(), key=lambda item: item[0]) if self._by_row else None

    def __iter__(self) -> Iterator[tuple[int, RowFault]]:
        """Rows and their faults, in the order of the rows."""
        return iter(sorted(self._by_row.items(), key=lambda item: item[0]))

    def sound(self, height: int) -> pl.Series:
        """True for each of `height` rows without a fault."""
        mask = pl.repeat(True, height, dtype=pl.Boolean, eager=True)
        return mask.scatter(list(self._by_row), False) if self._by_row else mask
