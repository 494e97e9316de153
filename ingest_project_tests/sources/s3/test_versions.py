"""What S3 lists of the versions of its keys."""

from pathlib import Path

import pytest

from ingest_project.errors import ObjectError
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.versions import list_versions
from ingest_project_tests.landing import BUCKET, Landing


@pytest.fixture
def landing(aws: str, tmp_path: Path) -> Landing:
    zone = Landing(tmp_path, aws)
    zone.create()
    return zone


def account(landing: Landing) -> Aws:
    return Aws(AwsSettings(endpoint_url=landing.endpoint))


def test_versions_of_a_key_come_newest_first_and_without_delete_markers(landing: Landing) -> None:
    landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    ids = [
        landing.s3.put_object(Bucket=BUCKET, Key="orders/a b+c", Body=body)["VersionId"]
        for body in (b"1", b"22", b"333")
    ]
    landing.s3.delete_object(Bucket=BUCKET, Key="orders/a b+c")
    landing.s3.put_object(Bucket=BUCKET, Key="elsewhere", Body=b"")

    found = list(list_versions(account(landing), BUCKET, "orders/"))

    assert [(one.key, one.version_id, one.size_bytes) for one in found] == [
        ("orders/a b+c", version_id, size) for version_id, size in zip(reversed(ids), (3, 2, 1), strict=True)
    ]


def test_a_bucket_without_versioning_lists_its_current_objects(landing: Landing) -> None:
    etag = landing.s3.put_object(Bucket=BUCKET, Key="orders/a", Body=b"1")["ETag"].strip('"')

    (found,) = list_versions(account(landing), BUCKET, "")

    assert (found.key, found.version_id, found.etag) == ("orders/a", None, etag)
    assert found.last_modified.tzinfo is not None


def test_a_bucket_that_does_not_list_is_an_error_of_ours(landing: Landing) -> None:
    with pytest.raises(ObjectError, match="s3://absent/orders/"):
        list(list_versions(account(landing), "absent", "orders/"))
