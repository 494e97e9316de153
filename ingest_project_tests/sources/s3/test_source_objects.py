"""Objects of a versioned bucket are tagged, moved and deleted only as the version that was read."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.source_objects import GONE, WRITTEN_AGAIN, Acted, SourceObjects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "versioned"
KEY = "a b/é+%2B.json"
TARGET = f"s3://landing/done/{KEY}"


@pytest.fixture
def objects(s3: "S3Client") -> SourceObjects:
    return SourceObjects(Aws(AwsSettings()))


def put(s3: "S3Client", body: bytes = b"{}") -> ObjectVersion:
    made = s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    etag = made["ETag"].strip('"')
    return ObjectVersion(BUCKET, KEY, len(body), datetime.now(UTC), made["VersionId"], "0055", etag)


def tags(s3: "S3Client", item: ObjectVersion) -> dict[str, str]:
    answer = s3.get_object_tagging(Bucket=BUCKET, Key=KEY, VersionId=str(item.version_id))
    return {one["Key"]: one["Value"] for one in answer["TagSet"]}


def is_current(s3: "S3Client", item: ObjectVersion) -> bool:
    return s3.head_object(Bucket=BUCKET, Key=KEY)["VersionId"] == item.version_id


def test_only_the_version_that_was_read_is_tagged(s3: "S3Client", objects: SourceObjects) -> None:
    old, new = put(s3), put(s3)

    assert objects.tag(old, {"a": "1"}) == Acted(done=True)
    assert objects.tag(old, {"a": "1"}) == Acted(done=True)

    assert (tags(s3, old), tags(s3, new)) == ({"a": "1"}, {})


def test_next_write_with_the_same_content_is_not_deleted_or_moved(
    s3: "S3Client", objects: SourceObjects
) -> None:
    old, new = put(s3), put(s3)

    assert objects.delete(old) == Acted(done=False, reason=WRITTEN_AGAIN)
    assert objects.move(old, TARGET, "one") == Acted(done=False, reason=WRITTEN_AGAIN)

    assert is_current(s3, new)
    assert "Contents" not in s3.list_objects_v2(Bucket="landing")


def test_earlier_version_does_not_come_back_when_the_current_one_is_deleted(
    s3: "S3Client", objects: SourceObjects
) -> None:
    put(s3, b"earlier")
    assert objects.delete(put(s3, b"current")) == Acted(done=True)

    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_move_that_died_before_it_deleted_is_finished_without_another_copy(
    s3: "S3Client", objects: SourceObjects
) -> None:
    item = put(s3, b"body")
    expected = Acted(done=True, reason=f"as {TARGET}")
    head = objects._head(item)
    objects._copy(item, head, [TARGET, f"{TARGET}.x"], "one")

    assert objects.move(item, TARGET, "one") == expected
    assert objects.move(item, TARGET, "one") == expected  # the source is gone, the copy is there

    assert [one["Key"] for one in s3.list_objects_v2(Bucket="landing")["Contents"]] == [f"done/{KEY}"]
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_move_does_not_overwrite_what_others_have_put_there(s3: "S3Client", objects: SourceObjects) -> None:
    s3.put_object(Bucket="landing", Key=f"done/{KEY}", Body=b"of others")
    item = put(s3, b"ours")

    assert objects.move(item, TARGET, "one") == Acted(done=True, reason=f"as {TARGET}.{item.version_id}")

    assert s3.get_object(Bucket="landing", Key=f"done/{KEY}")["Body"].read() == b"of others"


def test_version_that_is_gone_cannot_be_tagged(s3: "S3Client", objects: SourceObjects) -> None:
    item = put(s3)
    s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=str(item.version_id))

    assert objects.tag(item, {"a": "1"}) == Acted(done=False, reason=GONE)
    assert objects.delete(item) == Acted(done=True)


def test_copy_in_parts_is_bound_to_the_version_too(
    s3: "S3Client", objects: SourceObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_project.sources.s3.source_objects.COPIED_AT_ONCE", 1)
    item = put(s3, b"large")

    assert objects.move(item, TARGET, "one").done

    assert s3.get_object(Bucket="landing", Key=f"done/{KEY}")["Body"].read() == b"large"


@pytest.mark.parametrize("move", [False, True])
def test_deletion_names_the_write_to_s3_which_may_change_after_it_was_looked_at(
    s3: "S3Client", *, move: bool
) -> None:
    """S3 refuses it then (If-Match); moto deletes the object nevertheless."""
    aws, named = Aws(AwsSettings()), []
    aws.session.events.register(
        "before-call.s3.DeleteObject", lambda params, **_: named.append(params["headers"].get("If-Match"))
    )
    objects, item = SourceObjects(aws), put(s3)

    done = objects.move(item, TARGET, "one") if move else objects.delete(item)

    assert (done.done, named) == (True, [f'"{item.etag}"'])
