"""Divides a batch's objects into portions that fit into memory: many small objects together, or a large one in pieces.

However large a batch or an object is, what is held at once is a group's stored bytes and their contents, or a piece.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectError, ObjectTooLarge
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columnar.decoded_size import decoded_bytes
from ingest_project.objects.content import Content
from ingest_project.objects.fetch.fetched import FetchedObject, ObjectFailure
from ingest_project.objects.fetch.store import ObjectStore
from ingest_project.objects.format_options import FormatOptions
from ingest_project.objects.json.pieces import as_ndjson
from ingest_project.objects.markers import holds_no_rows
from ingest_project.objects.piece import DEFAULT_LIMITS, Limits
from ingest_project.objects.pieces import Cutting, Source, pieces
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.unpack.compression import unpack_within
from ingest_project.settings.model import TableFormat

GROUP_STORED_BYTES = 64 * 1024**2
"""How many stored bytes are fetched together."""
GROUP_CONTENT_BYTES = 128 * 1024**2
"""How many bytes the objects of a group may have without their compression; one with more is streamed."""
CHUNK_BYTES = 1024**2
MAX_WHOLE_BYTES = 1024**3
"""The largest object of `binary`: it becomes one value of one row, so it cannot be streamed."""


@dataclass(frozen=True, slots=True)
class Together:
    """Small objects to be read at once, in the order in which they were given, and those of them that failed."""

    contents: tuple[Content, ...]
    failures: tuple[ObjectFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Streamed:
    """A large object. To iterate over `pieces` is to fetch it: at any of them it may raise ObjectError.

    What was made of earlier pieces is then to be discarded. There is one piece at least, if nothing is raised; each has
    one body. Close `pieces` if they are not iterated over to their end.
    """

    object: ObjectVersion
    pieces: Iterator[Content] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds the memory: of a group as fetched, of a group without its compression, of a piece."""

    stored_bytes: int = GROUP_STORED_BYTES
    content_bytes: int = GROUP_CONTENT_BYTES
    piece: Limits = DEFAULT_LIMITS


DEFAULT_BOUNDS = Bounds()


