"""Reads the rows of one head with the readers of the ingest itself; no other module of the preview uses them.

Of a truncated head the whole records are read; records that cannot be read are left out and counted.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import polars as pl

from ingest_project.errors import ObjectUnreadable
from ingest_project.preview.heads import HEAD_BYTES, Head
from ingest_project.preview.read_as import ReadAs
from ingest_project.reading.bad_rows.bad_records import sift
from ingest_project.reading.content import Content
from ingest_project.reading.formats.csv.inference import typed_from_text
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.parse import Reading, parse
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.piece import FramePiece, Piece
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.row_faults import no_row_readable
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.reading.values.json_inference import inferred
from ingest_project.reading.values.types import UnusableName

INFERRED = Target(types=None)
AS_WRITTEN = Target(types={}, evolution="rescue")
"""For JSON: without columns, all values are rescued, so they are kept as the file has them."""
SHOWN_ROWS = 1_000
"""Rows of one file that examples are taken from; `--rows` may be as many."""
PIECES = PieceLimits(piece_bytes=256 * 1024)
"""Small, because the last piece of a truncated head is left out."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a head without provenance; a column of nothing but nulls has the type Null.

    `rejected` counts the records that cannot be read; `reason` is that of the first.
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
        if not FORMATS[read_as.format].is_lines:
            raise
        return _good_rows(head, bodies, read_as)
    return _sound_rows(parsed[0], head)


def _sound_rows(parsed: Parsed, head: Head) -> Rows:
    try:
        frame = parsed.frame.with_columns(inferred(parsed.frame[name]) for name in parsed.json_texts)
    except UnusableName as error:
        raise ObjectUnreadable(head.object.uri, str(error)) from error
    if (first := parsed.faults.first()) is None:
        return Rows(frame)
    row, fault = first
    if len(parsed.faults) == frame.height and all(one.is_unreadable for _, one in parsed.faults):
        raise ObjectUnreadable(head.object.uri, no_row_readable(frame.height, fault))
    where = "" if parsed.numbers is None else f"line {parsed.numbers[row]}: "
    return Rows(frame.filter(parsed.faults.sound(frame.height)), len(parsed.faults), f"{where}{fault}")


def read_as_text(head: Head, read_as: ReadAs, frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """These columns of a head as they are written, in the rows that `read_rows` gave. Raises ObjectError."""
    return _as_text(head, whole_records(head, read_as), read_as, names, others=frame.columns)


def read_as_written(head: Head, read_as: ReadAs, frame: pl.DataFrame) -> pl.DataFrame:
    """The first rows of the columns of JSON whose values are read in another form than written: `1` beside
    `1.5`.

    An object is shown with its own fields only, not with those of all rows. Raises ObjectError.
    """
    names = [name for name, dtype in frame.schema.items() if dtype.is_float() or dtype.is_nested()]
    if FORMATS[read_as.format].values != "json" or not names:
        return pl.DataFrame()
    reading = Reading(read_as.format, AS_WRITTEN, read_as.options)
    (parsed,) = parse(whole_records(head, read_as), reading, uri=head.object.uri)
    sound = parsed.frame.filter(parsed.faults.sound(parsed.frame.height))
    return sound.select(names).head(SHOWN_ROWS).cast(pl.String())


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
    """The rows without the header, which is a record by the options, and which the ingest will set aside."""
    names = list(read_as.options.csv.names or ())
    reading = Reading(
        read_as.format, Target(dict.fromkeys(names, "string")), read_as.options, quarantines=True
    )
    result = _read(head, whole_records(head, read_as), reading)
    frame = pl.DataFrame() if result.frame is None else result.frame.select(names).slice(1)
    rejected = 0 if result.rejected is None else result.rejected.height
    return Rows(
        frame.with_columns(typed_from_text(frame[name]) for name in names),
        rejected + 1,
        "the line of its header is not a row",
    )


def rejected_rows(head: Head, read_as: ReadAs, target: Target) -> int:
    """How many records cannot be read, or do not fit the columns of this target. Raises ObjectError."""
    bodies = whole_records(head, read_as)
    result = _read(head, bodies, Reading(read_as.format, target, read_as.options, quarantines=True))
    return 0 if result.rejected is None else result.rejected.height


def whole_records(head: Head, read_as: ReadAs) -> tuple[bytes, ...]:
    """The body, JSON documents as lines; of a truncated one the pieces that end before its last records.

    Raises ObjectUnreadable if not even one record is whole.
    """
    uri, read = head.object.uri, FORMATS[read_as.format]
    if head.is_whole:
        return (read.as_lines(head.body, read_as.options, uri),)
    if not read.is_lines:
        return (head.body,)
    return _but_the_last(read.cut(iter((head.body,)), read_as.options, PIECES, uri), uri)


def _but_the_last(pieces: Iterator[Piece | FramePiece], uri: str) -> tuple[bytes, ...]:
    """The last piece is left out: it ends where the head was truncated, perhaps within a record."""
    bodies: list[bytes] = []
    try:
        bodies.extend(piece.body for piece in pieces if isinstance(piece, Piece))
    except ObjectUnreadable:  # where the head ends, instead of the last piece
        bodies.append(b"")
    whole = tuple(body for body in bodies[:-1] if body)
    if not whole:
        size = HEAD_BYTES // 1024**2
        raise ObjectUnreadable(
            uri, f"no record ends within its first {size} MiB, and a preview reads no more"
        )
    return whole


def _good_rows(head: Head, bodies: tuple[bytes, ...], read_as: ReadAs) -> Rows:
    """The good rows, not fitted to columns: the entry renames what has an invalid name."""
    reading = Reading(read_as.format, INFERRED, read_as.options, quarantines=True)
    sifted = sift([Content(head.object, bodies, head.object.event_time)], reading, {head.object})
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
