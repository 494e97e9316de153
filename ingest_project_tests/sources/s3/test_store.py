import gzip
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from ingest_project.errors import EventContradicted, ObjectError
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.store import ObjectStore, is_path
from ingest_project.sources.s3.stores import BucketStores
from ingest_project_tests.reading.factories import object_version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ODD_KEYS = [
    "a b+c é%2B.json",
    "/leading",
    "trailing/",
    "a//b",
    "//",
    "a/../b",
    "a/./b",
    "..",
    "a/..b",
    "100%",
    "%41",
    "A",
    "a#b?c=d&e",
    "back\\slash",
    "[x]{y}|^`~",
    "日本",
    "e\u0301",
    "tab\tx",
    "a=b;c,d:e@f$g",
    " spaces ",
    "leading",
    "trailing",
    "b",
]


def test_every_odd_key_gives_its_own_bytes(s3: "S3Client", store: ObjectStore) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket="landing", Key=key, Body=key.encode())

    result = store.fetch([object_version(key) for key in ODD_KEYS])

    assert result.failures == ()
    assert [one.object.key for one in result.fetched] == ODD_KEYS
    assert [one.body.decode() for one in result.fetched] == ODD_KEYS


def test_list_gives_every_odd_key_as_it_is(s3: "S3Client", store: ObjectStore) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket="landing", Key=key, Body=key.encode())

    listed = list(store.list("landing", ""))

    assert {object_.key for object_ in listed} == set(ODD_KEYS)
    assert all(object_.version == object_.etag and '"' not in object_.version for object_ in listed)
    assert [one.body.decode() for one in store.fetch(listed).fetched] == [object_.key for object_ in listed]


def test_list_keeps_to_the_prefix_and_to_folder_markers(s3: "S3Client", store: ObjectStore) -> None:
    for key in ["in/", "in/1", "in/sub/2", "inner", "out/1"]:
        s3.put_object(Bucket="landing", Key=key, Body=b"")

    assert [object_.key for object_ in store.list("landing", "in/")] == ["in/", "in/1", "in/sub/2"]


def test_list_of_a_bucket_that_is_gone_says_so(store: ObjectStore, s3: "S3Client") -> None:
    with pytest.raises(ObjectError, match="404 NoSuchBucket") as raised:
        list(store.list("nowhere", "x/"))
    assert raised.value.error_class == "missing"


@given(key=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12))
def test_a_key_that_counts_as_a_path_is_addressed_unchanged(key: str) -> None:
    if is_path(key):
        memory = MemoryStore()
        obstore.put(memory, key, b"")
        assert [meta["path"] for meta in obstore.list(memory).collect()] == [key]


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_version_id_pins_the_read(key: str, s3: "S3Client", store: ObjectStore) -> None:
    first = s3.put_object(Bucket="versioned", Key=key, Body=b"first")
    second = s3.put_object(Bucket="versioned", Key=key, Body=b"second")

    result = store.fetch(
        [
            object_version(
                key, bucket="versioned", version_id=written["VersionId"], etag=written["ETag"].strip('"')
            )
            for written in (first, second)
        ]
    )

    assert [one.body for one in result.fetched] == [b"first", b"second"]
    assert [one.version_id for one in result.fetched] == [first["VersionId"], second["VersionId"]]


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
@pytest.mark.parametrize(
    "told", [{"etag": "another"}, {"event_time": datetime(2020, 1, 1, tzinfo=UTC)}], ids=["etag", "time"]
)
def test_what_an_event_tells_of_a_version_is_held_against_s3(
    key: str, told: dict[str, Any], s3: "S3Client", store: ObjectStore
) -> None:
    written = s3.put_object(Bucket="versioned", Key=key, Body=b"first")
    real = object_version(
        key, bucket="versioned", version_id=written["VersionId"], etag=written["ETag"].strip('"')
    )
    forged = replace(real, **told)

    (failure,) = store.fetch([forged]).failures
    with pytest.raises(EventContradicted):
        store.open(forged)

    assert isinstance(failure.error, EventContradicted)


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_etag_pins_the_read_where_there_is_no_version(key: str, s3: "S3Client", store: ObjectStore) -> None:
    old = s3.put_object(Bucket="landing", Key=key, Body=b"old")["ETag"].strip('"')
    new = s3.put_object(Bucket="landing", Key=key, Body=b"new!")["ETag"].strip('"')

    result = store.fetch([object_version(key, etag=old), object_version(key, etag=new)])

    assert [(one.body, one.etag, one.size_bytes) for one in result.fetched] == [(b"new!", new, 4)]
    assert [(failure.object.etag, failure.error.error_class) for failure in result.failures] == [
        (old, "overwritten")
    ]


