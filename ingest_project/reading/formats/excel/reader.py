"""Reads Excel workbooks: small ones as a whole, large ones in pieces."""

import io
from collections.abc import Iterable

import polars as pl

from ingest_project.errors import ObjectError
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.excel.columns import columns_of
from ingest_project.reading.formats.excel.package import opened
from ingest_project.reading.formats.excel.pieces import BEYOND, ROW, marked_frame, marked_frames
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.parsed import Parsed

MEMORY_BY_BYTES = 2
"""About how much memory the cells of a sheet take for each byte of its XML."""


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The rows of workbooks, a frame for each; an empty body has none."""
    return [_parsed(body, bodies) for body in bodies.bodies]


def field_names(body: bytes, options: FormatOptions) -> Iterable[str]:
    """The names of the columns of a workbook's sheet."""
    frame = next(marked_frames(io.BytesIO(body), options.excel, ""))
    return [name for name in frame.columns if name not in {ROW, BEYOND}]


def decoded_bytes(body: bytes) -> int:
    """What the rows of a workbook take, about; of a damaged one, its size."""
    try:
        with opened(io.BytesIO(body), "") as package:
            return max(len(body), package.total_bytes * MEMORY_BY_BYTES)
    except ObjectError:  # the reader says what is wrong with it
        return len(body)


def _parsed(body: bytes | pl.DataFrame, bodies: Bodies) -> Parsed:
    layout = bodies.options.excel
    if isinstance(body, bytes):
        if not body:
            return Parsed(pl.DataFrame(), (0,))
        body = marked_frame(body, layout, bodies.uri)
    return columns_of(body, bodies.target, layout, bodies.uri)
