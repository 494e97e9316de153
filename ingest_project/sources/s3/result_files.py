"""Writes the files of jobs' results to S3."""

import base64
import hashlib
from collections.abc import Iterator
from typing import IO, Any

from ingest_project.errors import ObjectUnavailable
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import bucket_and_key, object_uri
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS

DELETED_AT_ONCE = 1_000
"""The most keys of one call (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""


class ResultFiles:
    """Files in S3 by the settings of `aws` and `buckets`. Safe to share among threads.

    All methods raise ObjectError if S3 refuses or does not answer: they may be tried again.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def put(self, uri: str, body: bytes | IO[bytes], *, sha256: bytes, content_type: str) -> None:
        """Write the object; S3 takes it only if it has this digest. What the key held is replaced."""
        bucket, key = bucket_and_key(uri)
        try:
            self._aws.s3(bucket).put_object(
                Bucket=bucket, Key=key, Body=body, ContentType=content_type,
                ChecksumSHA256=base64.b64encode(sha256).decode(),
            )  # fmt: skip
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, bucket, uri, error) from error

    def put_bytes(self, uri: str, body: bytes, *, content_type: str) -> None:
        """Write a small object."""
        self.put(uri, body, sha256=hashlib.sha256(body).digest(), content_type=content_type)

    def below(self, prefix: str) -> Iterator[str]:
        """The URIs of all objects below a prefix, which is a URI itself."""
        bucket, start = bucket_and_key(prefix)
        pages = self._aws.s3(bucket).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
        try:
            for page in pages:
                yield from (object_uri(bucket, one["Key"]) for one in page.get("Contents", ()))
        except BOTO3_FAULTS as error:
            raise told_by_boto3(self._aws, bucket, prefix, error) from error

    def delete(self, uris: list[str]) -> None:
        """Delete these objects of one bucket; those that are gone already are no error."""
        for start in range(0, len(uris), DELETED_AT_ONCE):
            some = [bucket_and_key(one) for one in uris[start : start + DELETED_AT_ONCE]]
            bucket = some[0][0]
            objects: Any = [{"Key": key} for _, key in some]
            try:
                answer = self._aws.s3(bucket).delete_objects(
                    Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
                )
            except BOTO3_FAULTS as error:
                raise told_by_boto3(self._aws, bucket, uris[start], error) from error
            if refused := answer.get("Errors"):
                first = refused[0]
                code = first.get("Code", "")
                raise ObjectUnavailable(
                    object_uri(bucket, first.get("Key", "")), f"S3 did not delete it ({code})"
                )