def test_null_version_is_pinned_by_its_etag_too(s3: "S3Client", store: ObjectStore) -> None:
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Suspended"})
    old, new = (
        s3.put_object(Bucket="versioned", Key="k", Body=body)["ETag"].strip('"') for body in (b"old", b"new")
    )

    result = store.fetch(
        [object_version("k", bucket="versioned", version_id="null", etag=etag) for etag in (old, new)]
    )

    assert [failure.error.error_class for failure in result.failures] == ["overwritten"]
    assert [one.body for one in result.fetched] == [b"new"]


@pytest.mark.parametrize("key", ["gone", "gone//too"])
def test_missing_objects_fail_alone(key: str, s3: "S3Client", store: ObjectStore) -> None:
    s3.put_object(Bucket="landing", Key="here", Body=b"x")

    result = store.fetch([object_version(key), object_version("here"), object_version("k", bucket="nowhere")])

    assert [one.body for one in result.fetched] == [b"x"]
    assert [failure.error.error_class for failure in result.failures] == ["missing", "missing"]
    assert result.failures[0].error.reason == "S3 holds no such object (404 NoSuchKey)"


def test_bytes_come_as_they_are_stored(s3: "S3Client", store: ObjectStore) -> None:
    body = gzip.compress(b"rows")
    s3.put_object(Bucket="landing", Key="k.gz", Body=body, ContentEncoding="gzip")
    s3.put_object(Bucket="landing", Key="empty", Body=b"")

    result = store.fetch([object_version("k.gz"), object_version("empty")])

    assert [one.body for one in result.fetched] == [body, b""]
    assert result.fetched[0].last_modified.tzinfo is not None


def test_many_objects_come_in_the_order_of_the_question(s3: "S3Client", store: ObjectStore) -> None:
    keys = [f"k/{number}" for number in range(200)]
    for key in keys:
        s3.put_object(Bucket="landing", Key=key, Body=key.encode())

    result = store.fetch([object_version(key) for key in keys])

    assert [one.body.decode() for one in result.fetched] == keys


def test_fetch_works_in_several_threads_at_once(s3: "S3Client", store: ObjectStore) -> None:
    s3.put_object(Bucket="landing", Key="k", Body=b"x")
    bodies: list[bytes] = []

    def fetch() -> None:
        bodies.extend(one.body for one in store.fetch([object_version("k")] * 20).fetched)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bodies == [b"x"] * 80


def test_fetch_goes_on_with_the_threads_that_the_process_may_have(
    s3: "S3Client", store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket="landing", Key="k", Body=b"x")
    start, allowed = threading.Thread.start, iter(range(2))

    def start_two(thread: threading.Thread) -> None:
        if thread.name.startswith("fetch") and next(allowed, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)

    assert len(store.fetch([object_version("k")] * 20).fetched) == 20


def test_fetch_that_is_interrupted_does_not_read_the_rest(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def interrupted(_: object, object_: ObjectVersion, __: object) -> None:
        asked.append(object_.key)
        raise KeyboardInterrupt

    monkeypatch.setattr(BucketStores, "get", interrupted)

    with pytest.raises(KeyboardInterrupt):
        store.fetch([object_version(f"k{number}") for number in range(1000)])

    assert len(asked) <= 64
