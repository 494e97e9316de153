"""What a reader receives of an object: its bytes without compression, or a piece of a large object."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from ingest_project.reading.row_faults import RowFaults
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class Oversized:
    """A record of a streamed object that is too long to be held in memory; it is not in a body.

    `line_number` is that of its first line (or its row number). `start` are the first bytes of the record.
    """

    line_number: int
    size_bytes: int
    start: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """An object version without compression, or a piece of a large one, which consists of whole records.

    There is one body, or one for each member of a zip. JSON documents are already NDJSON, a line for each
    row. A frame is a piece of a file that brings its own schema.

    Line (or row) k of a body has the number `first_line + k - 1` in its object, or in its member of a zip. A
    later piece of a CSV file begins with the file's header again; `first_line` allows for it, so the numbers
    of the rows are right. `oversized` records stood behind the body. `faults` are those of rows of a frame
    that are already known to be bad.
    """

    object: ObjectVersion
    bodies: tuple[bytes | pl.DataFrame, ...] = field(repr=False)
    last_modified: datetime
    first_line: int = 1
    oversized: tuple[Oversized, ...] = ()
    faults: RowFaults = field(default_factory=RowFaults, repr=False, compare=False)
