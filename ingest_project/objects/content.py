"""What a reader gets of an object: its bytes without their compression, all of them or a piece of a large one."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from ingest_project.events.object_version import ObjectVersion

MAX_RECORD_BYTES = 32 * 1024**2
"""The longest record of a streamed object that is read; a longer one is set aside."""
OVERSIZED_START_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Oversized:
    """A record of a streamed object that is too long to be held in memory, and so is in no body.

    `line_number` is that of its first line (or its row number). `start` is the first 4 KiB of the record.
    """

    line_number: int
    size_bytes: int
    start: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """An object version without its compression, or a piece of a large one: whole records, readable by themselves.

    One body, or one for each member of a zip. JSON documents are NDJSON already, a line for each row's object. A
    frame is a piece of a file that brings its own schema.

    Line (or row) k of a body has the number `first_line + k - 1` in its object, or in its member of a zip. A later
    piece of a CSV file begins with the file's header again, which is counted as if it stood there: the numbers are
    right for what follows it. Behind the body stood what is `oversized`.
    """

    object: ObjectVersion
    bodies: tuple[bytes | pl.DataFrame, ...] = field(repr=False)
    last_modified: datetime
    first_line: int = 1
    oversized: tuple[Oversized, ...] = ()
