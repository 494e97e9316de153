import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

import boto3
import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from ingest_project.aws import Aws
from ingest_project.errors import ObjectError
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects import store as store_module
from ingest_project.objects.store import ObjectStore, is_path
from ingest_project.settings.model import AwsSettings
from ingest_project_tests.objects.factories import object_version

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


@pytest.fixture
def s3(aws: str) -> "S3Client":
    client = boto3.client("s3")
    client.create_bucket(Bucket="landing")
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def store(s3: "S3Client") -> ObjectStore:
    return ObjectStore(Aws(AwsSettings()))


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
                key, bucket="versioned", version_id=written["VersionId"], etag="what the event said"
            )
            for written in (first, second)
        ]
    )

    assert [one.body for one in result.fetched] == [b"first", b"second"]
    assert [one.version_id for one in result.fetched] == [first["VersionId"], second["VersionId"]]


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


MESSAGES = {
    "": "AKIASECRET at https://host/?X-Amz-Signature=1",
    "decrypt": "User: arn:aws:iam::123456789012:user/x is not authorized to perform: kms:Decrypt on resource: AKIASECRET",
    "no-key": "The ciphertext refers to a customer master key that does not exist, does not exist in this region, ...",
    "kms-reader": "User: arn:aws:sts::123456789012:assumed-role/kms-reader/x is not authorized to perform: s3:GetObject",
    "kms-rate": "Rate exceeded. You have exceeded the rate at which you may call KMS.",
}


