"""A stream from S3 that survives lost connections, and is never of another version than its start."""

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ingest_project.errors import (
    ObjectMissing,
    ObjectOverwritten,
    ObjectTooLarge,
    ObjectUnavailable,
)
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3 import stores as stores_module
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule
from ingest_project_tests.reading.factories import object_version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = random.Random(1).randbytes(5_000_000)  # noqa: S311 - test data
KEYS = ["large", "//large"]
"""The second is no path: boto3 reads it."""


@pytest.fixture
def proxy(aws: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(aws)
    yield proxy
    proxy.close()


@pytest.fixture
def faulty_store(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store behind the proxy, in which no library resumes a body by itself."""
    monkeypatch.setattr(stores_module, "MAX_RETRIES", 0)
    return ObjectStore(Aws(AwsSettings(endpoint_url=proxy.endpoint)))


def put(s3: "S3Client", key: str, body: bytes = BODY, bucket: str = "landing") -> ObjectVersion:
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body)
    return object_version(
        key, bucket=bucket, etag=answer["ETag"].strip('"'), version_id=answer.get("VersionId")
    )


def read(store: ObjectStore, object_: ObjectVersion) -> bytes:
    with store.open(object_) as stream:
        return b"".join(stream)


@pytest.mark.parametrize("key", KEYS)
def test_all_bytes_come_in_chunks(s3: "S3Client", store: ObjectStore, key: str) -> None:
    object_ = put(s3, key)

    with store.open(object_) as stream:
        chunks = list(stream)
        told = (stream.size_bytes, stream.last_modified.utcoffset() is not None)

    assert b"".join(chunks) == BODY
    assert max(map(len, chunks)) <= 2 * 1024**2
    assert told == (len(BODY), True)


@pytest.mark.parametrize("key", KEYS)
def test_an_empty_object_is_no_chunk(s3: "S3Client", store: ObjectStore, key: str) -> None:
    assert read(store, put(s3, key, b"")) == b""


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("bucket", ["landing", "versioned"])
def test_a_connection_lost_midway_is_taken_up_where_it_ended(
    s3: "S3Client", proxy: FaultProxy, faulty_store: ObjectStore, key: str, bucket: str
) -> None:
    object_ = put(s3, key, bucket=bucket)
    rule = proxy.rules.add(Rule("GetObject", Effect.RESET_MID_BODY, times=3))

    assert read(faulty_store, object_) == BODY
    assert rule.hits == 3


@pytest.mark.parametrize("key", KEYS)
def test_connections_lost_again_and_again_make_it_unavailable(
    s3: "S3Client", proxy: FaultProxy, faulty_store: ObjectStore, key: str
) -> None:
    object_ = put(s3, key)
    proxy.rules.add(Rule("GetObject", Effect.RESET_MID_BODY, times=10**6))

    with pytest.raises(ObjectUnavailable, match="keeps ending the connection"):
        read(faulty_store, object_)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("told", ["etag", "nothing"])
def test_an_object_overwritten_midway_is_never_read_as_another(
    s3: "S3Client", proxy: FaultProxy, faulty_store: ObjectStore, key: str, told: str
) -> None:
    object_ = put(s3, key)
    if told == "nothing":
        object_ = object_version(key)
    proxy.rules.add(Rule("GetObject", Effect.RESET_MID_BODY))
    with faulty_store.open(object_) as stream:
        put(s3, key, BODY[::-1])

        with pytest.raises(ObjectOverwritten):
            list(stream)


@pytest.mark.parametrize("key", KEYS)
def test_an_overwritten_version_is_read_to_its_end(
    s3: "S3Client", proxy: FaultProxy, faulty_store: ObjectStore, key: str
) -> None:
    object_ = put(s3, key, bucket="versioned")
    put(s3, key, b"another", bucket="versioned")
    proxy.rules.add(Rule("GetObject", Effect.RESET_MID_BODY))

    assert read(faulty_store, object_) == BODY


@pytest.mark.parametrize("key", KEYS)
def test_what_s3_refuses_is_told_when_it_is_opened(s3: "S3Client", store: ObjectStore, key: str) -> None:
    object_ = put(s3, key)
    with pytest.raises(ObjectTooLarge, match="5,000,000 stored bytes"):
        store.open(object_, max_object_bytes=4_999_999)
    put(s3, key, b"another")
    with pytest.raises(ObjectOverwritten):
        store.open(object_)
    s3.delete_object(Bucket="landing", Key=key)
    with pytest.raises(ObjectMissing):
        store.open(object_)
