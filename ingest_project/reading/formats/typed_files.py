"""Reads files that bring their own schema, one by one, and translates the exceptions of damaged files."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFaults
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.wording import clipped

FAULTS = (PolarsError, PanicException, pa.ArrowException, OSError, ValueError, NotImplementedError)
"""The exceptions that damaged files cause: Polars panics on some of them."""

SKIP = "`{drop: true}` skips it"
"""What to do about a column that is not supported."""


class UnsupportedColumn(ValueError):
    """A column of a valid file is one that no table can have, such as a union; the message names it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of a file, and the faults of those with a value which the file's own type does not allow."""

    frame: pl.DataFrame = field(repr=False)
    faults: RowFaults = field(default_factory=RowFaults, repr=False)


ReadFile = Callable[[bytes, Container[str]], Checked]
"""Reads a file. The columns that are passed over may have any type, and may become nulls."""


def read_each(bodies: Bodies, file_format: TableFormat, read: ReadFile) -> list[Parsed]:
    """The rows of each body; an empty one has none.

    Raises ObjectUnreadable if one is not a file of the format.
    """
    known = bodies.faults or [RowFaults() for _ in bodies.bodies]
    return [
        _parsed(
            Checked(body, faults)
            if isinstance(body, pl.DataFrame)
            else _file(body, bodies, file_format, read),
            bodies,
        )
        for body, faults in zip(bodies.bodies, known, strict=True)
    ]


def _parsed(checked: Checked, bodies: Bodies) -> Parsed:
    frame, faults = respelled(checked.frame, bodies.target.spelling, uri=bodies.uri)
    found = RowFaults()
    found.extend(checked.faults)
    found.extend(faults)
    return Parsed(frame, (frame.height,), found, checked.frame)


def _file(body: bytes, bodies: Bodies, file_format: TableFormat, read: ReadFile) -> Checked:
    if not body:
        return Checked(pl.DataFrame())
    with unreadable(file_format, bodies.uri):
        return read(body, bodies.target.passed_over)


@contextmanager
def unreadable(file_format: TableFormat, uri: str) -> Iterator[None]:
    """Translates the exceptions of a damaged file into an ObjectUnreadable of this object.

    An UnsupportedColumn becomes a ColumnRefused, because the file is valid.
    """
    try:
        yield
    except UnsupportedColumn as error:
        raise ColumnRefused(uri, str(error)) from error
    except FAULTS as error:
        reason = clipped(str(error).partition("\n")[0], 200)
        raise ObjectUnreadable(uri, f"it is not a valid {file_format} file: {reason}") from error
