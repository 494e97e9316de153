"""Reads the first part of an object: enough to tell what it is, and to see some of its rows.

The one place that decides how much of an object a preview reads.
"""

from dataclasses import dataclass, field

from ingest_project.aws import Aws
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.unpack.zip_archive import ZIP_MAGICS
from ingest_project.preview.columnar_head import MAGICS, first_rows
from ingest_project.preview.expand import expand
from ingest_project.preview.range_file import RangeFile, read_range
from ingest_project.preview.zip_head import ZippedFile, large_zip_heads, small_zip_heads

HEAD_BYTES = 4 * 1024**2
"""Read of an object, as stored and again without its compression."""
WHOLE_BYTES = 32 * 1024**2
"""Files that bring their own schema, and zips, are read whole up to this size; of larger ones only parts."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of an object without its compression, or all of it if `is_whole`.

    `compression` is told by the bytes: gzip, zstd, bzip2, xz, zip, or `zip, gzip` and the like; None if there is none.
    Of a zip it is one of its files: `member` is the file's name, and `members` how many there are that are not empty.
    """

    object: ObjectVersion
    body: bytes = field(repr=False)
    is_whole: bool
    compression: str | None = None
    member: str | None = None
    members: int = 0

    @property
    def name(self) -> str:
        """The object's key, with the name of the file in it if it is a zip of several."""
        return self.object.key if self.members < 2 else f"{self.object.key}!{self.member}"


def read_heads(aws: Aws, one: ObjectVersion) -> tuple[Head, ...]:
    """The head of exactly this object version; of a zip those of a few of its files. Raises ObjectError."""
    with unforeseen_as_fault(one.uri):
        start = read_range(aws, one, 0, HEAD_BYTES)
        if start.startswith(ZIP_MAGICS):
            return _zip_heads(aws, one, start)
        return (_plain_head(aws, one, start),)


def _plain_head(aws: Aws, one: ObjectVersion, start: bytes) -> Head:
    if start.startswith(MAGICS):
        is_small = one.size_bytes <= WHOLE_BYTES
        body = _whole(aws, one, start) if is_small else first_rows(aws, one, start)
        return Head(one, body, is_whole=is_small)
    expanded = expand(start, one.uri, is_whole=len(start) >= one.size_bytes, limit_bytes=HEAD_BYTES)
    if not expanded.is_whole and expanded.body.startswith(MAGICS) and one.size_bytes <= WHOLE_BYTES:
        body = _whole(aws, one, start)
        expanded = expand(body, one.uri, is_whole=True, limit_bytes=2 * WHOLE_BYTES)
    return Head(one, expanded.body, expanded.is_whole, expanded.codec)


def _whole(aws: Aws, one: ObjectVersion, start: bytes) -> bytes:
    left = one.size_bytes - len(start)
    return start + read_range(aws, one, len(start), left) if left > 0 else start


def _zip_heads(aws: Aws, one: ObjectVersion, start: bytes) -> tuple[Head, ...]:
    if one.size_bytes <= WHOLE_BYTES:
        found = small_zip_heads(_whole(aws, one, start), one.uri, WHOLE_BYTES)
    else:
        found = large_zip_heads(RangeFile(aws, one), one.uri, HEAD_BYTES)
    return tuple(
        Head(one, file.content.body, file.content.is_whole, _compression(file), file.name, found.members)
        for file in found.files
    ) or (Head(one, b"", is_whole=True, compression="zip", members=found.members),)


def _compression(file: ZippedFile) -> str:
    inner = file.content.codec
    return "zip" if inner is None else f"zip, {inner}"
