"""The result of a fetch: the bytes of object versions, and one error for each that could not be read."""

from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectError
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """The bytes of one object version as S3 stores them, still compressed, with S3's metadata.

    `object` is the requested version. `etag` has no quotes. `last_modified` is UTC.
    """

    object: ObjectVersion
    body: bytes = field(repr=False)
    size_bytes: int
    last_modified: datetime
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """One object version that could not be ingested, with its error."""

    object: ObjectVersion
    error: ObjectError


@dataclass(frozen=True, slots=True)
class Postponed:
    """One object version whose body was not read for lack of room. `size_bytes` is from S3."""

    object: ObjectVersion
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FetchResult:
    """All requested object versions, each in one of three tuples, in the order of the request."""

    fetched: tuple[FetchedObject, ...]
    failures: tuple[ObjectFailure, ...]
    postponed: tuple[Postponed, ...] = ()
