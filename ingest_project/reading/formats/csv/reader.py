"""Reads CSV (RFC 4180 with a header line, unless its table says otherwise), many S3 objects at once.

Each field is read as text first. An empty field is null, `""` is an empty string until it is cast, a blank
line is not a row. A row with fewer or more fields than the header makes this reading fail, and `bad_rows/`
then sets the row aside; Polars alone would add nulls.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.header import CsvHeader, csv_header, refuse_foreign_header
from ingest_project.reading.formats.csv.inference import typed_from_text
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.records import BLANK_LINES, blank_records, ragged_line
from ingest_project.reading.formats.csv.text import CsvText, csv_text
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.values.stacking import stacked
from ingest_project.reading.values.text import nothing_as_null
from ingest_project.settings.wording import clipped


def read_csv(
    bodies: Sequence[bytes],
    fields: Collection[str],
    *,
    uri: str,
    dialect: CsvDialect,
    infers: bool = True,
    spelling: Spelling | None = None,
) -> Parsed:
    """The rows of all bodies: these fields as text, others with a type inferred from all values if it
    `infers`.

    Bodies with the same header line are parsed together, unless quotes may hide line ends. Raises
    ObjectUnreadable if a body is not such CSV, ColumnRefused if a header has two equal names.
    """
    texts = [csv_text(body, dialect, uri) for body in bodies]
    if not all(is_well_formed(one.text, one.dialect) for one in texts):
        raise ObjectUnreadable(uri, "it is not valid CSV: a quote is misplaced, or a line ends in CR alone")
    runs = groupby(texts, key=lambda one: (_shared_header(one), one.dialect))
    parsed = [
        _Run(fields, dialect, uri, infers=infers, spelling=spelling).read(header, [one.text for one in run])
        for (header, dialect), run in runs
    ]
    together = _one_below_the_other(parsed, uri)
    frame = together.frame
    undeclared = [name for name in frame.columns if infers and name not in fields]
    return replace(together, frame=frame.with_columns(typed_from_text(frame[name]) for name in undeclared))


def _one_below_the_other(parsed: Sequence[Parsed], uri: str) -> Parsed:
    faults, first_row = RowFaults(), 0
    for part in parsed:
        faults.extend(part.faults, first_row)
        first_row += part.frame.height
    rows = tuple(chain.from_iterable(part.rows for part in parsed))
    return Parsed(stacked([part.frame for part in parsed], uri), rows, faults)


def _shared_header(one: CsvText) -> bytes | None:
    """The header line that bodies parsed together share; None for a body that must be parsed alone."""
    return None if one.dialect.has_quotes(one.text) else one.text.partition(b"\n")[0].rstrip(b"\r")


@dataclass(frozen=True, slots=True)
class _Run:
    """Reads bodies of one dialect, for a table whose `fields` are known."""

    fields: Collection[str]
    dialect: CsvDialect
    uri: str
    infers: bool
    spelling: Spelling | None

    def read(self, header: bytes | None, bodies: Sequence[bytes]) -> Parsed:
        """The rows of all bodies, which share this header line; if it is None, each may contain quotes."""
        if header is None:
            read = [self._respelled(self._quoted(body)) for body in bodies]
            return _one_below_the_other(read, self.uri)
        if not header:
            return Parsed(pl.DataFrame(), (0,) * len(bodies))
        return self._unquoted(header, bodies)

    def _respelled(self, frame: pl.DataFrame) -> Parsed:
        frame, faults = respelled(frame, self.spelling, uri=self.uri, nothing_is_null=True)
        return Parsed(frame, (frame.height,), faults)

    def _unquoted(self, header: bytes, bodies: Sequence[bytes]) -> Parsed:
        """The rows of text without quotes: each line is a row, so the counts of lines and delimiters prove
        the rows.
        """
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
        return replace(self._respelled(frame), rows=rows)

    def _quoted(self, body: bytes) -> pl.DataFrame:
        header = self._header(body)
        frame = self._parsed(body, header)
        # A short row and a blank line leave the last column null; if nothing is null, there are none.
        if frame.height and frame.to_series(frame.width - 1).null_count():
            blank = blank_records(body, self.dialect, header=header, height=frame.height, uri=self.uri)
            frame = frame.filter(~pl.int_range(pl.len()).is_in(blank)) if blank else frame
        return frame

    def _header(self, content: bytes) -> CsvHeader:
        header = csv_header(content, self.dialect, self.uri)
        if self.dialect.names is None:
            refuse_foreign_header(header, self.fields, self.uri, self.spelling)
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
            reason = clipped(str(error).splitlines()[0], 200)
            quoted = dialect.has_quotes(content)
            ragged = reason if quoted else ragged_line(content, header, dialect)
            raise ObjectUnreadable(uri, f"it is not valid CSV: {ragged or reason}") from error
        if frame.columns != header.as_polars_has_it():
            names = list(header.names)
            raise ObjectUnreadable(uri, f"its header reads {names!r} or {frame.columns!r}; quote it properly")
        frame.columns = list(header.names if dialect.names is None else dialect.names)
        idle = [] if self.infers else [name for name in header.unnamed if name not in self.fields]
        return frame.with_columns(nothing_as_null(frame[name]) for name in idle) if idle else frame


def _has_blank_lines(body: bytes) -> bool:
    return b"\n\n" in body or b"\n\r\n" in body
