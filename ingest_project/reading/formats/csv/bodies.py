"""Reads bodies of CSV for their table, and divides a body into records."""

from collections.abc import Iterable

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.csv.header import csv_header
from ingest_project.reading.formats.csv.reader import read_csv
from ingest_project.reading.formats.csv.rows import csv_rows
from ingest_project.reading.formats.csv.text import csv_text
from ingest_project.reading.formats.interface import Bodies, Text
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.record import Records


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


def records_of(text: Text) -> Records:
    """The rows of a body, each with its text. Raises ObjectError if the header is unusable."""
    target = text.target
    rows = csv_rows(
        text.body,
        text.options.csv,
        fields=target.fields(),
        first_line=text.first_line,
        uri=text.uri,
        spelling=target.spelling,
    )
    return Records(rows.records, rows.header)


def field_names(body: bytes, options: FormatOptions) -> Iterable[str]:
    """The names in a file's header; none if the settings give the names."""
    if options.csv.names is not None:
        return ()
    text = csv_text(body, options.csv, "")
    return csv_header(text.text, text.dialect, "").names
