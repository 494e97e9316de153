"""Reads the rows of one head with the very readers of the ingest: the one place that knows them.

A head that is cut gives its whole records only; records that cannot be read are left out and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.content import Content
from ingest_project.objects.csv_pieces import csv_pieces
from ingest_project.objects.json_pieces import as_ndjson, json_pieces
from ingest_project.objects.line_pieces import line_pieces
from ingest_project.objects.mapping import Target
from ingest_project.objects.parse import LINE_FORMATS, Reading, parse
from ingest_project.objects.piece import Limits, Piece
from ingest_project.objects.read import ReadResult, read_contents
from ingest_project.preview.heads import HEAD_BYTES, Head
from ingest_project.preview.read_as import ReadAs
from ingest_project.settings.model import PROVENANCE_COLUMNS

INFERRED = Target(types=None)
LIMITS = Limits(piece_bytes=256 * 1024)
"""Small, as the last piece of what is cut is left out."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a head without provenance; a column of nothing but nulls has the type Null.

    `rejected` counts the records that cannot be read; `reason` says why of the first of them.
    """

    frame: pl.DataFrame = field(repr=False)
    rejected: int = 0
    reason: str | None = None


def read_rows(head: Head, read_as: ReadAs) -> Rows:
    """The rows of this head, their columns inferred. Raises ObjectError."""
    bodies = whole_records(head, read_as)
    reading = Reading(read_as.format, INFERRED, read_as.options)
    try:
        parsed = parse(bodies, reading, uri=head.object.uri)
    except ObjectUnreadable:
        if read_as.format not in LINE_FORMATS:
            raise
        return _good_rows(head, bodies, read_as)
    return Rows(parsed[0].frame)


def read_as_text(head: Head, read_as: ReadAs, names: list[str]) -> pl.DataFrame:
    """These columns of a head as they are written, in the rows that `read_rows` gives. Raises ObjectError."""
    target = Target(dict.fromkeys(names, "string"))
    result = _read(
        head, whole_records(head, read_as), Reading(read_as.format, target, read_as.options, quarantines=True)
    )
    return pl.DataFrame() if result.frame is None else result.frame.select(names)


def rejected_rows(head: Head, read_as: ReadAs, target: Target) -> int:
    """How many records cannot be read, or do not fit the columns of this target. Raises ObjectError."""
    bodies = whole_records(head, read_as)
    result = _read(head, bodies, Reading(read_as.format, target, read_as.options, quarantines=True))
    return 0 if result.rejected is None else result.rejected.height


def whole_records(head: Head, read_as: ReadAs) -> tuple[bytes, ...]:
    """The body, documents of JSON made into lines; of a cut one only what stands well before its end, in pieces.

    Raises ObjectUnreadable if not even one record is whole.
    """
    uri, path = head.object.uri, read_as.options.json_path
    if head.is_whole:
        return (as_ndjson(head.body, path, uri),) if read_as.format == "json" else (head.body,)
    match read_as.format:
        case "ndjson" | "text":
            return _but_the_last(line_pieces((head.body,), LIMITS), uri)
        case "json":
            return _but_the_last(json_pieces((head.body,), path, LIMITS, uri), uri)
        case "csv":
            return _but_the_last(csv_pieces((head.body,), read_as.options.csv, LIMITS, uri), uri)
        case _:
            return (head.body,)


def _but_the_last(pieces: Iterator[Piece], uri: str) -> tuple[bytes, ...]:
    """The last piece ends where the head was cut, and may end in the midst of a record."""
    bodies: list[bytes] = []
    try:
        bodies.extend(piece.body for piece in pieces)
    except ObjectUnreadable:  # at the cut: it comes instead of the last piece
        bodies.append(b"")
    whole = tuple(body for body in bodies[:-1] if body)
    if not whole:
        size = HEAD_BYTES // 1024**2
        raise ObjectUnreadable(
            uri, f"no record ends within its first {size} MiB, and a preview reads no more"
        )
    return whole


def _good_rows(head: Head, bodies: tuple[bytes, ...], read_as: ReadAs) -> Rows:
    result = _read(head, bodies, Reading(read_as.format, INFERRED, read_as.options, quarantines=True))
    frame = pl.DataFrame() if result.frame is None else result.frame.drop(PROVENANCE_COLUMNS, strict=False)
    if result.rejected is None:
        return Rows(frame)
    first = result.rejected.row(0, named=True)
    return Rows(frame, result.rejected.height, f"line {first['line_number']}: {first['reason']}")


def _read(head: Head, bodies: tuple[bytes, ...], reading: Reading) -> ReadResult:
    result = read_contents([Content(head.object, bodies, head.object.event_time)], reading)
    if result.failures:
        raise result.failures[0].error
    return result