class Refusing(BaseHTTPRequestHandler):
    """An S3 that answers every GET with the status that the key names, and talks too much."""

    def do_GET(self) -> None:
        status, code, message, *_ = [*unquote(self.path).rsplit("/", 1)[1].split("~"), ""]
        body = f"<Error><Code>{code}</Code><Message>{MESSAGES[message]}</Message></Error>"
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_HEAD(self) -> None:  # boto3 asks where a bucket is that S3 says is elsewhere
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[ObjectStore]:
    """A store whose S3 is this handler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield ObjectStore(Aws(AwsSettings(endpoint_url=f"http://127.0.0.1:{server.server_port}")))
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def refusing(aws: str) -> Iterator[ObjectStore]:
    with served(Refusing) as store:
        yield store


@pytest.mark.parametrize("folder", ["plain/", "odd//"])
def test_refusals_are_told_apart(folder: str, refusing: ObjectStore) -> None:
    answers = {
        "403~AccessDenied": "forbidden",
        "403~AccessDenied~kms-reader": "forbidden",
        "403~AccessDenied~decrypt": "kms",
        "403~AccessDenied~no-key": "kms",
        "400~KMS.DisabledException": "kms",
        "400~KMS.KMSInvalidStateException": "kms",
        "400~KMS.NotFoundException": "kms",
        "400~ThrottlingException~kms-rate": "throttled",
        "403~InvalidObjectState": "archived",
        "404~NoSuchKey": "missing",
        "404~NoSuchVersion": "missing",
        "405~MethodNotAllowed": "missing",
        "412~PreconditionFailed": "overwritten",
        "401~Unauthorized": "forbidden",
        "400~BadRequest": "unavailable",
        "409~OperationAborted": "unavailable",
    }

    result = refusing.fetch([object_version(folder + answer) for answer in answers])

    assert {
        failure.object.key.removeprefix(folder): failure.error.error_class for failure in result.failures
    } == answers
    assert not any(
        "SECRET" in failure.error.reason or "Amz" in failure.error.reason for failure in result.failures
    )
    assert (
        result.failures[8].error.reason == "it is archived (403 InvalidObjectState); restore it, then retry"
    )


@pytest.mark.parametrize("folder", ["plain/", "odd//"])
@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ("400~ExpiredToken", "does not take our credentials"),
        ("403~InvalidAccessKeyId", "does not take our credentials"),
        ("403~SignatureDoesNotMatch", "does not take our credentials"),
        ("403~RequestTimeTooSkewed", "does not take our credentials"),
        ("301~PermanentRedirect", "mend `aws.region`"),
        ("400~AuthorizationHeaderMalformed", "mend `aws.region`"),
    ],
)
def test_what_is_wrong_with_us_is_no_fault_of_the_object_and_names_the_remedy(
    folder: str, answer: str, remedy: str, refusing: ObjectStore
) -> None:
    (failure,) = refusing.fetch([object_version(folder + answer)]).failures

    assert failure.error.error_class == "unavailable"
    assert failure.error.transient
    assert remedy in failure.error.reason


def test_a_key_that_reads_like_an_answer_is_not_taken_for_one(refusing: ObjectStore) -> None:
    keys = [
        "status code: 404 <Code>KMS.DisabledException</Code>/403~AccessDenied",
        "<Message>perform: kms:Decrypt</Message>/403~AccessDenied",
        "x<Code>InvalidObjectState</Code>/404~NoSuchKey",
        "Received redirect/400~BadRequest",
    ]

    result = refusing.fetch([object_version(key) for key in keys])

    assert [failure.error.error_class for failure in result.failures] == [
        "forbidden", "forbidden", "missing", "unavailable",
    ]  # fmt: skip
    assert "404" not in result.failures[0].error.reason


@pytest.mark.parametrize(
    "key", ["503~SlowDown", "odd//503~SlowDown", "429~TooManyRequests", "odd//429~TooManyRequests"]
)
def test_throttling_that_lasts_is_transient_and_told_apart(key: str, refusing: ObjectStore) -> None:
    (failure,) = refusing.fetch([object_version(key)]).failures

    assert failure.error.transient
    assert failure.error.error_class == "throttled"
    assert (
        failure.error.reason == f"S3 asked for fewer requests ({key.removeprefix('odd//').replace('~', ' ')})"
    )


@pytest.mark.parametrize("key", ["500~InternalError", "odd//503~ServiceUnavailable"])
def test_an_outage_that_lasts_is_transient(key: str, refusing: ObjectStore) -> None:
    (failure,) = refusing.fetch([object_version(key)]).failures

    assert (failure.error.error_class, failure.error.transient) == ("unavailable", True)


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_an_object_that_its_event_calls_too_large_is_not_asked_for(key: str, aws: str) -> None:
    nowhere = ObjectStore(Aws(AwsSettings(endpoint_url="http://127.0.0.1:1")))

    (failure,) = nowhere.fetch([replace(object_version(key), size_bytes=11)], max_object_bytes=10).failures

    assert failure.error.error_class == "too_large"
    assert failure.error.reason == "it has 11 stored bytes, and batch.max_object_bytes is 10"


class Endless(BaseHTTPRequestHandler):
    """An S3 whose objects have a terabyte, of which it sends nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(10**12))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        pass


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_an_object_that_s3_calls_too_large_is_not_read(key: str, aws: str) -> None:
    with served(Endless) as store:
        (failure,) = store.fetch([object_version(key)], max_object_bytes=10**12 - 1).failures

    assert failure.error.error_class == "too_large"


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_an_object_of_just_the_limit_is_read(key: str, s3: "S3Client", store: ObjectStore) -> None:
    s3.put_object(Bucket="landing", Key=key, Body=b"x" * 10)

    assert [one.size_bytes for one in store.fetch([object_version(key)], max_object_bytes=10).fetched] == [10]


def test_a_fault_of_the_fetch_that_nobody_foresaw_is_that_object_s_alone(
    s3: "S3Client", store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket="landing", Key="good", Body=b"x")
    pinned = store_module._pinned

    def broken(object_: ObjectVersion) -> "obstore.GetOptions":
        if object_.key == "bad":
            raise KeyError("AKIASECRET")
        return pinned(object_)

    monkeypatch.setattr(store_module, "_pinned", broken)

    result = store.fetch([object_version("bad"), object_version("good")])

    assert [one.object.key for one in result.fetched] == ["good"]
    (failure,) = result.failures
    assert failure.error.error_class == "unknown"
    assert failure.error.reason.startswith("KeyError at objects/store.py:")


def test_no_answer_at_all_is_transient_and_gives_nothing_away(aws: str) -> None:
    store = ObjectStore(Aws(AwsSettings(endpoint_url="http://127.0.0.1:1")))

    (failure,) = store.fetch([object_version("k")]).failures

    assert failure.error.transient
    assert "127.0.0.1" not in str(failure.error)


def test_without_credentials_nothing_is_lost(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

    (failure,) = ObjectStore(Aws(AwsSettings())).fetch([object_version("k")]).failures

    assert failure.error.transient
    assert "credentials" in failure.error.reason
