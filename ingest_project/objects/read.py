"""Reads fetched objects into the one frame that a batch commits: the step between S3 and Iceberg.

Objects are parsed together, because that is ten times faster for small ones than one by one. Only if that fails are
those at fault looked for; the rest are then parsed together again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest_project.errors import ObjectError, ObjectFaultUnknown
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columnar import read_columnar
from ingest_project.objects.columns import fit_columns
from ingest_project.objects.compression import decompress
from ingest_project.objects.csv import read_csv
from ingest_project.objects.fetched import FetchedObject, ObjectFailure
from ingest_project.objects.json_document import as_ndjson
from ingest_project.objects.ndjson import read_ndjson
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.types import dtype_of
from ingest_project.objects.unforeseen import unforeseen_as_fault
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
    """An object version and its bytes without their compression."""

    object: ObjectVersion
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """How all objects of one table are read."""

    format: TableFormat
    columns: Mapping[str, str] | None
    allow_new_columns: bool


def read_objects(
    fetched: Sequence[FetchedObject],
    *,
    format: TableFormat,  # noqa: A002 - the settings' own word
    columns: Mapping[str, str] | None,
    allow_new_columns: bool,
) -> ReadResult:
    """The rows of these distinct objects, in their order, with the columns of their table.

    `columns` are the table's, with Iceberg's type names; without them all columns are new, typed by all of their
    values. The frame has exactly `columns`, in order, then new ones if they are allowed, then `_source_uri` and
    `_source_version`. Every value is exact: one that does not fit its column fails its object, as does a column
    that may not be added. What fails is a failure of that object alone, even in a way that nobody foresaw.

    Raises ValueError if `columns` name a type that cannot be read, and ObjectFaultUnknown if each object can be read
    but all of them together cannot, for want of memory for example. Holds the bytes, their joined copy and the frame
    in memory at once.
    """
    own = {name: type_name for name, type_name in (columns or {}).items() if name not in PROVENANCE_COLUMNS}
    reading = Reading(format, own if columns is not None else None, allow_new_columns)
    contents: list[Content] = []
    failures: list[ObjectFailure] = []
    for one in fetched:
        try:
            contents.append(_content(one, format))
        except ObjectError as error:
            failures.append(ObjectFailure(one.object, error))
    if contents:
        for type_name in own.values():
            dtype_of(type_name)
    frame, rows, unreadable = _read_readable(contents, reading)
    return ReadResult(frame, rows, (*failures, *unreadable))


def _content(fetched: FetchedObject, file_format: TableFormat) -> Content:
    uri = fetched.object.uri
    with unforeseen_as_fault(uri):
        body = decompress(fetched.body, uri)
        return Content(fetched.object, as_ndjson(body, uri) if file_format == "json" else body)


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
        parsed = _parse([content.body for content in contents], reading, uri)
        frame = fit_columns(
            parsed.frame, reading.columns, uri=uri, allow_new_columns=reading.allow_new_columns
        )
        rows = {content.object: count for content, count in zip(contents, parsed.rows, strict=True)}
        return frame.hstack(_provenance(rows)), rows


def _parse(bodies: Sequence[bytes], reading: Reading, uri: str) -> Parsed:
    columns, allowed = reading.columns, reading.allow_new_columns
    match reading.format:
        case "ndjson" | "json":
            return read_ndjson(bodies, columns, uri=uri, allow_new_columns=allowed)
        case "csv":
            return read_csv(bodies, columns, uri=uri, allow_new_columns=allowed)
        case "parquet" | "avro" | "ipc" as columnar:
            return read_columnar(bodies, columns, file_format=columnar, uri=uri, allow_new_columns=allowed)


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
