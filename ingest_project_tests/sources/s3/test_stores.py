"""Buckets of other regions and owners, by obstore and by boto3, against a server that checks signatures."""

from collections.abc import Iterator

import pytest

from ingest_project.errors import ObjectForbidden
from ingest_project.preview.range_file import read_range
from ingest_project.settings.aws_access import BucketSettings
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.s3.versions import list_versions
from ingest_project_tests.reading.factories import object_version
from ingest_project_tests.sources.s3.regional_s3 import ELSEWHERE, HOME, OWNER, RegionalS3, regional_s3

ANOTHER = "999999999999"
KEYS = ["plain/key", "odd//key"]  # the first goes by obstore, the second by boto3


@pytest.fixture
def s3_server(aws: str) -> Iterator[RegionalS3]:
    with regional_s3() as server:
        yield server


def opened(server: RegionalS3, *buckets: BucketSettings) -> Aws:
    return Aws(AwsSettings(region=HOME, endpoint_url=server.endpoint), buckets)


def everything_but_fetch(aws: Aws, bucket: str) -> None:
    """Every other way to what a bucket holds."""
    one = object_version("plain/key", bucket=bucket)
    with ObjectStore(aws).open(one) as stream:
        assert b"".join(stream) == b"x"
    assert [found.key for found in ObjectStore(aws).list(bucket, "a/")] == ["a/1"]
    assert [found.key for found in list_versions(aws, bucket, "a/")] == ["a/1"]
    assert read_range(aws, one, 0, 1) == b"x"
    assert ObjectStore(aws).head(one, pinned=False).etag == "e"


@pytest.mark.parametrize("bucket", ["moved-301", "moved-400"])
@pytest.mark.parametrize("key", KEYS)
def test_the_region_that_s3_names_is_followed_once_for_all_objects(
    key: str, bucket: str, s3_server: RegionalS3
) -> None:
    store = ObjectStore(opened(s3_server), concurrency=1)

    for _ in range(2):
        result = store.fetch([object_version(f"{key}{number}", bucket=bucket) for number in range(5)])
        assert [one.body for one in result.fetched] == [b"x"] * 5

    assert s3_server.asked["GET", bucket, HOME] == 1
    assert s3_server.asked["GET", bucket, ELSEWHERE] == 10


def test_many_reads_that_are_redirected_at_once_all_arrive(s3_server: RegionalS3) -> None:
    result = ObjectStore(opened(s3_server)).fetch(
        [object_version(f"k{number}", bucket="moved-301") for number in range(40)]
    )

    assert len(result.fetched) == 40


@pytest.mark.parametrize("bucket", ["moved-301", "moved-400"])
def test_streams_listings_and_ranges_follow_too(bucket: str, s3_server: RegionalS3) -> None:
    everything_but_fetch(opened(s3_server), bucket)


@pytest.mark.parametrize("key", KEYS)
def test_a_region_that_s3_does_not_name_is_a_permanent_error_with_its_setting(
    key: str, s3_server: RegionalS3
) -> None:
    (failure,) = ObjectStore(opened(s3_server)).fetch([object_version(key, bucket="nameless")]).failures

    assert (failure.error.error_class, failure.error.transient) == ("wrong_region", False)
    assert "set its `region` in `buckets`" in failure.error.reason


@pytest.mark.parametrize("bucket", ["moved-301", "moved-400", "nameless"])
def test_the_region_of_the_settings_needs_no_redirect(bucket: str, s3_server: RegionalS3) -> None:
    aws = opened(s3_server, BucketSettings(name=bucket, region=ELSEWHERE))

    result = ObjectStore(aws).fetch([object_version(key, bucket=bucket) for key in KEYS])
    everything_but_fetch(aws, bucket)

    assert [one.body for one in result.fetched] == [b"x", b"x"]
    assert {region for _, _, region in s3_server.asked} == {ELSEWHERE}


def test_requests_that_name_the_owner_are_signed_with_it(s3_server: RegionalS3) -> None:
    aws = opened(s3_server, BucketSettings(name="home", expected_owner=OWNER))

    result = ObjectStore(aws).fetch([object_version(key, bucket="home") for key in KEYS])
    everything_but_fetch(aws, "home")

    assert [one.body for one in result.fetched] == [b"x", b"x"]


@pytest.mark.parametrize("key", KEYS)
def test_a_bucket_of_another_account_is_not_read_and_the_reason_says_so(
    key: str, s3_server: RegionalS3
) -> None:
    store = ObjectStore(opened(s3_server, BucketSettings(name="home", expected_owner=ANOTHER)))

    result = store.fetch([object_version(key + str(number), bucket="home") for number in range(3)])

    assert result.fetched == ()
    assert {(one.error.error_class, one.error.reason) for one in result.failures} == {
        ("forbidden", f"another account owns the bucket, not {ANOTHER}, its `expected_owner` in `buckets`")
    }
    assert (
        s3_server.asked["HEAD", "home", HOME] == 2
    )  # asked once with and once without the owner, not per object


def test_every_other_way_in_refuses_a_bucket_of_another_account(s3_server: RegionalS3) -> None:
    aws = opened(s3_server, BucketSettings(name="home", expected_owner=ANOTHER))
    one = object_version("k", bucket="home")

    for ask in (
        lambda: ObjectStore(aws).open(one),
        lambda: list(ObjectStore(aws).list("home", "")),
        lambda: list(list_versions(aws, "home", "")),
        lambda: read_range(aws, one, 0, 1),
        lambda: ObjectStore(aws).head(one, pinned=False),
    ):
        with pytest.raises(ObjectForbidden, match="another account owns the bucket"):
            ask()


def test_a_refusal_that_may_have_either_cause_names_both(s3_server: RegionalS3) -> None:
    store = ObjectStore(opened(s3_server, BucketSettings(name="private", expected_owner=OWNER)))

    (failure,) = store.fetch([object_version("k", bucket="private")]).failures

    assert "S3 refused access to it (403" in failure.error.reason
    assert f"another account than {OWNER} owns the bucket" in failure.error.reason


def test_a_bucket_without_an_expected_owner_is_asked_without_one(s3_server: RegionalS3) -> None:
    aws = opened(s3_server, BucketSettings(name="other", expected_owner=ANOTHER))

    assert len(ObjectStore(aws).fetch([object_version(key, bucket="home") for key in KEYS]).fetched) == 2
