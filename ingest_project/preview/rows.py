"""Reads the rows of one head with the very readers of the ingest: the one place that knows them.

A head that is cut gives its whole records only; records that cannot be read are left out and counted.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import polars as pl

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns.mapping import ColumnMapping, MappedColumn, Target
from ingest_project.objects.content import Content
from ingest_project.objects.csv.inference import typed_from_text
from ingest_project.objects.csv.pieces import csv_pieces
from ingest_project.objects.json.pieces import as_ndjson, json_pieces
from ingest_project.objects.line_pieces import line_pieces
from ingest_project.objects.parse import LINE_FORMATS, Reading, parse
from ingest_project.objects.piece import Limits, Piece
from ingest_project.objects.read import ReadResult, read_contents
from ingest_project.objects.sifting import sift
from ingest_project.objects.values.json_nested import json_text, load
from ingest_project.preview.heads import HEAD_BYTES, Head
from ingest_project.preview.read_as import ReadAs

INFERRED = Target(types=None)
SHOWN_ROWS = 1_000
"""Rows of one file that examples are taken from; `--rows` may be as many."""
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
    if read_as.header is not None:
        return _below_header(head, read_as)
    bodies = whole_records(head, read_as)
    reading = Reading(read_as.format, INFERRED, read_as.options)
    try:
        parsed = parse(bodies, reading, uri=head.object.uri)
    except ObjectUnreadable:
        if read_as.format not in LINE_FORMATS:
            raise
        return _good_rows(head, bodies, read_as)
    return Rows(parsed[0].frame)


def read_as_text(head: Head, read_as: ReadAs, frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """These columns of a head as they are written, in the rows that `read_rows` gave. Raises ObjectError."""
    return _as_text(head, whole_records(head, read_as), read_as, names, others=frame.columns)


def read_as_written(head: Head, read_as: ReadAs, frame: pl.DataFrame) -> pl.DataFrame:
    """The first rows of those columns of JSON whose values read otherwise than they are written: `1` beside `1.5`.

    An object is shown with the fields that it has, not with those of all. Raises ObjectError.
    """
    names = [name for name, dtype in frame.schema.items() if dtype.is_float() or dtype.is_nested()]
    if read_as.format not in {"ndjson", "json"} or not names:
        return pl.DataFrame()
    lines = (line for body in whole_records(head, read_as) for line in body.split(b"\n"))
    objects = list(islice(filter(None, map(_loaded, lines)), SHOWN_ROWS))
    texts = {name: [_written(one.get(name)) for one in objects] for name in names}
    return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String()))


def _loaded(line: bytes) -> dict[str, object] | None:
    try:
        found = load(line)
    except (ValueError, RecursionError):  # a bad row, or none
        return None
    return found if isinstance(found, dict) else None


def _written(value: object) -> str | None:
    return None if value is None else json_text(value)


def _as_text(
    head: Head, bodies: tuple[bytes, ...], read_as: ReadAs, names: list[str], *, others: Collection[str]
) -> pl.DataFrame:
    mapped = tuple(MappedColumn(name, "string", name, declared=False) for name in names)
    # The others may have names that no column can have.
    mapping = ColumnMapping(mapped, ignored=frozenset(others) - set(names))
    target = Target(dict.fromkeys(names, "string"), "fail", mapping)
    result = _read(head, bodies, Reading(read_as.format, target, read_as.options, quarantines=True))
    frame = pl.DataFrame() if result.frame is None else result.frame.select(names)
    return frame if read_as.header is None else frame.slice(1)


def _below_header(head: Head, read_as: ReadAs) -> Rows:
    """The rows without the header, which the options do not know as such and the ingest will set aside."""
    names = list(read_as.options.csv.names or ())
    reading = Reading("csv", Target(dict.fromkeys(names, "string")), read_as.options, quarantines=True)
    result = _read(head, whole_records(head, read_as), reading)
    frame = pl.DataFrame() if result.frame is None else result.frame.select(names).slice(1)
    rejected = 0 if result.rejected is None else result.rejected.height
    return Rows(
        frame.with_columns(typed_from_text(frame[name]) for name in names),
        rejected + 1,
        "the line of its header is no row",
    )


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
    """Not fitted to any column: names that no column can have are for the entry to mend."""
    reading = Reading(read_as.format, INFERRED, read_as.options, quarantines=True)
    sifted = sift([Content(head.object, bodies, head.object.event_time)], reading)
    for error in sifted.failures.values():
        raise error
    sound = sifted.contents(pl.repeat(True, len(sifted.sound), eager=True))
    frame = pl.DataFrame()
    if sound:
        good = [body for content in sound for body in content.bodies]
        frame = parse(good, replace(reading, quarantines=False), uri=head.object.uri)[0].frame
    if not sifted.bad:
        return Rows(frame)
    first, fault = min(sifted.bad, key=lambda pair: pair[0].record.line_number)
    return Rows(frame, len(sifted.bad), f"line {first.record.line_number}: {fault.reason}")


def _read(head: Head, bodies: tuple[bytes, ...], reading: Reading) -> ReadResult:
    result = read_contents([Content(head.object, bodies, head.object.event_time)], reading)
    if result.failures:
        raise result.failures[0].error
    return result
