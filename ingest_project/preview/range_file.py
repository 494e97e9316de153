"""An object of S3 as a file whose parts are fetched as they are read.

Parquet and Arrow files and zip archives have their directory at the end; a preview of a large one needs that
and a few parts, not the whole.
"""

from typing import TYPE_CHECKING

from ingest_project.errors import ObjectUnavailable
from ingest_project.reading.unpack.ranged_file import RangedFile
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef


def read_range(aws: Aws, one: ObjectVersion, start: int, length: int) -> bytes:
    """These bytes of exactly this version, fewer where it ends. Raises ObjectError."""
    request: GetObjectRequestTypeDef = {
        "Bucket": one.bucket,
        "Key": one.key,
        "Range": f"bytes={start}-{start + length - 1}",
    }
    if one.version_id is not None:
        request["VersionId"] = one.version_id
    if one.etag is not None and not one.is_versioned:
        request["IfMatch"] = f'"{one.etag}"'
    try:
        body = aws.s3(one.bucket).get_object(**request)["Body"].read()
    except BOTO3_FAULTS as error:
        raise told_by_boto3(aws, one.bucket, one.uri, error) from error
    except OSError as error:  # urllib3's, of a connection that is lost while the body comes
        raise ObjectUnavailable(one.uri, "the connection was lost while it was read") from error
    return body[:length]  # an endpoint that knows no ranges hands out the whole


class RangeFile(RangedFile):
    """The object as a seekable file; each read is one request. Reading raises ObjectError."""

    def __init__(self, aws: Aws, one: ObjectVersion) -> None:
        super().__init__(one.size_bytes)
        self._aws = aws
        self._object = one

    def fetch(self, start: int, size_bytes: int) -> bytes:
        return read_range(self._aws, self._object, start, size_bytes)
