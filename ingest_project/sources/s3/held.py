"""What S3 holds under a prefix, page by page, with the version ids of a bucket that has versions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import UNVERSIONED, ObjectVersion
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS


@dataclass(frozen=True, slots=True)
class HeldObject:
    """A write that S3 holds: what the key holds now if `is_current`, else one that was overwritten or
    deleted.

    `event_time` of the object is S3's LastModified: whole seconds, and for a multipart upload the time at
    which it began. The object has no sequencer; without versions its eTag identifies it.
    """

    object: ObjectVersion
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class HeldObjects:
    """A portion of what S3 holds. A write after `listed_at` may be in it."""

    objects: tuple[HeldObject, ...]
    listed_at: datetime


def list_held(
    aws: Aws, bucket: str, prefix: str, *, page_size: int = 1_000, clock: Clock = utc_now
) -> Iterator[HeldObjects]:
    """The writes under the prefix, in pages, without delete markers; whatever is written meanwhile.

    A key whose newest entry is a delete marker has no current write. Needs `s3:ListBucketVersions`, also for
    a bucket without versions, whose writes have no ids. Raises ObjectError, with the prefix as its object, if
    S3 does not list.
    """
    pages = iter(
        aws.s3(bucket)
        .get_paginator("list_object_versions")
        .paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": page_size})
    )
    while True:
        listed_at = clock()
        try:
            page = next(pages, None)
        except BOTO3_FAULTS as error:
            raise told_by_boto3(aws, bucket, f"s3://{bucket}/{prefix}", error) from error
        if page is None:
            return
        yield HeldObjects(
            tuple(
                HeldObject(
                    ObjectVersion(
                        bucket=bucket,
                        key=entry["Key"],
                        size_bytes=entry["Size"],
                        event_time=entry["LastModified"].astimezone(UTC),
                        version_id=None if entry["VersionId"] == UNVERSIONED else entry["VersionId"],
                        etag=entry["ETag"].strip('"'),
                    ),
                    is_current=entry["IsLatest"],
                )
                for entry in page.get("Versions", ())
            ),
            listed_at,
        )
