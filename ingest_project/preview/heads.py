"""Reads the first part of an object: enough to detect its format, and to show some of its rows.

This module alone decides how much of an object a preview reads.
"""

import io
from dataclasses import dataclass, field

import pyarrow as pa

from ingest_project.errors import ObjectUnreadable
from ingest_project.preview.expand import expand
from ingest_project.preview.range_file import RangeFile, read_range
from ingest_project.preview.zip_head import ZippedFile, format_of_zip, large_zip_heads, small_zip_heads
from ingest_project.reading.formats.table import FORMATS, Format
from ingest_project.reading.unpack.zip_archive import ZIP_MAGICS
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.wording import clipped
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.unforeseen import unforeseen_as_fault

HEAD_BYTES = 4 * 1024**2
"""How much is read of an object, as stored and again without compression."""
WHOLE_BYTES = 32 * 1024**2
"""Files with a schema of their own, and zips, are read whole up to this size; of larger ones, parts are."""
EXPANDED_BYTES = 4 * WHOLE_BYTES
"""How much the rows of such a file may take; of one with more, the first rows are read."""
BUFFER_BYTES = 1024**2
LOOKED_AT = 4096
"""How many bytes tell an ORC file from a text, as both may begin with the same three letters."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of an object without its compression, or all of it if `is_whole`.

    `compression` is detected by the bytes: gzip, zstd, bzip2, xz, zip, or `zip, gzip` and the like; None if
    there is none. Of a zip it is one of its files: `member` is the file's name, and `members` the number of
    files that are not empty.
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
    """The head of exactly this object version; of a zip, the heads of a few of its files.

    Raises ObjectError.
    """
    with unforeseen_as_fault(one.uri):
        start = read_range(aws, one, 0, HEAD_BYTES)
        if start.startswith(ZIP_MAGICS):
            return _zip_heads(aws, one, start)
        return (_plain_head(aws, one, start),)


def format_by_magic(body: bytes) -> TableFormat | None:
    """The format whose magic bytes this file begins with; None if it is unknown."""
    if body.startswith(ZIP_MAGICS):
        return format_of_zip(io.BytesIO(body))
    found = next((name for name, one in FORMATS.items() if one.magics and body.startswith(one.magics)), None)
    may_be_text = found is not None and any(magic.isalpha() for magic in FORMATS[found].magics)
    return None if may_be_text and b"\0" not in body[:LOOKED_AT] else found


def _first_rows(aws: Aws, one: ObjectVersion, start: bytes, read: Format) -> bytes:
    """A small file of the same format and schema, with the first rows of this large one."""
    try:
        return read.first_rows_of(io.BufferedReader(RangeFile(aws, one), BUFFER_BYTES), start)
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = clipped(str(error).partition("\n")[0], 200)
        raise ObjectUnreadable(one.uri, f"it is truncated or corrupt: {reason}") from error


def _plain_head(aws: Aws, one: ObjectVersion, start: bytes) -> Head:
    if (found := format_by_magic(start)) is not None:
        is_small = one.size_bytes <= WHOLE_BYTES
        body = _whole(aws, one, start) if is_small else _first_rows(aws, one, start, FORMATS[found])
        return Head(one, body, is_whole=is_small)
    expanded = expand(start, one.uri, is_whole=len(start) >= one.size_bytes, limit_bytes=HEAD_BYTES)
    if not expanded.is_whole and format_by_magic(expanded.body) is not None and one.size_bytes <= WHOLE_BYTES:
        body = _whole(aws, one, start)
        expanded = expand(body, one.uri, is_whole=True, limit_bytes=2 * WHOLE_BYTES)
    return Head(one, expanded.body, expanded.is_whole, expanded.codec)


def _whole(aws: Aws, one: ObjectVersion, start: bytes) -> bytes:
    left = one.size_bytes - len(start)
    return start + read_range(aws, one, len(start), left) if left > 0 else start


def _zip_heads(aws: Aws, one: ObjectVersion, start: bytes) -> tuple[Head, ...]:
    is_small = one.size_bytes <= WHOLE_BYTES
    body = _whole(aws, one, start) if is_small else b""
    file = io.BytesIO(body) if is_small else io.BufferedReader(RangeFile(aws, one), BUFFER_BYTES)
    if (own := format_of_zip(file, is_remote=not is_small)) is not None:
        is_small = is_small and FORMATS[own].decoded_bytes(body) <= EXPANDED_BYTES
        return (
            Head(one, body if is_small else _first_rows(aws, one, start, FORMATS[own]), is_whole=is_small),
        )
    if is_small:
        found = small_zip_heads(body, one.uri, WHOLE_BYTES)
    else:
        found = large_zip_heads(RangeFile(aws, one), one.uri, HEAD_BYTES)
    return tuple(
        Head(one, file.content.body, file.content.is_whole, _compression(file), file.name, found.members)
        for file in found.files
    ) or (Head(one, b"", is_whole=True, compression="zip", members=found.members),)


def _compression(file: ZippedFile) -> str:
    inner = file.content.codec
    return "zip" if inner is None else f"zip, {inner}"
