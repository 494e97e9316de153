"""Reads CSV (RFC 4180 with a header line, unless its table says otherwise), many S3 objects at once.

Polars parses each field as text. An empty field is null, `""` is an empty string until it is cast, a blank
line is not a row. Polars alone would fill a short row with nulls, and refuse a whole text for one long row.
So the delimiters are counted first, and a body whose count is odd is divided into its rows: the good ones are
parsed, and the bad ones are rows of nulls with a fault.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.division import Division, Rows, divided, rows_in_blocks
from ingest_project.reading.formats.csv.header import CsvHeader, csv_header, refuse_foreign_header
from ingest_project.reading.formats.csv.inference import typed_from_text
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.respelling import Respelling
from ingest_project.reading.formats.csv.text import PlainText, plain_text
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.values.example import example_at
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

    A row with misplaced quotes, another number of fields than the header, or bytes that are no text, is a row
    of nulls with a fault. Bodies with the same header line are parsed together, unless quotes may hide line
    ends. Raises ObjectUnreadable if a header is unusable, ColumnRefused if it has two equal names.
    """
    texts = [_Body(plain_text(body, dialect, uri)) for body in bodies]
    runs = groupby(texts, key=lambda one: (one.shared_header, one.plain.dialect, one.plain.respelling))
    reader = _Reader(fields, uri, infers=infers, spelling=spelling)
    parsed = [reader.read(header, list(run)) for (header, *_), run in runs]
    together = _one_below_the_other(parsed, uri)
    frame = together.frame
    undeclared = [name for name in frame.columns if infers and name not in fields]
    return replace(together, frame=frame.with_columns(typed_from_text(frame[name]) for name in undeclared))


class _Doubt(Exception):
    """The rows of a text are not proven to be those that Polars finds."""


@dataclass(frozen=True)
class _Body:
    plain: PlainText

    @cached_property
    def text(self) -> bytes | None:
        """The header and the rows; None if quotes are misplaced, or a CR is alone outside of quotes."""
        text = self.plain.header_and_rows()
        return text if text is not None and is_well_formed(text, self.plain.dialect) else None

    @cached_property
    def shared_header(self) -> bytes | None:
        """The header line that bodies parsed together share; None for a body that must be parsed alone."""
        if self.text is None or self.plain.dialect.has_quotes(self.text):
            return None
        return self.text[: self.text.find(b"\n")].rstrip(b"\r") if self.text else b""


