"""Divides a batch's objects into portions that fit into memory: small objects together, a large one in
pieces.

However large a batch or an object is, only a group's stored bytes and their contents, or one piece, are held
at once, and the stored bytes of the next group, which is fetched meanwhile. The size that S3 answers counts.
The size in an event only decides which objects are requested together.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectError, ObjectTooLarge
from ingest_project.reading.content import Content
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.table import FORMATS, Format
from ingest_project.reading.limits import LIMITS, PortionLimits
from ingest_project.reading.pieces import Cutting, pieces
from ingest_project.reading.read_ahead import read_ahead
from ingest_project.reading.unpack.compression import unpack_within
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import FetchedObject, FetchResult, ObjectFailure, Postponed
from ingest_project.sources.s3.markers import holds_no_rows
from ingest_project.sources.source import ContentStore, StoredBody
from ingest_project.sources.unforeseen import unforeseen_as_fault


@dataclass(frozen=True, slots=True)
class Together:
    """Small objects that are read together, in the order in which they were given, and those that failed."""

    contents: tuple[Content, ...]
    failures: tuple[ObjectFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Streamed:
    """A large object. Iterating over `pieces` fetches it, and may raise ObjectError at any of them.

    The results of earlier pieces must then be discarded. Otherwise there is at least one piece; each has one
    body. Close `pieces` if the iteration stops before their end.
    """

    object: ObjectVersion
    pieces: Iterator[Content] = field(repr=False)


def portions(
    objects: Sequence[ObjectVersion],
    store: ContentStore,
    *,
    format: TableFormat,  # noqa: A002 - the settings' own word
    options: FormatOptions,
    max_object_bytes: int,
    limits: PortionLimits = LIMITS.portion,
) -> Iterator[Together | Streamed]:
    """Portions with the contents of all objects, each in one of them; an object that fails is in `failures`
    only.

    The objects keep their order, except that large ones, and those whose events told too small a size, follow
    those that they should have been fetched with. Compression is removed, except from the objects of
    `binary`, and documents of `json` become lines. Empty objects and success marks have one empty body. An
    object with more stored bytes than `max_object_bytes` fails as too large; one that cannot be cut also
    fails above `whole_object_bytes`.

    The caller must release a portion before it asks for the next. An unexpected exception becomes an
    ObjectFaultUnknown of its object.
    """
    if FORMATS[format].cutter is None:
        max_object_bytes = min(max_object_bytes, limits.whole_object_bytes)
    divided = _Portions(store, Cutting(format, options, limits.piece), limits, max_object_bytes)
    claimed = [Postponed(object_, _credible(object_.size_bytes, limits.stored_bytes)) for object_ in objects]
    waiting = deque(_groups(claimed, limits.stored_bytes))
    ahead = ThreadPoolExecutor(1, thread_name_prefix="fetch-ahead")
    fetches: deque[Future[FetchResult]] = deque()
    try:
        while waiting or fetches:
            while waiting and len(fetches) < 2:
                fetches.append(ahead.submit(divided.fetch, waiting.popleft()))
            postponed = yield from divided.together(fetches.popleft().result())
            waiting.extendleft(reversed([*_groups(postponed, limits.stored_bytes)]))
    finally:
        ahead.shutdown(cancel_futures=True)


def _credible(size_bytes: int, stored_bytes: int) -> int:
    """The size that plans a group.

    A size above the limit counts as 0: if it is false, it must not part small objects.
    """
    return size_bytes if size_bytes <= stored_bytes else 0


def _groups(objects: Iterable[Postponed], stored_bytes: int) -> Iterator[list[ObjectVersion]]:
    """Groups of neighbours with at most `stored_bytes` together; a larger object is a group by itself."""
    group: list[ObjectVersion] = []
    size_bytes = 0
    for one in objects:
        if group and size_bytes + one.size_bytes > stored_bytes:
            yield group
            group, size_bytes = [], 0
        group.append(one.object)
        size_bytes += one.size_bytes
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Portions:
    store: ContentStore
    cutting: Cutting
    limits: PortionLimits
    max_object_bytes: int

    @property
    def format(self) -> Format:
        return FORMATS[self.cutting.format]

    def streamed(self, object_: ObjectVersion) -> Streamed:
        return Streamed(object_, self._pieces_from_s3(object_))

    @property
    def _at_once_bytes(self) -> int:
        """The largest object that is fetched as a whole."""
        can_stream = self.format.cutter is not None
        return min(self.max_object_bytes, self.limits.stored_bytes) if can_stream else self.max_object_bytes

    def fetch(self, group: Sequence[ObjectVersion]) -> FetchResult:
        """What there is room for at once of this group."""
        return self.store.fetch(
            group, max_object_bytes=self._at_once_bytes, room_bytes=self.limits.stored_bytes
        )

    def together(self, result: FetchResult) -> Generator[Together | Streamed, None, tuple[Postponed, ...]]:
        """A fetched group in order: in one portion, or in several if it expands too far for one.

        Returns the objects that are too large, by S3's answer, to be fetched with the others; never the whole
        group.
        """
        postponed = result.postponed
        large, failures = _divided(result.failures, self._at_once_bytes < self.max_object_bytes)
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
        return postponed

    def _contents(
        self, fetched: deque[FetchedObject], failures: list[ObjectFailure]
    ) -> tuple[tuple[Content, ...], FetchedObject | None]:
        """As many contents as there is room for, taken from `fetched`; then one that must be streamed, if
        there is one.
        """
        contents: list[Content] = []
        room_bytes = self.limits.content_bytes
        while fetched:
            one = fetched.popleft()
            try:
                found = self._bodies(one, room_bytes)
            except ObjectError as error:
                failures.append(ObjectFailure(one.object, error))
                continue
            if found is None and not contents:
                return (), one
            if found is None:
                fetched.appendleft(one)
                break
            bodies, size_bytes = found
            contents.append(Content(one.object, bodies, one.last_modified))
            room_bytes -= size_bytes
        return tuple(contents), None

    def _bodies(self, fetched: FetchedObject, room_bytes: int) -> tuple[tuple[bytes, ...], int] | None:
        """The object's bodies and about how much memory they take; None if there is no room for them.

        The memory is estimated once: some formats have to decode a file for it.
        """
        uri = fetched.object.uri
        with unforeseen_as_fault(uri):
            if holds_no_rows(fetched):
                return (b"",), 0
            if self.format.keeps_packing:
                return (fetched.body,), len(fetched.body)
            bodies = unpack_within(fetched.body, uri, room_bytes=room_bytes, own_zip=self.format.own_zip)
            if bodies is None:
                return None
            bodies = tuple(self.format.as_lines(body, self.cutting.options, uri) for body in bodies)
            size_bytes = sum(map(self.format.decoded_bytes, bodies))
            if size_bytes > room_bytes:
                return None
            return bodies or (b"",), size_bytes  # a zip may have no members

    def _pieces_from_s3(self, object_: ObjectVersion) -> Iterator[Content]:
        with (
            unforeseen_as_fault(object_.uri),
            self.store.open(object_, max_object_bytes=self.max_object_bytes) as source,
            closing(read_ahead(source, most=LIMITS.step.chunks_ahead)) as chunks,
        ):
            yield from pieces(_Read(source, chunks), self.cutting)

    def _pieces_of(self, source: StoredBody) -> Iterator[Content]:
        with unforeseen_as_fault(source.object.uri):
            yield from pieces(source, self.cutting)


@dataclass(frozen=True, slots=True)
class _Read:
    """An object whose chunks come from elsewhere than from itself."""

    of: StoredBody
    chunks: Iterator[bytes]

    @property
    def object(self) -> ObjectVersion:
        return self.of.object

    @property
    def size_bytes(self) -> int:
        return self.of.size_bytes

    @property
    def last_modified(self) -> datetime:
        return self.of.last_modified

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks


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
        chunk_bytes = LIMITS.step.chunk_bytes
        for start in range(0, len(body), chunk_bytes):
            yield body[start : start + chunk_bytes]


def _divided(
    failures: Sequence[ObjectFailure], streams_too_large: bool
) -> tuple[list[ObjectVersion], list[ObjectFailure]]:
    """The objects to stream, which are too large only for a group, and the remaining failures."""
    large = [one for one in failures if streams_too_large and isinstance(one.error, ObjectTooLarge)]
    return [one.object for one in large], [one for one in failures if one not in large]
