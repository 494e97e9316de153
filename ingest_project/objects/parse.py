"""Parses bodies by the format of their table: bytes to frames, with the fields as the files have them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ingest_project.objects.columnar.reader import ColumnarFormat, read_file
from ingest_project.objects.columns.mapping import Target
from ingest_project.objects.csv.reader import read_csv
from ingest_project.objects.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.objects.json.ndjson import read_ndjson
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.text_lines import read_text_lines
from ingest_project.objects.whole_object import read_whole_objects
from ingest_project.settings.model import TableFormat
from ingest_project.settings.row_limit import RowLimit

LINE_FORMATS: frozenset[TableFormat] = frozenset({"ndjson", "json", "csv", "text"})
"""Those whose bodies can be taken apart into records; documents of `json` are lines by the time they are parsed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How all objects of one table are read.

    With `quarantines` a bad row is set aside, unless an object has more of them than `row_limit`; else it fails its object.
    """

    format: TableFormat
    target: Target
    options: FormatOptions = DEFAULT_OPTIONS
    quarantines: bool = False
    row_limit: RowLimit | None = None


def parse(
    bodies: Sequence[bytes | pl.DataFrame],
    reading: Reading,
    *,
    uri: str,
    last_modified: Sequence[datetime] = (),
    first_lines: Sequence[int] = (),
) -> list[Parsed]:
    """The rows of all bodies in their order: all at once where the format allows it, else a frame for each body.

    `last_modified` and `first_lines` are each body's, for the formats that tell them. Raises ObjectError, of `uri`, if any cannot be parsed.
    """
    fields = reading.target.fields()
    texts = [body for body in bodies if isinstance(body, bytes)]
    match reading.format:
        case "ndjson" | "json":
            paths = reading.target.exact_paths()
            explains = not reading.quarantines  # else each line is looked at by itself
            is_ndjson = reading.format == "ndjson"
            return [
                read_ndjson(
                    texts, fields, uri=uri, exact_paths=paths, explains=explains, names_json=is_ndjson
                )
            ]
        case "csv":
            infers = not reading.target.rescues  # what is rescued stays the text that it is
            known = reading.target.text_fields()
            return [read_csv(texts, known, uri=uri, dialect=reading.options.csv, infers=infers)]
        case "parquet" | "avro" | "ipc" as columnar:
            passed_over = reading.target.mapping.passed_over
            return [_parse_columnar(body, columnar, uri, passed_over) for body in bodies]
        case "text":
            return [read_text_lines(texts, uri=uri, first_lines=first_lines)]
        case "binary":
            return [read_whole_objects(texts, last_modified)]


def _parse_columnar(
    body: bytes | pl.DataFrame, file_format: ColumnarFormat, uri: str, passed_over: Collection[str]
) -> Parsed:
    if isinstance(body, pl.DataFrame):
        return Parsed(body, (body.height,))
    frame = read_file(body, file_format, uri, passed_over=passed_over)
    return Parsed(frame, (frame.height,))
