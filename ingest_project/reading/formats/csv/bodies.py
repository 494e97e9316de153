"""Reads bodies of CSV for their table, and gives the text of each row."""

from collections.abc import Iterable

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.csv.division import Division, divided, undivided
from ingest_project.reading.formats.csv.header import csv_header
from ingest_project.reading.formats.csv.quotes import is_well_formed
from ingest_project.reading.formats.csv.reader import read_csv
from ingest_project.reading.formats.csv.text import UTF_8_MARK, PlainText, plain_text
from ingest_project.reading.formats.interface import Bodies, Text
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.record import RowTexts


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The rows of all bodies, in one frame."""
    target = bodies.target
    parsed = read_csv(
        bodies.texts,
        target.text_fields(),
        uri=bodies.uri,
        dialect=bodies.options.csv,
        infers=not target.rescues,  # rescued values stay text
        spelling=target.spelling,
    )
    return [parsed]


def texts_of(text: Text, rows: int) -> RowTexts:
    """The text of each of so many rows, which were read.

    The header for reading them again begins with a byte order mark, because they are UTF-8.
    """
    plain = plain_text(text.body, text.options.csv, text.uri)
    found = _division(plain, text, rows)
    records = [*map(plain.as_file_has_it, found.records)] if plain.is_changed else found.records
    mended = {row: plain.respelling.written(one) for row, one in found.mended.items()}
    header = b"" if plain.dialect.names is not None else found.header + b"\n"
    above = plain.excel_line + header or plain.respelling.blank_line
    return RowTexts(
        records,
        found.numbers,
        UTF_8_MARK + plain.respelling.written(above),
        mended,
        plain.respelling.written(b"\n"),
    )


def field_names(body: bytes, options: FormatOptions) -> Iterable[str]:
    """The names in a file's header; none if the settings give the names."""
    if options.csv.names is not None:
        return ()
    plain = plain_text(body, options.csv, "")
    return csv_header(plain.header_and_rows() or plain.text, plain.dialect, "", plain.respelling).names


def _division(plain: PlainText, text: Text, rows: int) -> Division:
    """The rows as the reader has divided them."""
    if is_well_formed(plain.text, plain.dialect):
        found = undivided(plain, text.first_line)
        if len(found.records) == rows:
            return found
    for is_exact in (False, True):
        found = divided(plain, first_line=text.first_line, uri=text.uri, is_exact=is_exact)
        if len(found.records) == rows:
            return found
    raise ValueError(f"{len(found.records)} records gave {rows} rows")
