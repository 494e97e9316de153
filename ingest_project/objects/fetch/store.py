"""Fetches object versions from S3: where a run gets the bytes that its messages only name.

obstore fetches thousands of small objects three times as fast as boto3, but it addresses paths, not keys: it
drops leading and trailing slashes and refuses `//`, `.`, `..` and control characters. Keys that it would change
go to boto3, so that no object is ever read in place of another.
"""

import asyncio
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from botocore.exceptions import BotoCoreError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from ingest_project.aws import Aws
from ingest_project.errors import ObjectError, ObjectTooLarge, ObjectUnavailable
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.fetch.fetched import FetchedObject, FetchResult, ObjectFailure
from ingest_project.objects.fetch.s3_faults import (
    BOTO3_FAULTS,
    NO_CREDENTIALS,
    OBSTORE_FAULTS,
    boto3_fault,
    obstore_fault,
)
from ingest_project.objects.fetch.streamed_object import Answer, ConnectionLost, StreamedObject
from ingest_project.objects.unforeseen import unforeseen_as_fault

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef
    from obstore import GetOptions, GetResult

CONNECT_TIMEOUT = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=30)
"""For each read, not for the object: a large one may take as long as it keeps coming."""
REQUEST_TIMEOUT = timedelta(hours=1)
MAX_RETRIES = 4
RETRY_TIMEOUT = timedelta(seconds=60)
STREAM_CHUNK_BYTES = 1024**2
CREDENTIALS_TTL = timedelta(minutes=10)
"""botocore hands out a role's credentials only while they are good for ten minutes more, and obstore asks again
five minutes before this is over."""
UNVERSIONED = "null"
"""The version id of what was written while versioning was off or suspended; a later write takes it over."""


