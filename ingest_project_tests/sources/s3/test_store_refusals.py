"""What S3 answers instead of an object, and objects that are too large, each told apart and failing alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

import obstore
import pytest

from ingest_project.errors import ObjectTooLarge
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3 import store as store_module
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.reading.factories import object_version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MESSAGES = {
    "": "AKIASECRET at https://host/?X-Amz-Signature=1",
    "decrypt": (
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: "
        "kms:Decrypt on resource: AKIASECRET"
    ),
    "no-key": (
        "The ciphertext refers to a customer master key that does not exist, "
        "does not exist in this region, ..."
    ),
    "kms-reader": (
        "User: arn:aws:sts::123456789012:assumed-role/kms-reader/x is not authorized to perform: s3:GetObject"
    ),
    "no-access-key": (
        "The authorization header is malformed; "
        "a non-empty Access Key (AKID) must be provided in the credential."
    ),
    "region": "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
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
        "301~PermanentRedirect": "wrong_region",
        "400~AuthorizationHeaderMalformed~region": "wrong_region",
        "400~IllegalLocationConstraintException": "wrong_region",
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
        ("400~ExpiredToken", "does not accept our credentials"),
        ("403~InvalidAccessKeyId", "does not accept our credentials"),
        ("403~SignatureDoesNotMatch", "does not accept our credentials"),
        ("403~RequestTimeTooSkewed", "does not accept our credentials"),
        ("400~AuthorizationHeaderMalformed~no-access-key", "does not accept our credentials"),
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
def test_an_object_that_its_event_calls_too_large_is_judged_by_s3(
    key: str, s3: "S3Client", store: ObjectStore
) -> None:
    s3.put_object(Bucket="landing", Key=key, Body=b"x" * 10)
    told = replace(object_version(key), size_bytes=2**63 - 1)

    (fetched,) = store.fetch([told], max_object_bytes=10).fetched
    with store.open(told, max_object_bytes=10) as source:
        opened = b"".join(source)

    assert fetched.body == opened == b"x" * 10
    (failure,) = store.fetch([told], max_object_bytes=9).failures
    assert failure.error.reason == "it has 10 stored bytes, and batch.max_object_bytes is 9"
    with pytest.raises(ObjectTooLarge, match="it has 10 stored bytes"):
        store.open(told, max_object_bytes=9)


@pytest.mark.parametrize("key", ["plain/{}", "odd//{}"])
def test_bodies_beyond_the_room_are_postponed_with_the_size_that_s3_answers(
    key: str, s3: "S3Client", store: ObjectStore
) -> None:
    objects = [object_version(key.format(number)) for number in range(6)]
    for one in objects:
        s3.put_object(Bucket="landing", Key=one.key, Body=b"x" * 40)

    result = store.fetch(objects, room_bytes=100)

    assert len(result.fetched) == 2
    assert {one.size_bytes for one in result.postponed} == {40}
    named = [one.object for one in result.fetched] + [one.object for one in result.postponed]
    assert sorted(named, key=objects.index) == objects
    assert result.failures == ()


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


def test_an_unexpected_exception_of_a_fetch_is_that_object_s_alone(
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
    assert failure.error.reason.startswith("KeyError at sources/s3/store.py:")


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
