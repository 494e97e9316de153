"""Fetched objects made of bytes, and the shortest way to read them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.fetched import FetchedObject
from ingest_project.objects.format_options import DEFAULT_OPTIONS, FormatOptions
from ingest_project.objects.read import ReadResult, read_objects
from ingest_project.settings.model import TableFormat

WRITTEN_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def object_version(key: str, *, bucket: str = "landing", **told: str | None) -> ObjectVersion:
    return ObjectVersion(bucket=bucket, key=key, size_bytes=0, event_time=WRITTEN_AT, **told)


def fetched(*bodies: bytes) -> list[FetchedObject]:
    """Objects `s3://landing/0`, `/1`, ... of versions `v0`, `v1`, ..."""
    return [
        FetchedObject(object_version(f"{number}", version_id=f"v{number}"), body, len(body), WRITTEN_AT)
        for number, body in enumerate(bodies)
    ]


def read(
    *bodies: bytes,
    columns: Mapping[str, str] | None = None,
    file_format: TableFormat = "ndjson",
    allow_new_columns: bool = False,
    options: FormatOptions = DEFAULT_OPTIONS,
) -> ReadResult:
    return read_objects(
        fetched(*bodies),
        format=file_format,
        columns=columns,
        allow_new_columns=allow_new_columns,
        options=options,
    )


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
