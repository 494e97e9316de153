"""Reads files that bring their own schema, one by one, and translates the exceptions of damaged files."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from ingest_project.errors import ColumnRefused, ObjectUnreadable
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.wording import clipped

FAULTS = (PolarsError, PanicException, pa.ArrowException, OSError, ValueError, NotImplementedError)
"""The exceptions that damaged files cause: Polars panics on some of them."""

SKIP = "`{drop: true}` skips it"
"""What to do about a column that is not supported."""


class UnsupportedColumn(ValueError):
    """A column of a valid file is one that no table can have, such as a union; the message names it."""


ReadFile = Callable[[bytes, Container[str]], pl.DataFrame]
"""Reads a file. The columns that are passed over may have any type, and may become nulls."""


def read_each(bodies: Bodies, file_format: TableFormat, read: ReadFile) -> list[Parsed]:
    """The rows of each body; an empty one has none.

    Raises ObjectUnreadable if one is not a file of the format.
    """
    return [_parsed(body, bodies, file_format, read) for body in bodies.bodies]


def _parsed(body: bytes | pl.DataFrame, bodies: Bodies, file_format: TableFormat, read: ReadFile) -> Parsed:
    written = body if isinstance(body, pl.DataFrame) else _file(body, bodies, file_format, read)
    frame, faults = respelled(written, bodies.target.spelling, uri=bodies.uri)
    return Parsed(frame, (frame.height,), faults, written)


def _file(body: bytes, bodies: Bodies, file_format: TableFormat, read: ReadFile) -> pl.DataFrame:
    if not body:
        return pl.DataFrame()
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
