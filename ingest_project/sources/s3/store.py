"""Fetches object versions from S3: the bytes of what messages name.

obstore fetches thousands of small objects faster than boto3, but it addresses paths, not keys: it drops
leading and trailing slashes and refuses `//`, `.`, `..` and control characters. Keys that it would change are
read with boto3, so that one object is never read in place of another.

Threads with obstore's blocking calls take less than half of the CPU time that its awaitable ones take for
small objects: there are no tasks and no switches of an event loop.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ingest_project.errors import EventContradicted, ObjectError, ObjectTooLarge
from ingest_project.settings.clocks import AWS_CLOCK_SKEW
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import UNKNOWN_TIME, ObjectVersion
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.fetched import FetchedObject, FetchResult, ObjectFailure, Postponed
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.s3.room import Room
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS, OBSTORE_FAULTS, obstore_fault
from ingest_project.sources.s3.stores import BucketStores
from ingest_project.sources.s3.streamed_object import Answer, ConnectionLost, StreamedObject
from ingest_project.sources.unforeseen import unforeseen_as_fault

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, HeadObjectRequestTypeDef
    from obstore import GetOptions, GetResult

STREAM_CHUNK_BYTES = 1024**2


class ObjectStore:
    """The objects of the buckets that the session may read. Safe to share among threads."""

    def __init__(self, aws: Aws, *, concurrency: int = 64) -> None:
        self._aws = aws
        self._concurrency = concurrency
        self._buckets = BucketStores(aws)

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        """The bytes of exactly these object versions, read `concurrency` at once, all in memory together.

        A read is pinned by version id, else by eTag; with neither, the key's current object is read. Sizes
        are S3's answers, known before a body is read: an object with more stored bytes than
        `max_object_bytes` fails, and one that does not fit into `room_bytes` beside the others is postponed,
        except the first one. Throttling, 5xx and lost connections are retried for up to a minute; after that
        the error is that object's alone.
        """
        limits = _Limits(max_object_bytes, Room(room_bytes))
        outcomes: list[_Outcome | None] = [None] * len(objects)
        waiting = deque(enumerate(objects))

        def work() -> None:
            while waiting:
                try:
                    place, object_ = waiting.popleft()
                except IndexError:  # another thread took the last one
                    return
                outcomes[place] = self._fetch_one(object_, limits)

        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="fetch") as pool:
            try:
                for done in _started(pool, work, min(self._concurrency, len(objects))):
                    done.result()
            finally:
                waiting.clear()  # after Ctrl-C the threads end with the objects that they are reading
        return FetchResult(
            fetched=tuple(outcome for outcome in outcomes if isinstance(outcome, FetchedObject)),
            failures=tuple(outcome for outcome in outcomes if isinstance(outcome, ObjectFailure)),
            postponed=tuple(outcome for outcome in outcomes if isinstance(outcome, Postponed)),
        )

    def open(self, object_: ObjectVersion, *, max_object_bytes: int | None = None) -> StreamedObject:
        """The bytes of exactly this object version, MiB by MiB, pinned as in `fetch`.

        Raises ObjectError if S3 does not return it, or if it has more stored bytes than `max_object_bytes`.
        """
        read = self._read_with_obstore if is_path(object_.key) else self._read_with_boto3

        def open_at(position: int, etag: str | None) -> Answer:
            answer = read(object_, position, etag)
            _check_claims(object_, answer.etag, answer.last_modified)
            _check_size(object_, answer.size_bytes, max_object_bytes)
            return answer

        with unforeseen_as_fault(object_.uri):
            return StreamedObject(object_, open_at)

    def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
        """S3's metadata of the key's current object or, if `pinned`, of this version. Raises ObjectError."""
        request: HeadObjectRequestTypeDef = {"Bucket": object_.bucket, "Key": object_.key}
        if pinned and object_.version_id is not None:
            request["VersionId"] = object_.version_id
        with unforeseen_as_fault(object_.uri):
            try:
                answer = self._aws.s3(object_.bucket).head_object(**request)
            except BOTO3_FAULTS as error:
                raise told_by_boto3(self._aws, object_.bucket, object_.uri, error) from error
            return ObjectHead(
                answer["LastModified"], answer["ETag"].strip('"'), answer.get("VersionId"),
                answer["ContentLength"],
            )  # fmt: skip

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectVersion]:
        """The bucket's current objects under this prefix, in S3's order, with folder markers.

        They are identified by their eTags, and `event_time` is S3's LastModified. Raises ObjectError, with
        the prefix as its object, if S3 does not list.
        """
        # obstore's listing fails at the first key that is not a path.
        pages = self._aws.s3(bucket).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield ObjectVersion(
                        bucket=bucket,
                        key=entry["Key"],
                        size_bytes=entry["Size"],
                        event_time=entry["LastModified"],
                        etag=entry["ETag"].strip('"'),
                    )
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, bucket, f"s3://{bucket}/{prefix}", error) from error

    def _read_with_obstore(self, object_: ObjectVersion, position: int, etag: str | None) -> Answer:
        options = _pinned(object_, etag)
        if position:
            options["range"] = {"offset": position}
        result = self._buckets.get(object_, options)
        meta = result.meta
        return Answer(
            size_bytes=meta["size"],
            last_modified=meta["last_modified"],
            etag=(meta["e_tag"] or "").strip('"') or None,
            chunks=_obstore_chunks(result),
        )

    def _read_with_boto3(self, object_: ObjectVersion, position: int, etag: str | None) -> Answer:
        request = _boto3_request(object_, etag)
        if position:
            request["Range"] = f"bytes={position}-"
        try:
            response = self._aws.s3(object_.bucket).get_object(**request)
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, object_.bucket, object_.uri, error) from error
        return Answer(
            size_bytes=position + response["ContentLength"],
            last_modified=response["LastModified"],
            etag=response["ETag"].strip('"'),
            chunks=_boto3_chunks(response["Body"]),
        )

    def _fetch_one(self, object_: ObjectVersion, limits: "_Limits") -> "_Outcome":
        try:
            with unforeseen_as_fault(object_.uri):
                if is_path(object_.key):
                    return self._fetch_with_obstore(object_, limits)
                return self._fetch_with_boto3(object_, limits)
        except ObjectError as error:
            return ObjectFailure(object_, error)

    def _fetch_with_obstore(self, object_: ObjectVersion, limits: "_Limits") -> FetchedObject | Postponed:
        result = self._buckets.get(object_, _pinned(object_))
        meta = result.meta
        etag = (meta["e_tag"] or "").strip('"') or None
        _check_claims(object_, etag, meta["last_modified"])
        if not limits.admit(object_, meta["size"]):
            return Postponed(object_, meta["size"])
        try:
            body = bytes(result.bytes())
        except OBSTORE_FAULTS as error:
            raise obstore_fault(object_.uri, error) from error
        return FetchedObject(
            object=object_,
            body=body,
            size_bytes=meta["size"],
            last_modified=meta["last_modified"],
            etag=etag,
            version_id=meta["version"],
        )

    def _fetch_with_boto3(self, object_: ObjectVersion, limits: "_Limits") -> FetchedObject | Postponed:
        try:
            response = self._aws.s3(object_.bucket).get_object(**_boto3_request(object_))
            with closing(response["Body"]) as stream:
                _check_claims(object_, response["ETag"].strip('"'), response["LastModified"])
                if not limits.admit(object_, response["ContentLength"]):
                    return Postponed(object_, response["ContentLength"])
                body = stream.read()
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, object_.bucket, object_.uri, error) from error
        return FetchedObject(
            object=object_,
            body=body,
            size_bytes=response["ContentLength"],
            last_modified=response["LastModified"],
            etag=response["ETag"].strip('"'),
            version_id=response.get("VersionId"),
        )


_Outcome = FetchedObject | ObjectFailure | Postponed


def _started(pool: ThreadPoolExecutor, work: Callable[[], None], threads: int) -> list[Future[None]]:
    """As many threads as wanted, or as many as the process may have: one is enough."""
    started: list[Future[None]] = []
    for _ in range(threads):
        try:
            started.append(pool.submit(work))
        except RuntimeError:  # a container may limit the number of threads
            if not started:
                raise
            break
    return started


def is_path(key: str) -> bool:
    """Whether obstore addresses this key unchanged: no empty or dot segments, no ASCII control characters."""
    plain = all(segment not in {"", ".", ".."} for segment in key.split("/"))
    return plain and not any(character < " " or character == "\x7f" for character in key)


def _check_claims(object_: ObjectVersion, etag: str | None, last_modified: datetime) -> None:
    """Raises EventContradicted if the event and S3 differ about a version. (Other reads are pinned by eTag.)

    S3's time is when the write began, so the event's may be later, by the duration of an upload, but not
    earlier.
    """
    if not object_.is_versioned:
        return
    if object_.etag is not None and etag is not None and object_.etag != etag:
        raise EventContradicted(object_.uri, "S3 holds this version with another eTag than its event named")
    if object_.event_time != UNKNOWN_TIME and object_.event_time < last_modified - AWS_CLOCK_SKEW:
        told, held = (f"{one:%Y-%m-%d %H:%M:%S} UTC" for one in (object_.event_time, last_modified))
        raise EventContradicted(object_.uri, f"by its event it was written at {told}, by S3 at {held}")


@dataclass(frozen=True, slots=True)
class _Limits:
    """What one fetch may read: of one object, and of all together."""

    max_object_bytes: int | None
    room: Room

    def admit(self, object_: ObjectVersion, size_bytes: int) -> bool:
        """Whether there is room for a body of this size; raises ObjectTooLarge if it is above the limit."""
        _check_size(object_, size_bytes, self.max_object_bytes)
        return self.room.take(size_bytes)


def _check_size(object_: ObjectVersion, size_bytes: int, limit: int | None) -> None:
    """Raises ObjectTooLarge, before the body is read, by the size that S3 answers."""
    if limit is not None and size_bytes > limit:
        reason = f"it has {size_bytes:,} stored bytes, and batch.max_object_bytes is {limit:,}"
        raise ObjectTooLarge(object_.uri, reason)


def _obstore_chunks(result: "GetResult") -> Generator[bytes, None, None]:
    try:
        for chunk in result.stream(min_chunk_size=STREAM_CHUNK_BYTES):
            yield bytes(chunk)
    except OBSTORE_FAULTS as error:  # its text may quote the key
        raise ConnectionLost(type(error).__name__) from error


def _boto3_chunks(body: "StreamingBody") -> Generator[bytes, None, None]:
    with closing(body):
        try:
            yield from body.iter_chunks(STREAM_CHUNK_BYTES)
        except (*BOTO3_FAULTS, OSError) as error:
            raise ConnectionLost(type(error).__name__) from error


def _pinned(object_: ObjectVersion, etag: str | None = None) -> "GetOptions":
    """Options that pin a read to the version or, if its version id and eTag are unknown, to this eTag."""
    options: GetOptions = {}
    if object_.version_id is not None:
        options["version"] = object_.version_id
    if not object_.is_versioned and (expected := object_.etag or etag) is not None:
        options["if_match"] = f'"{expected}"'
    return options


def _boto3_request(object_: ObjectVersion, etag: str | None = None) -> "GetObjectRequestTypeDef":
    request: GetObjectRequestTypeDef = {"Bucket": object_.bucket, "Key": object_.key}
    pinned = _pinned(object_, etag)
    if (version_id := pinned.get("version")) is not None:
        request["VersionId"] = version_id
    if (if_match := pinned.get("if_match")) is not None:
        request["IfMatch"] = if_match
    return request
