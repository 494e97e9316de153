"""What is read: one body, the table that it is for, and who reads it beside the project."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import polars as pl

from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.bench.orders import COLUMNS, ndjson, orders

Bad = Literal["no", "one", "1 %"]


class Bodies:
    """The rows that all cases of one run are made of."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.frame = orders(rows, seed)

    @cached_property
    def lines(self) -> pl.Series:
        """A line of NDJSON for each row."""
        return ndjson(self.frame)

    @cached_property
    def csv(self) -> list[bytes]:
        """The same rows as CSV: the header, then a line for each row."""
        notes = pl.col("note").str.replace_all('[\n"]', " ")  # so that a line is a row
        times = pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.frame.with_columns(notes, times).write_csv().encode().splitlines(keepends=True)

    def bad(self, bad: Bad) -> int:
        """How many rows that is."""
        return {"no": 0, "one": 1, "1 %": max(1, self.rows // 100)}[bad]


@dataclass(frozen=True)
class Case:
    """One body, made when it is needed, and the table that it is read for.

    `reference` is the case of the same format that it is compared with; `rivals` read it, too.
    """

    name: str
    format: TableFormat
    make: Callable[[Bodies], bytes] = field(repr=False)
    target: Target = field(repr=False)
    reference: str
    rivals: tuple[str, ...] = ()
    bad: Bad = "no"
    share: int = 1
    """The body has the first of so many parts of the rows."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The declared columns."""
        return self.target.types or {}

    def good_rows(self, bodies: Bodies) -> int:
        """The rows that must come in."""
        return bodies.rows // self.share - bodies.bad(self.bad)


def target_of(columns: Mapping[str, str] = COLUMNS, *, rescues: bool = False, **mapping: Any) -> Target:
    """A table with these columns, all of them declared."""
    mapped = tuple(MappedColumn(name, one, name) for name, one in columns.items())
    return Target(columns, "rescue" if rescues else "add_columns", replace(ColumnMapping(mapped), **mapping))
