"""Reads ORC files, with the types that PyArrow gives them: small ones as a whole, large ones in pieces.

PyArrow counts ORC's times in nanoseconds, so a file with one outside of the years 1678 to 2261 cannot be
read.
"""

import io
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

import pyarrow as pa
from pyarrow import orc

from ingest_project.errors import ObjectError
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.arrow.arrow_frames import checked_frame
from ingest_project.reading.formats.arrow.arrow_streams import Batches
from ingest_project.reading.formats.arrow.pieces import batched_pieces
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.orc.process import about, first_table, tables
from ingest_project.reading.formats.orc.worker import VALUE_BYTES
from ingest_project.reading.formats.typed_files import Checked, read_each
from ingest_project.reading.formats.unnamed import named_by_place
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.piece import FramePiece


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The rows of ORC files, a frame for each."""
    return read_each(bodies, "orc", partial(_frame, bodies.uri))


def orc_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[FramePiece]:
    """The rows of an ORC file in frames, as `batched_pieces` yields them. One batch is held as a whole."""
    return batched_pieces(chunks, "orc", partial(_batches, uri), options=options, limits=limits, uri=uri)


def first_rows(file: io.BufferedReader, _start: bytes) -> bytes:
    """An ORC file of the first rows."""
    table = first_table(file, "")
    table.validate(full=True)
    out = io.BytesIO()
    orc.write_table(table, out)
    return out.getvalue()


def field_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The names of an ORC file's columns."""
    with _file(body) as file:
        return named_by_place(about(file, "").names)


def decoded_bytes(body: bytes) -> int:
    """About the least memory that the rows of an ORC file take; the file's size if it is damaged."""
    try:
        with _file(body) as file:
            told = about(file, "")
    except (ObjectError, ValueError):  # the reader reports it
        return len(body)
    return max(len(body), told.rows * len(told.names) * VALUE_BYTES)


def _frame(uri: str, body: bytes, passed_over: Container[str]) -> Checked:
    with _file(body) as file:
        parts: list[pa.Table] = []
        size_bytes = 0
        for table in tables(file, uri):
            parts.append(table)
            size_bytes += table.nbytes
            if size_bytes > LIMITS.orc.decoded_bytes:
                raise ValueError(f"it expands to more than {LIMITS.orc.decoded_bytes:,} bytes")
        return checked_frame(pa.concat_tables(parts), passed_over)


def _batches(uri: str, file: IO[bytes], batch_bytes: int) -> Batches:
    found = tables(file, uri, batch_bytes=batch_bytes)
    empty = next(found)
    return empty.schema, chain.from_iterable(table.to_batches() for table in found)


@contextmanager
def _file(body: bytes) -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        file.write(body)
        yield file
