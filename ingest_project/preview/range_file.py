"""An object of S3 as a file whose parts are fetched as they are read.

Parquet, Arrow files and zip archives have their directory at the end; a preview of a large one needs that and a few
parts, not the whole.
"""

import io
from typing import TYPE_CHECKING

from ingest_project.aws import Aws
from ingest_project.errors import ObjectUnavailable
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.fetch.s3_faults import BOTO3_FAULTS, boto3_fault
from ingest_project.objects.fetch.store import UNVERSIONED

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
    if one.etag is not None and one.version_id in {None, UNVERSIONED}:
        request["IfMatch"] = f'"{one.etag}"'
    try:
        body = aws.s3().get_object(**request)["Body"].read()
    except BOTO3_FAULTS as error:
        raise boto3_fault(one.uri, error) from error
    except OSError as error:  # urllib3's, of a connection that is lost while the body comes
        raise ObjectUnavailable(one.uri, "the connection was lost while it was read") from error
    return body[:length]  # an endpoint that knows no ranges hands out the whole


class RangeFile(io.RawIOBase):
    """The object as a seekable file; each read is one request. Reading raises ObjectError."""

    def __init__(self, aws: Aws, one: ObjectVersion) -> None:
        super().__init__()
        self._aws = aws
        self._object = one
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._object.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._object.size_bytes - self._position)
        wanted = left if size < 0 else min(size, left)
        body = read_range(self._aws, self._object, self._position, wanted) if wanted else b""
        self._position += len(body)
        return body

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        body = self.read(len(buffer))
        buffer[: len(body)] = body
        return len(body)
