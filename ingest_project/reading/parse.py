"""Parses bodies by the format of their table: bytes to frames, with the fields as the files have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ingest_project.reading.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.row_limit import RowLimit


@dataclass(frozen=True, slots=True)
class Reading:
    """How all objects of one table are read.

    With `quarantines` bad rows are set aside, and an object fails if it has more of them than `row_limit`.
    Otherwise an object fails if it has a bad row.
    """

    format: TableFormat
    target: Target
    options: FormatOptions = DEFAULT_OPTIONS
    quarantines: bool = False
    row_limit: RowLimit | None = None


def parse(
    bodies: Sequence[bytes | pl.DataFrame],
    reading: Reading,
    *,
    uri: str,
    last_modified: Sequence[datetime] = (),
    first_lines: Sequence[int] = (),
    faults: Sequence[RowFaults] = (),
) -> list[Parsed]:
    """The rows of all bodies in order: in one frame if the format allows it, else in a frame for each body.

    `last_modified` and `first_lines` are those of each body, for formats that need them; `faults` are those
    of each frame. Raises ObjectError with `uri` if a body cannot be parsed.
    """
    asked = Bodies(
        bodies,
        uri,
        reading.target,
        reading.options,
        last_modified=last_modified,
        first_lines=first_lines,
        faults=faults,
    )
    return FORMATS[reading.format].read(asked)
