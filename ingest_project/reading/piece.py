"""A piece of a large file, as the cutters of all formats return it."""

from dataclasses import dataclass, field

import polars as pl

from ingest_project.reading.content import Oversized
from ingest_project.reading.row_faults import RowFaults


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records of one text, as in `Content`.

    If there is an `oversized` record, it stood behind the body.
    """

    body: bytes = field(repr=False)
    first_line: int = 1
    oversized: Oversized | None = None


@dataclass(frozen=True, slots=True)
class FramePiece:
    """Rows of a file that brings its own schema; `first_line` is the number of the first.

    `faults` are those of rows that are already known to be bad.
    """

    body: pl.DataFrame = field(repr=False)
    first_line: int = 1
    faults: RowFaults = field(default_factory=RowFaults, repr=False)
    oversized: None = None