def portions(
    objects: Sequence[ObjectVersion],
    store: ObjectStore,
    *,
    format: TableFormat,  # noqa: A002 - the settings' own word
    options: FormatOptions,
    max_object_bytes: int,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Iterator[Together | Streamed]:
    """Portions with the contents of all objects, each object in one of them; failures are in none but `failures`.

    The objects keep their order, but for those whose events told too small a size: they come behind those they were to be
    fetched with. Compression is taken off, but not from the objects of `binary`, and documents of `json` are made
    into lines. Empty objects and marks of success have one empty body. An object with more stored bytes than
    `max_object_bytes` fails as too large, one of `binary` also above MAX_WHOLE_BYTES.

    A portion is to be done with before the next is asked for. What nobody foresaw is an ObjectFaultUnknown of its object.
    """
    limit = min(max_object_bytes, MAX_WHOLE_BYTES) if format == "binary" else max_object_bytes
    divided = _Portions(store, Cutting(format, options, bounds.piece), bounds, limit)
    for group in _groups(objects, bounds.stored_bytes):
        if len(group) == 1 and group[0].size_bytes > bounds.stored_bytes and format != "binary":
            yield divided.streamed(group[0])
        else:
            yield from divided.together(group)


def _groups(objects: Sequence[ObjectVersion], stored_bytes: int) -> Iterator[list[ObjectVersion]]:
    """Neighbours with at most so many bytes together; an object with more is a group by itself."""
    group: list[ObjectVersion] = []
    size_bytes = 0
    for object_ in objects:
        if group and size_bytes + object_.size_bytes > stored_bytes:
            yield group
            group, size_bytes = [], 0
        group.append(object_)
        size_bytes += object_.size_bytes
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Portions:
    store: ObjectStore
    cutting: Cutting
    bounds: Bounds
    max_object_bytes: int

    def streamed(self, object_: ObjectVersion) -> Streamed:
        return Streamed(object_, self._pieces_from_s3(object_))

    def together(self, group: Sequence[ObjectVersion]) -> Iterator[Together | Streamed]:
        """The group in its order: in one portion, or in several if it expands to too much for one."""
        can_stream = self.cutting.format != "binary"
        # An event may tell a size that is not the object's.
        at_once = (
            min(self.max_object_bytes, self.bounds.stored_bytes) if can_stream else self.max_object_bytes
        )
        result = self.store.fetch(group, max_object_bytes=at_once)
        large, failures = _divided(result.failures, can_stream and at_once < self.max_object_bytes)
        fetched = deque(result.fetched)
        del result  # `fetched` lets go of each body when its content is taken
        while fetched or failures:
            contents, expanding = self._contents(fetched, failures)
            if contents or failures:
                yield Together(contents, tuple(failures))
            del contents
            failures.clear()
            if expanding:
                yield Streamed(expanding.object, self._pieces_of(_Fetched(expanding)))
        for object_ in large:
            yield self.streamed(object_)

    def _contents(
        self, fetched: deque[FetchedObject], failures: list[ObjectFailure]
    ) -> tuple[tuple[Content, ...], FetchedObject | None]:
        """As many contents as there is room for, taken from `fetched`, and behind them one that is to be streamed."""
        contents: list[Content] = []
        room_bytes = self.bounds.content_bytes
        while fetched:
            one = fetched.popleft()
            try:
                bodies = self._bodies(one, room_bytes)
            except ObjectError as error:
                failures.append(ObjectFailure(one.object, error))
                continue
            if bodies is None and not contents:
                return (), one
            if bodies is None:
                fetched.appendleft(one)
                break
            contents.append(Content(one.object, bodies, one.last_modified))
            room_bytes -= decoded_bytes(bodies, self.cutting.format)
        return tuple(contents), None

    def _bodies(self, fetched: FetchedObject, room_bytes: int) -> tuple[bytes, ...] | None:
        """The object's bodies, None if there is no room for them."""
        uri, cutting = fetched.object.uri, self.cutting
        with unforeseen_as_fault(uri):
            if holds_no_rows(fetched):
                return (b"",)
            if cutting.format == "binary":
                return (fetched.body,)
            bodies = unpack_within(fetched.body, uri, room_bytes=room_bytes)
            if bodies is None or decoded_bytes(bodies, cutting.format) > room_bytes:
                return None
            if cutting.format == "json":
                bodies = tuple(as_ndjson(body, cutting.options.json_path, uri) for body in bodies)
            return bodies or (b"",)  # a zip may have no members

    def _pieces_from_s3(self, object_: ObjectVersion) -> Iterator[Content]:
        with (
            unforeseen_as_fault(object_.uri),
            self.store.open(object_, max_object_bytes=self.max_object_bytes) as source,
        ):
            yield from pieces(source, self.cutting)

    def _pieces_of(self, source: Source) -> Iterator[Content]:
        with unforeseen_as_fault(source.object.uri):
            yield from pieces(source, self.cutting)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A fetched object as a source of chunks."""

    fetched: FetchedObject

    @property
    def object(self) -> ObjectVersion:
        return self.fetched.object

    @property
    def size_bytes(self) -> int:
        return len(self.fetched.body)

    @property
    def last_modified(self) -> datetime:
        return self.fetched.last_modified

    def __iter__(self) -> Iterator[bytes]:
        body = self.fetched.body
        for start in range(0, len(body), CHUNK_BYTES):
            yield body[start : start + CHUNK_BYTES]


def _divided(
    failures: Sequence[ObjectFailure], streams_too_large: bool
) -> tuple[list[ObjectVersion], list[ObjectFailure]]:
    """The objects to be streamed, as they are too large for a group only, and the failures that remain."""
    large = [one for one in failures if streams_too_large and isinstance(one.error, ObjectTooLarge)]
    return [one.object for one in large], [one for one in failures if one not in large]
