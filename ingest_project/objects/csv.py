"""Reads CSV (RFC 4180 with a header line, unless its table says otherwise), many S3 objects in one go.

Every field is read as text first. An empty field is null, `""` is an empty string, a blank line is no row. A row
with fewer or more fields than the header makes the object unreadable; Polars alone would fill it up with nulls.
"""

from collections.abc import Collection, Sequence
from itertools import chain, groupby

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.csv_inference import typed_from_text
from ingest_project.objects.csv_quotes import is_well_formed
from ingest_project.objects.csv_records import (
    BLANK_LINES,
    blank_records,
    column_names,
    ragged_line,
    refuse_foreign_header,
)
from ingest_project.objects.csv_text import csv_text
from ingest_project.objects.format_options import CsvDialect
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.stacking import stacked


def read_csv(
    bodies: Sequence[bytes], fields: Collection[str], *, uri: str, dialect: CsvDialect, infers: bool = True
) -> Parsed:
    """The rows of all bodies: these fields as text, others typed by all of their values unless `infers` is false.

    Bodies with the same header line are parsed at once, unless quotes may hide line ends. Raises ObjectUnreadable
    if any body is no such CSV, ColumnRefused if a header names two fields alike.
    """
    texts = [csv_text(body, dialect, uri) for body in bodies]
    if not all(is_well_formed(text, dialect) for text in texts):
        raise ObjectUnreadable(uri, "it is no CSV: a quote is misplaced, or a line ends in CR alone")
    runs = groupby(texts, key=lambda text: _shared_header(text, dialect))
    parsed = [_read_run(header, list(run), uri, dialect) for header, run in runs]
    for part in parsed:
        refuse_foreign_header(part.frame.columns, fields, uri)
    frame = stacked([part.frame for part in parsed], uri)
    undeclared = [name for name in frame.columns if infers and name not in fields]
    typed = frame.with_columns(typed_from_text(frame[name]) for name in undeclared)
    return Parsed(typed, tuple(chain.from_iterable(part.rows for part in parsed)))


def _shared_header(text: bytes, dialect: CsvDialect) -> bytes | None:
    """What bodies that may be parsed together have in common; None for a body that must be parsed alone."""
    return None if dialect.has_quotes(text) else text.partition(b"\n")[0].rstrip(b"\r")


def _read_run(header: bytes | None, bodies: Sequence[bytes], uri: str, dialect: CsvDialect) -> Parsed:
    if header is None:
        frames = [_read_quoted(body, uri, dialect) for body in bodies]
        return Parsed(stacked(frames, uri), tuple(frame.height for frame in frames))
    if not header:
        return Parsed(pl.DataFrame(), (0,) * len(bodies))
    return _read_unquoted(header, bodies, uri, dialect)


def _read_unquoted(header: bytes, bodies: Sequence[bytes], uri: str, dialect: CsvDialect) -> Parsed:
    """Without quotes every line is a row and every delimiter parts two fields, so counting them proves the rows."""
    dense = [BLANK_LINES.sub(b"\n", body) if _has_blank_lines(body) else body for body in bodies]
    starts = [body.find(b"\n") + 1 or len(body) for body in dense]
    rows = tuple(body.count(b"\n", start) for body, start in zip(dense, starts, strict=True))
    # Views, because a slice of bytes is a copy.
    below_header = (memoryview(body)[start:] for body, start in zip(dense, starts, strict=True))
    content = b"".join([header, b"\n", *below_header])
    frame = _parse(content, uri, dialect)
    delimiters = content.count(dialect.delimiter_byte)
    if frame.height != sum(rows) or delimiters != (frame.height + 1) * (frame.width - 1):
        raise ObjectUnreadable(uri, ragged_line(content, frame.width, dialect))
    return Parsed(frame, rows)


def _read_quoted(body: bytes, uri: str, dialect: CsvDialect) -> pl.DataFrame:
    frame = _parse(body, uri, dialect)
    # A short row and a blank line leave the last column null; where nothing is null, there is neither.
    if frame.height and frame.to_series(frame.width - 1).null_count():
        blank = blank_records(body, dialect, width=frame.width, height=frame.height, uri=uri)
        frame = frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame
    return frame


def _has_blank_lines(body: bytes) -> bool:
    return b"\n\n" in body or b"\n\r\n" in body


def _parse(content: bytes, uri: str, dialect: CsvDialect) -> pl.DataFrame:
    names = column_names(content, dialect, uri)
    try:
        frame = pl.read_csv(
            content,
            infer_schema=False,
            separator=dialect.delimiter,
            quote_char=dialect.quote,
            null_values=list(dialect.null_values) or None,
        )
    except PolarsError as error:
        reason = str(error).splitlines()[0][:200]
        quoted = dialect.has_quotes(content)
        ragged = reason if quoted else ragged_line(content, len(names), dialect)
        raise ObjectUnreadable(uri, f"it is no CSV: {ragged or reason}") from error
    if frame.columns != names:
        raise ObjectUnreadable(uri, f"its header reads {names!r} or {frame.columns!r}; quote it properly")
    return frame if dialect.names is None else frame.rename(dict(zip(names, dialect.names, strict=True)))
