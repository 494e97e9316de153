"""Lists the versions of all keys under a prefix: S3's own record of what was written, and in which order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import UNVERSIONED
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version of a key; `version_id` is None for what was written without versioning.

    `last_modified` is UTC, in whole seconds, and for a multipart upload the time at which it began.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size_bytes: int
    last_modified: datetime


def list_versions(aws: Aws, bucket: str, prefix: str) -> Iterator[ListedVersion]:
    """All versions under the prefix without delete markers, those of one key together, newest first.

    A bucket without versioning lists its current objects. Needs `s3:ListBucketVersions`; raises ObjectError,
    with the prefix as its object, if S3 does not list.
    """
    pages = aws.s3(bucket).get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for entry in page.get("Versions", ()):
                version_id = entry["VersionId"]
                yield ListedVersion(
                    bucket=bucket,
                    key=entry["Key"],
                    version_id=None if version_id == UNVERSIONED else version_id,
                    etag=entry["ETag"].strip('"'),
                    size_bytes=entry["Size"],
                    last_modified=entry["LastModified"],
                )
    except BOTO3_FAULTS as error:
        raise told_by_boto3(aws, bucket, f"s3://{bucket}/{prefix}", error) from error
