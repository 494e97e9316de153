"""Reads the first part of an object: enough to tell what it is, and to see some of its rows.

The one place that decides how much of an object a preview reads.
"""

from dataclasses import dataclass, field

from ingest_project.aws import Aws
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.zip_archive import ZIP_MAGICS
from ingest_project.preview.columnar_head import MAGICS, first_rows
from ingest_project.preview.expand import expand
from ingest_project.preview.range_file import RangeFile, read_range
from ingest_project.preview.zip_head import large_zip_head, small_zip_head

HEAD_BYTES = 4 * 1024**2
"""Read of an object, as stored and again without its compression."""
WHOLE_BYTES = 32 * 1024**2
"""Files that bring their own schema, and zips, are read whole up to this size; of larger ones only parts."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of an object without its compression, or all of it if `is_whole`.

    `compression` is told by the bytes: gzip, zstd, bzip2, xz, zip, or `zip, gzip` and the like; None if there is none.
    `members` is how many files a zip holds, of which the first was read.
    """

    object: ObjectVersion
    body: bytes = field(repr=False)
    is_whole: bool
    compression: str | None = None
    members: int = 0


def read_head(aws: Aws, one: ObjectVersion) -> Head:
    """The head of exactly this object version. Raises ObjectError."""
    with unforeseen_as_fault(one.uri):
        start = read_range(aws, one, 0, HEAD_BYTES)
        if start.startswith(ZIP_MAGICS):
            return _zip_head(aws, one, start)
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


def _zip_head(aws: Aws, one: ObjectVersion, start: bytes) -> Head:
    if one.size_bytes <= WHOLE_BYTES:
        found = small_zip_head(_whole(aws, one, start), one.uri, WHOLE_BYTES)
    else:
        found = large_zip_head(RangeFile(aws, one), one.uri, HEAD_BYTES)
    inner = found.content.codec
    compression = "zip" if inner is None else f"zip, {inner}"
    return Head(one, found.content.body, found.content.is_whole, compression, found.members)
