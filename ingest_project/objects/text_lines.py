"""Reads plain text: a row for each line."""

from collections.abc import Sequence
from itertools import repeat

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.parsed import Parsed

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_text_lines(bodies: Sequence[bytes], *, uri: str, first_lines: Sequence[int] = ()) -> Parsed:
    """`line` and `line_number` of every line of every body, counted from its `first_lines` (1), blank lines too.

    A line ends in LF or CRLF, which are no part of it. Raises ObjectUnreadable if any body is no UTF-8, or holds a NUL
    byte, which no text does.
    """
    numbers = first_lines or repeat(1, len(bodies))
    frames = [
        _lines(body.removeprefix(BYTE_ORDER_MARK), first_line, uri)
        for body, first_line in zip(bodies, numbers, strict=True)
    ]
    return Parsed(pl.concat(frames), tuple(frame.height for frame in frames))


def _lines(text: bytes, first_line: int, uri: str) -> pl.DataFrame:
    if b"\x00" in text:
        raise ObjectUnreadable(uri, "it is no text: it holds a NUL byte")
    try:
        whole = pl.Series("line", [text.removesuffix(b"\n")] if text else [], dtype=pl.Binary).cast(pl.String)
    except PolarsError as error:
        raise ObjectUnreadable(uri, "it is no UTF-8 text") from error
    lines = whole.str.split("\n").explode().str.strip_suffix("\r")
    numbers = pl.int_range(first_line, first_line + len(lines), eager=True)
    return pl.DataFrame({"line": lines, "line_number": numbers})
