"""What the readers of all formats return: the rows of bodies in one frame, and their number per body."""

from dataclasses import dataclass, field

import polars as pl

from ingest_project.reading.row_faults import RowFaults


@dataclass(frozen=True, slots=True)
class Parsed:
    """`frame` has the rows of the first body, then those of the second, and so on; `rows` counts them per
    body.

    `faults` are those of rows that are already known to be bad. `written` are the columns with the names that
    the file has, if `frame` has other names. `numbers` are the numbers of the rows in their file, if they are
    not consecutive. `json_texts` are text columns that hold JSON as the file has it, strings in quotes.
    """

    frame: pl.DataFrame
    rows: tuple[int, ...]
    faults: RowFaults = field(default_factory=RowFaults, repr=False)
    written: pl.DataFrame | None = field(default=None, repr=False)
    numbers: pl.Series | None = field(default=None, repr=False)
    json_texts: frozenset[str] = frozenset()

    def as_written(self) -> pl.DataFrame:
        """The rows as the file has them, to show a bad one."""
        return self.frame if self.written is None else self.written
