"""What a generated file is, and what its maker knows of it: which rows are good, and the values of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from ingest_project.reading.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat

COLUMNS: Mapping[str, str] = {
    "n": "long",
    "name": "string",
    "amount": "decimal(12,2)",
    "ratio": "double",
    "at": "timestamptz",
    "ok": "boolean",
    "code": "int",
}
"""The columns as a table declares them. `n` is another number in each row."""


class _Sign:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISFIT = _Sign("MISFIT")
"""The value is not valid for its declared column's type."""
EITHER = _Sign("EITHER")
"""Nobody says what is right: the value may come in as anything that it spells, or be a misfit."""


@dataclass(frozen=True, slots=True)
class AsJson:
    """Text that is this value's JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as a file has it, its value in its declared column, and its value if nothing is declared.

    `plain` is a Python value, or a `Numeral` of JSON.
    """

    text: str
    value: Any
    plain: Any


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number of JSON, digit for digit."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row: the number of its line, and its cells; None if it cannot be read.

    If it `may_be_bad`, it may be set aside or come in.
    """

    number: int
    cells: Mapping[str, Cell] | None
    may_be_bad: bool = False


Fate = Literal["rows", "fails", "strange", "either"]


@dataclass(frozen=True, slots=True)
class OddFile:
    """A file. Of one that `fails` no row may come in, of one that does `either` all good rows or none. What
    is `strange` fails where the table's columns are known; else its text may be taken for anything.

    `is_lax`: it was damaged where no checksum tells, so that its values may be any. `new_fields`: it has
    columns that the declared table lacks. `target` is the only one that it may be read for.
    """

    format: TableFormat
    kind: str
    body: bytes = field(repr=False)
    lines: tuple[Line, ...] = ()
    fate: Fate = "rows"
    options: FormatOptions = DEFAULT_OPTIONS
    is_lax: bool = False
    new_fields: bool = False
    target: Target | None = None
    streams: bool = True
    columns: Mapping[str, str] = field(default_factory=lambda: dict(COLUMNS))


Maker = Callable[[Random], OddFile]
"""Makes a file of one kind."""
