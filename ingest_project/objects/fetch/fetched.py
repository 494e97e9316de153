"""What a fetch gives: the bytes of object versions, and one error for each that S3 did not hand out."""

from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectError
from ingest_project.events.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """The bytes of one object version as S3 stores them, still compressed, and what S3 said about them.

    `object` is the version that was asked for. `etag` has no quotes. `last_modified` is UTC.
    """

    object: ObjectVersion
    body: bytes = field(repr=False)
    size_bytes: int
    last_modified: datetime
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """One object version that could not be ingested, and why."""

    object: ObjectVersion
    error: ObjectError


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Every object version that was asked for, in one of two tuples, each in the order of the question."""

    fetched: tuple[FetchedObject, ...]
    failures: tuple[ObjectFailure, ...]