class ObjectStore:
    """The objects of any bucket that the session may read. Safe to share among threads; opens nothing until asked."""

    def __init__(self, aws: Aws, *, concurrency: int = 64) -> None:
        self._aws = aws
        self._concurrency = concurrency
        self._stores: dict[str, S3Store] = {}

    def fetch(self, objects: Sequence[ObjectVersion], *, max_object_bytes: int | None = None) -> FetchResult:
        """The bytes of exactly these object versions, `concurrency` at once, all held in memory together.

        A read is pinned by version id, else by eTag; an object version that has neither is read as the key stands
        now. The body of one with more stored bytes than `max_object_bytes` is not read. Throttling, 5xx and lost
        connections are retried for up to a minute. What still fails is a failure of that object alone. Not to be
        called from a running event loop.
        """
        return asyncio.run(self._fetch(objects, max_object_bytes))

    def open(self, object_: ObjectVersion, *, max_object_bytes: int | None = None) -> StreamedObject:
        """The bytes of exactly this object version, one MiB after the other, pinned as `fetch` pins them.

        Raises ObjectError if S3 does not hand it out, or if it has more stored bytes than `max_object_bytes`.
        """
        read = self._read_with_obstore if is_path(object_.key) else self._read_with_boto3

        def open_at(position: int, etag: str | None) -> Answer:
            answer = read(object_, position, etag)
            _check_size(object_, answer.size_bytes, max_object_bytes)
            return answer

        _check_size(object_, object_.size_bytes, max_object_bytes)
        with unforeseen_as_fault(object_.uri):
            return StreamedObject(object_, open_at)

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectVersion]:
        """What the bucket holds now under this prefix, in S3's order, folder markers included.

        The versions are told by their eTags, and `event_time` is S3's LastModified. Raises ObjectError, with the
        prefix as its object, if S3 does not list.
        """
        # obstore's listing fails as a whole on the first key that is not a path.
        pages = self._aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
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
            raise boto3_fault(f"s3://{bucket}/{prefix}", error) from error

    def _read_with_obstore(self, object_: ObjectVersion, position: int, etag: str | None) -> Answer:
        options = _pinned(object_, etag)
        if position:
            options["range"] = {"offset": position}
        try:
            result = obstore.get(self._store(object_), object_.key, options=options)
        except OBSTORE_FAULTS as error:
            raise obstore_fault(object_.uri, error) from error
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
            response = self._aws.s3().get_object(**request)
        except BOTO3_FAULTS as error:
            raise boto3_fault(object_.uri, error) from error
        return Answer(
            size_bytes=position + response["ContentLength"],
            last_modified=response["LastModified"],
            etag=response["ETag"].strip('"'),
            chunks=_boto3_chunks(response["Body"]),
        )

    async def _fetch(self, objects: Sequence[ObjectVersion], limit: int | None) -> FetchResult:
        at_once = asyncio.Semaphore(self._concurrency)
        outcomes = await asyncio.gather(*(self._fetch_one(object_, limit, at_once) for object_ in objects))
        return FetchResult(
            fetched=tuple(outcome for outcome in outcomes if isinstance(outcome, FetchedObject)),
            failures=tuple(outcome for outcome in outcomes if isinstance(outcome, ObjectFailure)),
        )

    async def _fetch_one(
        self, object_: ObjectVersion, limit: int | None, at_once: asyncio.Semaphore
    ) -> FetchedObject | ObjectFailure:
        async with at_once:
            try:
                _check_size(object_, object_.size_bytes, limit)
                with unforeseen_as_fault(object_.uri):
                    if is_path(object_.key):
                        return await self._fetch_with_obstore(object_, limit)
                    return await asyncio.to_thread(self._fetch_with_boto3, object_, limit)
            except ObjectError as error:
                return ObjectFailure(object_, error)

    async def _fetch_with_obstore(self, object_: ObjectVersion, limit: int | None) -> FetchedObject:
        store = self._store(object_)
        try:
            result = await obstore.get_async(store, object_.key, options=_pinned(object_))
            _check_size(object_, result.meta["size"], limit)
            body = bytes(await result.bytes_async())
        except OBSTORE_FAULTS as error:
            raise obstore_fault(object_.uri, error) from error
        meta = result.meta
        return FetchedObject(
            object=object_,
            body=body,
            size_bytes=meta["size"],
            last_modified=meta["last_modified"],
            etag=(meta["e_tag"] or "").strip('"') or None,
            version_id=meta["version"],
        )

    def _fetch_with_boto3(self, object_: ObjectVersion, limit: int | None) -> FetchedObject:
        try:
            response = self._aws.s3().get_object(**_boto3_request(object_))
            with closing(response["Body"]) as stream:
                _check_size(object_, response["ContentLength"], limit)
                body = stream.read()
        except BOTO3_FAULTS as error:
            raise boto3_fault(object_.uri, error) from error
        return FetchedObject(
            object=object_,
            body=body,
            size_bytes=response["ContentLength"],
            last_modified=response["LastModified"],
            etag=response["ETag"].strip('"'),
            version_id=response.get("VersionId"),
        )

    def _store(self, object_: ObjectVersion) -> S3Store:
        store = self._stores.get(object_.bucket)
        if store is None:
            try:
                store = self._stores[object_.bucket] = self._open(object_.bucket)
            except (BotoCoreError, ValueError) as error:
                raise ObjectUnavailable(object_.uri, NO_CREDENTIALS) from error
        return store

    def _open(self, bucket: str) -> S3Store:
        # The endpoint is boto3's own: it knows every partition of AWS, FIPS, and AWS_ENDPOINT_URL. Given under both
        # names, because obstore reads AWS_ENDPOINT_URL_S3 by itself and would put it above the settings.
        endpoint = self._aws.s3().meta.endpoint_url
        return S3Store(
            bucket,
            region=self._aws.region,
            endpoint=endpoint,
            aws_endpoint_url_s3=endpoint,
            virtual_hosted_style_request=False,
            credential_provider=Boto3CredentialProvider(self._aws.session, ttl=CREDENTIALS_TTL),
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": READ_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )


def is_path(key: str) -> bool:
    """Whether obstore addresses this key as it is: no empty or dot segment, and nothing unprintable in ASCII."""
    plain = all(segment not in {"", ".", ".."} for segment in key.split("/"))
    return plain and not any(character < " " or character == "\x7f" for character in key)


def _check_size(object_: ObjectVersion, size_bytes: int, limit: int | None) -> None:
    """Before the body is read: first by what the event says, then by what S3 answers."""
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
    """What pins a read to the version, or, where neither version id nor eTag is known, to this eTag."""
    options: GetOptions = {}
    if object_.version_id is not None:
        options["version"] = object_.version_id
    if object_.version_id in {None, UNVERSIONED} and (expected := object_.etag or etag) is not None:
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
