"""Reads fetched objects into the one frame that a batch commits: the step between S3 and Iceberg.

Objects are parsed together, because that is ten times faster for small ones than one by one. Only if that fails are
those at fault looked for; the rest are then parsed together again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import polars as pl

from ingest_project.errors import ObjectError, ObjectFaultUnknown
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columnar import read_columnar
from ingest_project.objects.columns import fit_columns
from ingest_project.objects.compression import unpack
from ingest_project.objects.csv import read_csv
from ingest_project.objects.fetched import FetchedObject, ObjectFailure
from ingest_project.objects.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.objects.json_document import as_ndjson
from ingest_project.objects.markers import holds_no_rows
from ingest_project.objects.ndjson import read_ndjson
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.text_lines import read_text_lines
from ingest_project.objects.types import dtype_of
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.whole_object import read_whole_objects
from ingest_project.settings.model import PROVENANCE_COLUMNS, TableFormat


@dataclass(frozen=True, slots=True)
class ReadResult:
    """`frame` has the rows of all objects that could be read, None if there is none; `rows` counts them per object.

    An object without rows, an empty one for example, is in `rows` with 0. One that failed is not in it.
    """

    frame: pl.DataFrame | None = field(repr=False)
    rows: dict[ObjectVersion, int]
    failures: tuple[ObjectFailure, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """An object version and its bytes without their compression: one body, or one for each member of a zip."""

    object: ObjectVersion
    bodies: tuple[bytes, ...] = field(repr=False)
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """How all objects of one table are read."""

    format: TableFormat
    columns: Mapping[str, str] | None
    allow_new_columns: bool
    options: FormatOptions


def read_objects(
    fetched: Sequence[FetchedObject],
    *,
    format: TableFormat,  # noqa: A002 - the settings' own word
    columns: Mapping[str, str] | None,
    allow_new_columns: bool,
    options: FormatOptions = DEFAULT_OPTIONS,
) -> ReadResult:
    """The rows of these distinct objects, in their order, with the columns of their table.

    `columns` are the table's, with Iceberg's type names; without them all columns are new, typed by all of their
    values. The frame has exactly `columns`, in order, then new ones if they are allowed, then `_source_uri` and
    `_source_version`. Every value is exact: one that does not fit its column fails its object, as does a column
    that may not be added. What fails is a failure of that object alone, even in a way that nobody foresaw.

    Compression is taken off, but not from the objects of `binary`; the members of a zip together are its rows. Empty
    objects and marks of success have none.

    Raises ValueError if `columns` name a type that cannot be read, and ObjectFaultUnknown if each object can be read
    but all of them together cannot, for want of memory for example. Holds the bytes, their joined copy and the frame
    in memory at once.
    """
    own = {name: type_name for name, type_name in (columns or {}).items() if name not in PROVENANCE_COLUMNS}
    reading = Reading(format, own if columns is not None else None, allow_new_columns, options)
    contents: list[Content] = []
    failures: list[ObjectFailure] = []
    for one in fetched:
        try:
            contents.append(_content(one, reading))
        except ObjectError as error:
            failures.append(ObjectFailure(one.object, error))
    if contents:
        for type_name in own.values():
            dtype_of(type_name)
    frame, rows, unreadable = _read_readable(contents, reading)
    return ReadResult(frame, rows, (*failures, *unreadable))


def _content(fetched: FetchedObject, reading: Reading) -> Content:
    with unforeseen_as_fault(fetched.object.uri):
        return Content(fetched.object, _bodies(fetched, reading), fetched.last_modified)


def _bodies(fetched: FetchedObject, reading: Reading) -> tuple[bytes, ...]:
    uri = fetched.object.uri
    if holds_no_rows(fetched):
        return (b"",)
    if reading.format == "binary":
        return (fetched.body,)
    bodies = unpack(fetched.body, uri) or (b"",)  # a zip may have no members
    if reading.format == "json":
        return tuple(as_ndjson(body, uri, reading.options.json_path) for body in bodies)
    return bodies


def _read_readable(
    contents: Sequence[Content], reading: Reading
) -> tuple[pl.DataFrame | None, dict[ObjectVersion, int], tuple[ObjectFailure, ...]]:
    try:
        return *_read_together(contents, reading), ()
    except ObjectError:
        failures = tuple(_failures(contents, reading))
    failed = {failure.object for failure in failures}
    readable = [content for content in contents if content.object not in failed]
    try:
        return *_read_together(readable, reading), failures
    except ObjectFaultUnknown:
        raise  # no object's fault: a smaller batch may do
    except ObjectError as error:  # each can be read, but not as one table
        together = tuple(
            ObjectFailure(content.object, _again_for(content.object, error)) for content in readable
        )
        return None, {}, (*failures, *together)


def _failures(contents: Sequence[Content], reading: Reading) -> Iterator[ObjectFailure]:
    """Those that fail alone, found by halving: a few bad ones among thousands cost little more than one reading."""
    try:
        _read_together(contents, reading)
    except ObjectError as error:
        if len(contents) == 1:
            yield ObjectFailure(contents[0].object, error)
            return
        middle = len(contents) // 2
        yield from _failures(contents[:middle], reading)
        yield from _failures(contents[middle:], reading)


def _again_for(object_: ObjectVersion, error: ObjectError) -> ObjectError:
    return type(error)(object_.uri, f"not to be read with the others of its batch: {error.reason}")


def _read_together(
    contents: Sequence[Content], reading: Reading
) -> tuple[pl.DataFrame | None, dict[ObjectVersion, int]]:
    if not contents:
        return None, {}
    uri = contents[0].object.uri if len(contents) == 1 else f"{len(contents)} objects"
    with unforeseen_as_fault(uri):
        parsed = _parse(contents, reading, uri)
        frame = fit_columns(
            parsed.frame, reading.columns, uri=uri, allow_new_columns=reading.allow_new_columns
        )
        rows = _rows_by_object(contents, parsed.rows)
        return frame.hstack(_provenance(rows)), rows


def _rows_by_object(contents: Sequence[Content], rows: Sequence[int]) -> dict[ObjectVersion, int]:
    if len(rows) != sum(len(content.bodies) for content in contents):
        raise ValueError("each body has a count of rows")
    remaining = iter(rows)
    return {content.object: sum(islice(remaining, len(content.bodies))) for content in contents}


def _parse(contents: Sequence[Content], reading: Reading, uri: str) -> Parsed:
    bodies = [body for content in contents for body in content.bodies]
    columns, allowed = reading.columns, reading.allow_new_columns
    match reading.format:
        case "ndjson" | "json":
            return read_ndjson(bodies, columns, uri=uri, allow_new_columns=allowed)
        case "csv":
            return read_csv(bodies, columns, uri=uri, allow_new_columns=allowed, dialect=reading.options.csv)
        case "parquet" | "avro" | "ipc" as columnar:
            return read_columnar(bodies, columns, file_format=columnar, uri=uri, allow_new_columns=allowed)
        case "text":
            return read_text_lines(bodies, uri=uri)
        case "binary":
            return read_whole_objects(bodies, [content.last_modified for content in contents])


def _provenance(rows: Mapping[ObjectVersion, int]) -> pl.DataFrame:
    """`_source_uri` and `_source_version` of every row; its height fails the join if a row were lost or made up."""
    source_uri, source_version, *_ = PROVENANCE_COLUMNS
    objects = {object_: count for object_, count in rows.items() if count}
    counts = pl.Series(list(objects.values()), dtype=pl.UInt32)
    sources = pl.DataFrame(
        {
            source_uri: [object_.uri for object_ in objects],
            source_version: [object_.version for object_ in objects],
        },
        schema={source_uri: pl.String(), source_version: pl.String()},
    )
    return sources.select(pl.all().repeat_by(counts).explode())
