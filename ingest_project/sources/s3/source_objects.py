"""Tags, moves and deletes objects whose rows are in their table.

Each is bound to the write that was read, by its version id or its eTag, and may be repeated: what a crash
left undone is done by the next call, and what was done is found so.

In a bucket with versioning, deleting sets a delete marker, and only if the version that was read is the
current one. The version stays until a lifecycle rule removes it. Removing the version itself would make an
earlier one current again, which a listing would then show.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_project.errors import ObjectError, ObjectMissing, ObjectOverwritten
from ingest_project.settings.after_settings import MAX_TAGS
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion, bucket_and_key
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MARK = "ingest-object-id"
"""A moved object's metadata: which write it was, so that a repeated move finds it."""
COPIED_AT_ONCE = 5 * 1024**3
"""S3 copies a larger object only in parts (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html)."""
KEPT_HEADERS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
)  # fmt: skip

WRITTEN_AGAIN = "its key was written again since it was read"
GONE = "S3 does not hold it any more"


@dataclass(frozen=True, slots=True)
class Acted:
    """Whether it is done, and what there is to say about it; if not, it never will be."""

    done: bool
    reason: str | None = None


class SourceObjects:
    """Objects in S3 by the settings of `aws` and `buckets`. Safe to share among threads.

    All methods raise ObjectError if S3 refuses or does not answer: they may be tried again.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def tag(self, item: ObjectVersion, tags: dict[str, str]) -> Acted:
        """Add tags to the object; those that it has under other keys stay."""
        try:
            with _told(self._aws, item):
                if not item.is_versioned:
                    self._head(item)
                return self._tag(item, tags)
        except (ObjectOverwritten, ObjectMissing) as error:
            return _not_done(error)

    def delete(self, item: ObjectVersion) -> Acted:
        """Delete the object, unless its key was written again."""
        try:
            with _told(self._aws, item):
                self._head(item)
                self._delete(item)
        except ObjectMissing:
            return Acted(done=True)
        except ObjectOverwritten as error:
            return _not_done(error)
        return Acted(done=True)

    def move(self, item: ObjectVersion, target: str, object_id: str) -> Acted:
        """Copy the object to this URI, then delete it; nothing that is there already is overwritten.

        If another object has the URI, the version is added to the target's key. `object_id` identifies the
        write: a copy with this mark is not made again.
        """
        places = [target, f"{target}.{item.version}"]
        try:
            with _told(self._aws, item):
                head = self._head(item)
        except ObjectMissing as error:
            copies = [place for place in places if self._mark_of(place) == object_id]
            return Acted(done=True, reason=f"as {copies[0]}") if copies else _not_done(error)
        except ObjectOverwritten as error:
            return _not_done(error)
        place = self._copy(item, head, places, object_id)
        try:
            with _told(self._aws, item):
                self._delete(item)
        except ObjectOverwritten as error:
            return Acted(done=False, reason=f"it was copied to {place} but not deleted: {error.reason}")
        return Acted(done=True, reason=f"as {place}")

    def _copy(self, item: ObjectVersion, head: Any, places: list[str], object_id: str) -> str:
        """Copy the object to the first of these places that is free, unless it is there already."""
        marks = {place: self._mark_of(place) for place in places}
        if found := [place for place in places if marks[place] == object_id]:
            return found[0]
        place = next((one for one in places if marks[one] is None), places[-1])
        bucket, key = bucket_and_key(place)
        source: dict[str, str] = {"Bucket": item.bucket, "Key": item.key}
        if item.is_versioned and item.version_id is not None:
            source["VersionId"] = item.version_id
        extra: dict[str, Any] = {name: head[name] for name in KEPT_HEADERS if name in head}
        extra |= {
            "CopySourceIfMatch": head["ETag"], "MetadataDirective": "REPLACE",
            "Metadata": {**head["Metadata"], MARK: object_id},
        }  # fmt: skip
        client: Any = self._aws.s3(bucket)
        try:
            if head["ContentLength"] <= COPIED_AT_ONCE:
                client.copy_object(CopySource=source, Bucket=bucket, Key=key, **extra)
            else:
                client.copy(source, bucket, key, ExtraArgs=extra, SourceClient=self._s3(item))
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, bucket, place, error) from error
        return place

    def _mark_of(self, place: str) -> str | None:
        """The mark of the object at this place; empty if it has none, None if there is no object."""
        bucket, key = bucket_and_key(place)
        try:
            head = self._aws.s3(bucket).head_object(Bucket=bucket, Key=key)
        except BOTO3_FAULTS as error:
            fault = told_by_boto3(self._aws, bucket, place, error)
            if isinstance(fault, ObjectMissing):
                return None
            raise fault from error
        return head["Metadata"].get(MARK, "")

    def _head(self, item: ObjectVersion) -> Any:
        """What S3 says of the key's current object; raises ObjectOverwritten if it is not this write."""
        head = self._s3(item).head_object(Bucket=item.bucket, Key=item.key)
        is_same = (
            head.get("VersionId") == item.version_id
            if item.is_versioned
            else head["ETag"].strip('"') == item.etag
        )
        if not is_same:
            raise ObjectOverwritten(item.uri, WRITTEN_AGAIN)
        return head

    def _delete(self, item: ObjectVersion) -> None:
        condition: Any = {} if item.etag is None else {"IfMatch": f'"{item.etag}"'}
        self._s3(item).delete_object(Bucket=item.bucket, Key=item.key, **condition)

    def _tag(self, item: ObjectVersion, tags: dict[str, str]) -> Acted:
        client = self._s3(item)
        pinned: Any = {"Bucket": item.bucket, "Key": item.key}
        if item.is_versioned:
            pinned["VersionId"] = item.version_id
        there = {one["Key"]: one["Value"] for one in client.get_object_tagging(**pinned)["TagSet"]}
        wanted = there | tags
        if len(wanted) > MAX_TAGS:
            return Acted(
                done=False, reason=f"it would have {len(wanted)} tags, and S3 allows at most {MAX_TAGS}"
            )
        if wanted != there:
            tag_set: Any = [{"Key": key, "Value": value} for key, value in wanted.items()]
            client.put_object_tagging(**pinned, Tagging={"TagSet": tag_set})
        return Acted(done=True)

    def _s3(self, item: ObjectVersion) -> "S3Client":
        return self._aws.s3(item.bucket)


@contextmanager
def _told(aws: Aws, item: ObjectVersion) -> Iterator[None]:
    """Turns what boto3 raises about the object into this project's errors."""
    try:
        yield
    except BOTO3_FAULTS as error:
        raise told_by_boto3(aws, item.bucket, item.uri, error) from error


def _not_done(error: ObjectError) -> Acted:
    return Acted(done=False, reason=GONE if isinstance(error, ObjectMissing) else WRITTEN_AGAIN)
