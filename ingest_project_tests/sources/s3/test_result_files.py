"""Files of results in S3: written with their digest, listed and deleted."""

import hashlib
import io
from typing import TYPE_CHECKING

import pytest

from ingest_project.errors import ObjectError, ObjectMissing
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3 import result_files as module
from ingest_project.sources.s3.result_files import ResultFiles

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def files(s3: "S3Client") -> ResultFiles:
    return ResultFiles(Aws(AwsSettings()))


def test_file_is_written_with_its_type_and_replaces_what_was_there(
    s3: "S3Client", files: ResultFiles
) -> None:
    files.put_bytes("s3://landing/a/b.json", b"{}", content_type="application/json")
    body = io.BytesIO(b"more")
    digest = hashlib.sha256(b"more").digest()
    files.put("s3://landing/a/b.json", body, sha256=digest, content_type="text/csv")

    found = s3.get_object(Bucket="landing", Key="a/b.json", ChecksumMode="ENABLED")
    assert (found["Body"].read(), found["ContentType"]) == (b"more", "text/csv")


def test_files_below_a_prefix_are_found_and_deleted_and_no_others(
    files: ResultFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELETED_AT_ONCE", 2)
    for name in ("x/1", "x/2", "x/3", "y/1"):
        files.put_bytes(f"s3://landing/{name}", b"", content_type="text/plain")

    files.delete([*files.below("s3://landing/x/"), "s3://landing/x/gone"])

    assert list(files.below("s3://landing/")) == ["s3://landing/y/1"]
    files.delete([])


def test_bucket_that_does_not_exist_is_an_error_of_this_project(files: ResultFiles) -> None:
    with pytest.raises(ObjectMissing, match="s3://none/a"):
        files.put_bytes("s3://none/a", b"", content_type="text/plain")
    with pytest.raises(ObjectMissing, match="s3://none/"):
        list(files.below("s3://none/"))
    with pytest.raises(ObjectMissing, match="s3://none/a"):
        files.delete(["s3://none/a"])


def test_file_that_s3_does_not_delete_is_an_error(s3: "S3Client", files: ResultFiles) -> None:
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    refused = {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "Access Denied"}]}
    client = files._aws.s3("locked")
    client.meta.events.register("after-call.s3.DeleteObjects", lambda parsed, **_: parsed.update(refused))

    with pytest.raises(ObjectError, match="AccessDenied"):
        files.delete(["s3://locked/a"])