def _one_below_the_other(parsed: Sequence[Parsed], uri: str) -> Parsed:
    faults, first_row = RowFaults(), 0
    for part in parsed:
        faults.extend(part.faults, first_row)
        first_row += part.frame.height
    rows = tuple(chain.from_iterable(part.rows for part in parsed))
    return Parsed(stacked([part.frame for part in parsed], uri), rows, faults)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads bodies of one dialect at a time, for a table whose `fields` are known."""

    fields: Collection[str]
    uri: str
    infers: bool
    spelling: Spelling | None

    def read(self, header: bytes | None, bodies: Sequence[_Body]) -> Parsed:
        """The rows of all bodies, which share this header line; if it is None, each is read by itself."""
        if header is None:
            return _one_below_the_other([self._alone(one) for one in bodies], self.uri)
        if not header:
            return Parsed(pl.DataFrame(), (0,) * len(bodies))
        plain = bodies[0].plain
        top = self._header(header + b"\n", plain)
        try:
            return self._together(header, [_unquoted(one, top) for one in bodies], plain)
        except _Doubt:  # a short row and a long one have the delimiters of two good ones
            return _one_below_the_other([self._by_rows(one) for one in bodies], self.uri)

    def _alone(self, body: _Body) -> Parsed:
        """The rows of text with quotes, or with rows that must be searched for."""
        if body.text is not None:
            try:
                return self._quoted(body.text, body.plain)
            except _Doubt:
                pass
        return self._by_rows(body)

    def _by_rows(self, body: _Body) -> Parsed:
        """The rows of a text that is divided into them."""
        reason = ""
        for is_exact in (False, True):
            division = self._divided(body, is_exact=is_exact)
            if not division.header:
                return Parsed(pl.DataFrame(), (0,))
            try:
                return self._together(division.header, [division], body.plain)
            except _Doubt as doubt:
                reason = str(doubt)
        raise ObjectUnreadable(self.uri, f"it is not valid CSV: {reason}")

    def _divided(self, body: _Body, *, is_exact: bool = False) -> Division:
        return divided(
            body.plain, fields=self.fields, uri=self.uri, spelling=self.spelling, is_exact=is_exact
        )

    def _quoted(self, text: bytes, plain: PlainText) -> Parsed:
        """The rows of well-formed text. Raises _Doubt if one may be short or blank."""
        header = self._header(text, plain)
        frame = self._parsed(text, header, plain.dialect)
        # A short row and a blank line leave the last column null; if nothing is null, there are none.
        if frame.height and frame.to_series(-1).null_count() and not _is_even(frame, text, header, plain):
            raise _Doubt("a row has another number of fields than the header")
        return self._told(frame, (frame.height,), RowFaults(), header, plain)

    def _together(self, header: bytes, bodies: Sequence[Rows | Division], plain: PlainText) -> Parsed:
        """The rows of bodies below one header. Raises _Doubt if Polars finds other rows."""
        top = self._header(header + b"\n", plain)
        empty = top.empty_row(plain.dialect.delimiter_byte)
        found = [one.rows(empty) if isinstance(one, Division) else one for one in bodies]
        content = b"".join([header, b"\n", *chain.from_iterable(one.lines for one in found)])
        frame = self._parsed(content, top, plain.dialect)
        faults, height = RowFaults(), 0
        for one in found:
            for row, fault in one.faults.items():
                faults.note(height + row, fault)
            height += one.count
        if frame.height != height:
            raise _Doubt(f"{height} records gave {frame.height} rows")
        return self._told(frame, tuple(one.count for one in found), faults, top, plain)

    def _header(self, content: bytes, plain: PlainText) -> CsvHeader:
        if plain.dialect.names is not None:
            return csv_header(content, plain.dialect, self.uri)
        header = csv_header(content, plain.dialect, self.uri, plain.respelling)
        refuse_foreign_header(header, self.fields, self.uri, self.spelling)
        return header

    def _parsed(self, content: bytes, header: CsvHeader, dialect: CsvDialect) -> pl.DataFrame:
        """What Polars finds. Raises _Doubt if it refuses the text."""
        try:
            frame = pl.read_csv(
                content,
                infer_schema=False,
                separator=dialect.delimiter,
                quote_char=dialect.quote,
                null_values=list(dialect.null_texts) or None,
            )
        except PolarsError as error:
            raise _Doubt(clipped(str(error).splitlines()[0], 200)) from error
        if frame.columns != header.as_polars_has_it(dialect.quote):
            names = list(header.names)
            raise ObjectUnreadable(
                self.uri, f"its header reads {names!r} or {frame.columns!r}; quote it properly"
            )
        return frame

    def _told(
        self,
        frame: pl.DataFrame,
        rows: tuple[int, ...],
        faults: RowFaults,
        header: CsvHeader,
        plain: PlainText,
    ) -> Parsed:
        """The values that the texts mean, with the names of their columns."""
        names = header.names if plain.dialect.names is None else plain.dialect.names
        respelling = plain.respelling
        columns = {
            name: respelling.values(_known(values.alias(name), respelling, faults))
            for name, values in zip(names, frame.iter_columns(), strict=True)
        }
        idle = [] if self.infers else [name for name in header.unnamed if name not in self.fields]
        columns |= {name: nothing_as_null(columns[name]) for name in idle if name in columns}
        told, doubles = respelled(pl.DataFrame(columns), self.spelling, uri=self.uri, nothing_is_null=True)
        faults.extend(doubles)
        return Parsed(told, rows, faults)


def _known(text: pl.Series, respelling: Respelling, faults: RowFaults) -> pl.Series:
    """The texts; one with an unknown escape sequence is a fault."""
    if respelling.unknown is not None:
        strange = text.str.contains(respelling.unknown, literal=True)
        faults.add(
            strange.fill_null(value=False),
            text.name,
            lambda row: f"{example_at(respelling.values(text), row)} has an unknown escape sequence",
        )
    return text


def _unquoted(body: _Body, header: CsvHeader) -> Rows:
    """The rows of text without quotes."""
    text = body.text or b""
    return rows_in_blocks(text, text.find(b"\n") + 1 or len(text), header, body.plain)


def _is_even(frame: pl.DataFrame, text: bytes, header: CsvHeader, plain: PlainText) -> bool:
    """Whether all rows have as many fields as the header, by the number of the text's delimiters.

    A null may have been a text with delimiters; then it is not even.
    """
    delimiter, width = plain.dialect.delimiter, frame.width
    if width == 1:
        return False
    within = sum(name.count(delimiter) for name in header.parsed)
    within += sum(int(one.str.count_matches(delimiter, literal=True).sum()) for one in frame.iter_columns())
    return text.count(delimiter.encode()) == (frame.height + 1) * (width - 1) + within
