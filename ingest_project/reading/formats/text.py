"""Reads plain text: a row for each line."""

from collections.abc import Iterator, Sequence
from itertools import repeat

import numpy as np
import polars as pl
import pyarrow as pa
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.formats.interface import Bodies, Text
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.record import Record, Records
from ingest_project.reading.row_faults import RowFault

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_UTF_8 = RowFault(None, "it is not valid UTF-8")


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The lines of all bodies, in one frame."""
    return [read_text_lines(bodies.texts, uri=bodies.uri, first_lines=bodies.first_lines)]


def records_of(text: Text) -> Records:
    """Each line as a record; one that is not text has a fault."""
    lines = numbered_lines(text.body, text.first_line)
    return Records(tuple(Record(number, line + b"\n", _fault(line)) for number, line in lines))


def numbered_lines(body: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    """Each line without its line end, and its number."""
    lines = body.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return enumerate(lines, start=first_line)


def is_utf_8(text: bytes | memoryview) -> bool:
    """Whether these bytes are valid UTF-8."""
    if isinstance(text, bytes) and text.isascii():
        return True
    whole = pa.py_buffer(np.array([0, len(text)], np.int64).data)
    try:  # Arrow checks them without making a text of them, which would take several times as long
        pa.LargeStringArray.from_buffers(1, whole, pa.py_buffer(text)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def read_text_lines(bodies: Sequence[bytes], *, uri: str, first_lines: Sequence[int] = ()) -> Parsed:
    """`line` and `line_number` of each line of all bodies, blank ones too, numbered from `first_lines`
    (default 1).

    A line ends in LF or CRLF, which are not a part of it. Raises ObjectUnreadable if a body is not valid
    UTF-8, or if it holds a NUL byte, which text does not.
    """
    numbers = first_lines or repeat(1, len(bodies))
    frames = [
        _lines(body.removeprefix(BYTE_ORDER_MARK), first_line, uri)
        for body, first_line in zip(bodies, numbers, strict=True)
    ]
    return Parsed(pl.concat(frames), tuple(frame.height for frame in frames))


def _fault(line: bytes) -> RowFault | None:
    if not is_utf_8(line):
        return NO_UTF_8
    return RowFault(None, "it holds a NUL byte, which text does not") if b"\0" in line else None


def _lines(text: bytes, first_line: int, uri: str) -> pl.DataFrame:
    if b"\x00" in text:
        raise ObjectUnreadable(uri, "it is not text: it holds a NUL byte")
    try:
        whole = pl.Series("line", [text.removesuffix(b"\n")] if text else [], dtype=pl.Binary).cast(pl.String)
    except PolarsError as error:
        raise ObjectUnreadable(uri, "it is not valid UTF-8") from error
    lines = whole.str.split("\n").explode().str.strip_suffix("\r")
    numbers = pl.int_range(first_line, first_line + len(lines), eager=True)
    return pl.DataFrame({"line": lines, "line_number": numbers})
