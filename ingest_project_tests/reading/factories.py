"""Fetched objects made of bytes, and the shortest way to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ingest_project.reading.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.reading.parse import Reading
from ingest_project.reading.portions import Together, portions
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import FetchedObject, FetchResult
from ingest_project.sources.s3.store import ObjectStore

WRITTEN_AT = datetime(2099, 11, 20, 10, tzinfo=UTC)
"""Of the event; S3's own time, which the emulator takes from the clock, is never later than that."""


def object_version(key: str, *, bucket: str = "landing", **told: str | None) -> ObjectVersion:
    return ObjectVersion(bucket=bucket, key=key, size_bytes=0, event_time=WRITTEN_AT, **told)


def fetched(*bodies: bytes) -> list[FetchedObject]:
    """Objects `s3://landing/0`, `/1`, ... of versions `v0`, `v1`, ..."""
    return [
        FetchedObject(object_version(f"{number}", version_id=f"v{number}"), body, len(body), WRITTEN_AT)
        for number, body in enumerate(bodies)
    ]


class Fetched(ObjectStore):
    """A store that has fetched these objects already."""

    def __init__(self, objects: Sequence[FetchedObject]) -> None:
        self._objects = {one.object: one for one in objects}

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        return FetchResult(tuple(self._objects[one] for one in objects), ())


def read_objects(objects: Sequence[FetchedObject], reading: Reading) -> ReadResult:
    """The rows of these objects, taken as a batch takes them; they must fit into one portion."""
    if not objects:
        return read_contents([], reading)
    portion, *others = portions(
        [one.object for one in objects],
        Fetched(objects),
        format=reading.format,
        options=reading.options,
        max_object_bytes=2**40,
    )
    assert isinstance(portion, Together)
    assert others == []
    result = read_contents(portion.contents, reading)
    return replace(result, failures=(*portion.failures, *result.failures))


def read(
    *bodies: bytes,
    columns: Mapping[str, str] | None = None,
    file_format: TableFormat = "ndjson",
    allow_new_columns: bool = False,
    options: FormatOptions = DEFAULT_OPTIONS,
) -> ReadResult:
    """The rows of objects of these bodies, each of which fails as a whole."""
    target = Target(columns, "add_columns" if allow_new_columns else "fail")
    return read_objects(fetched(*bodies), Reading(file_format, target, options))


def values(result: ReadResult, column: str) -> list[object]:
    """One column of the frame; there must be a frame."""
    assert result.frame is not None
    return result.frame[column].to_list()


def reasons(result: ReadResult) -> dict[str, str]:
    """Error class and reason of each failure, by key."""
    return {
        failure.object.key: f"{failure.error.error_class}: {failure.error.reason}"
        for failure in result.failures
    }
