"""Reads CSV (RFC 4180 with a header line, unless its table says otherwise), many S3 objects in one go.

Every field is read as text first. An empty field is null, `""` is an empty string until it is cast, a blank line is no
row. A row with fewer or more fields than the header makes the object unreadable; Polars alone would fill it up with nulls.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.csv.header import CsvHeader, csv_header, refuse_foreign_header
from ingest_project.objects.csv.inference import nothing_as_null, typed_from_text
from ingest_project.objects.csv.quotes import is_well_formed
from ingest_project.objects.csv.records import BLANK_LINES, blank_records, ragged_line
from ingest_project.objects.csv.text import CsvText, csv_text
from ingest_project.objects.format_options import CsvDialect
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.values.stacking import stacked


def read_csv(
    bodies: Sequence[bytes], fields: Collection[str], *, uri: str, dialect: CsvDialect, infers: bool = True
) -> Parsed:
    """The rows of all bodies: these fields as text, others typed by all of their values unless `infers` is false.

    Bodies with the same header line are parsed at once, unless quotes may hide line ends. Raises ObjectUnreadable
    if any body is no such CSV, ColumnRefused if a header names two fields alike.
    """
    texts = [csv_text(body, dialect, uri) for body in bodies]
    if not all(is_well_formed(one.text, one.dialect) for one in texts):
        raise ObjectUnreadable(uri, "it is no CSV: a quote is misplaced, or a line ends in CR alone")
    runs = groupby(texts, key=lambda one: (_shared_header(one), one.dialect))
    parsed = [
        _Run(fields, dialect, uri, infers=infers).read(header, [one.text for one in run])
        for (header, dialect), run in runs
    ]
    frame = stacked([part.frame for part in parsed], uri)
    undeclared = [name for name in frame.columns if infers and name not in fields]
    typed = frame.with_columns(typed_from_text(frame[name]) for name in undeclared)
    return Parsed(typed, tuple(chain.from_iterable(part.rows for part in parsed)))


def _shared_header(one: CsvText) -> bytes | None:
    """What bodies that may be parsed together have in common; None for a body that must be parsed alone."""
    return None if one.dialect.has_quotes(one.text) else one.text.partition(b"\n")[0].rstrip(b"\r")


@dataclass(frozen=True, slots=True)
class _Run:
    """Reads bodies of one dialect, for a table whose `fields` are known."""

    fields: Collection[str]
    dialect: CsvDialect
    uri: str
    infers: bool

    def read(self, header: bytes | None, bodies: Sequence[bytes]) -> Parsed:
        """The rows of all bodies, which share this header line; without one each may hold quotes."""
        if header is None:
            frames = [self._quoted(body) for body in bodies]
            return Parsed(stacked(frames, self.uri), tuple(frame.height for frame in frames))
        if not header:
            return Parsed(pl.DataFrame(), (0,) * len(bodies))
        return self._unquoted(header, bodies)

    def _unquoted(self, header: bytes, bodies: Sequence[bytes]) -> Parsed:
        """Without quotes every line is a row and every delimiter parts two fields, so counting them proves the rows."""
        dense = [BLANK_LINES.sub(b"\n", body) if _has_blank_lines(body) else body for body in bodies]
        starts = [body.find(b"\n") + 1 or len(body) for body in dense]
        rows = tuple(body.count(b"\n", start) for body, start in zip(dense, starts, strict=True))
        # Views, because a slice of bytes is a copy.
        below_header = (memoryview(body)[start:] for body, start in zip(dense, starts, strict=True))
        content = b"".join([header, b"\n", *below_header])
        top = self._header(content)
        frame = self._parsed(content, top)
        delimiters = content.count(self.dialect.delimiter_byte)
        is_even = delimiters == (frame.height + 1) * (frame.width - 1)
        ragged = "" if is_even else ragged_line(content, top, self.dialect)
        if ragged or frame.height != sum(rows):
            raise ObjectUnreadable(self.uri, ragged or f"{sum(rows)} lines gave {frame.height} rows")
        return Parsed(frame, rows)

    def _quoted(self, body: bytes) -> pl.DataFrame:
        header = self._header(body)
        frame = self._parsed(body, header)
        # A short row and a blank line leave the last column null; where nothing is null, there is neither.
        if frame.height and frame.to_series(frame.width - 1).null_count():
            blank = blank_records(body, self.dialect, header=header, height=frame.height, uri=self.uri)
            frame = frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame
        return frame

    def _header(self, content: bytes) -> CsvHeader:
        header = csv_header(content, self.dialect, self.uri)
        if self.dialect.names is None:
            refuse_foreign_header(header, self.fields, self.uri)
        return header

    def _parsed(self, content: bytes, header: CsvHeader) -> pl.DataFrame:
        dialect, uri = self.dialect, self.uri
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
            ragged = reason if quoted else ragged_line(content, header, dialect)
            raise ObjectUnreadable(uri, f"it is no CSV: {ragged or reason}") from error
        if frame.columns != header.as_polars_has_it():
            names = list(header.names)
            raise ObjectUnreadable(uri, f"its header reads {names!r} or {frame.columns!r}; quote it properly")
        frame.columns = list(header.names if dialect.names is None else dialect.names)
        idle = [] if self.infers else [name for name in header.unnamed if name not in self.fields]
        return frame.with_columns(nothing_as_null(frame[name]) for name in idle) if idle else frame


def _has_blank_lines(body: bytes) -> bool:
    return b"\n\n" in body or b"\n\r\n" in body
