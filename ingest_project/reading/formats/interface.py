"""What each format provides for the table of formats: the types of its functions, their arguments and
results.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.piece import FramePiece, Piece
from ingest_project.reading.record import Records, RowTexts
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.target import Target


@dataclass(frozen=True, slots=True)
class Bodies:
    """Files of one format, or pieces of them, to be read for one table.

    A frame is a piece that was already read. `last_modified`, `first_lines` and `faults` are those of each
    body.
    """

    bodies: Sequence[bytes | pl.DataFrame] = field(repr=False)
    uri: str
    target: Target
    options: FormatOptions
    last_modified: Sequence[datetime] = ()
    first_lines: Sequence[int] = ()
    faults: Sequence[RowFaults] = ()

    @property
    def texts(self) -> list[bytes]:
        """The bodies that are bytes, which are all of them unless the format's pieces are frames."""
        return [body for body in self.bodies if isinstance(body, bytes)]


@dataclass(frozen=True, slots=True)
class Text:
    """One body to divide into records; the first one has the number `first_line`."""

    body: bytes = field(repr=False)
    uri: str
    target: Target
    options: FormatOptions
    first_line: int = 1


Read = Callable[[Bodies], list[Parsed]]
"""Returns the rows of all bodies in order, in one frame or in several.

Raises ObjectError if one is unreadable."""
Cut = Callable[[Iterator[bytes], FormatOptions, PieceLimits, str], Iterator[Piece | FramePiece]]
"""Yields a file in pieces, at least one, none much larger than the limits allow. Raises ObjectError."""
TakeApart = Callable[[Text], Records]
"""Returns the records of a body. Raises ObjectError if it cannot be divided into records at all."""
TextsOfRows = Callable[[Text, int], RowTexts]
"""Returns the text of each row of a body that has so many, in the order in which its reader returns them."""
AsLines = Callable[[bytes, FormatOptions, str], bytes]
"""Converts a whole body to the lines that the reader takes. Raises ObjectError."""
FieldNames = Callable[[bytes, FormatOptions], Iterable[str]]
"""Returns the names of a file's fields. A damaged file may cause any exception."""
DecodedBytes = Callable[[bytes], int]
"""Estimates the memory that the rows of a body take."""
Remedy = Callable[[bytes], str]
"""Says what to do about a record that is too long and begins with these bytes; empty if nothing is known."""
FirstRows = Callable[[io.BufferedReader, bytes], bytes]
"""Returns a small file with the first rows of this one, which begins with these bytes.

Raises ValueError, OSError or pa.ArrowException if it is damaged."""
