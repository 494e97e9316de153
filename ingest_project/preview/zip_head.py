"""The head of a zip archive's first file: the whole archive is fetched if it is small, else its directory and a part."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.zip_archive import ENCRYPTED, FAULTS, MAC_METADATA, ZIP_MAGICS, members
from ingest_project.preview.expand import Expanded, expand


@dataclass(frozen=True, slots=True)
class ZipHead:
    """The head of the first file that is not empty, its name, and how many files there are."""

    content: Expanded = field(repr=False)
    name: str | None
    members: int


def small_zip_head(body: bytes, uri: str, limit_bytes: int) -> ZipHead:
    """The head of a whole archive's first file. Raises ObjectUnreadable."""
    first: tuple[str, Expanded] | None = None
    count = 0
    for member in members(io.BytesIO(body), uri):
        count += 1
        if first is None and (start := _start(member.chunks, limit_bytes)):
            first = member.name, _expanded(start, uri, limit_bytes)
    name, content = first or (None, Expanded(b"", None, is_whole=True))
    return ZipHead(content, name, count)


def large_zip_head(file: io.RawIOBase, uri: str, limit_bytes: int) -> ZipHead:
    """The same of an archive of which only parts are fetched. Raises ObjectUnreadable."""
    try:
        with zipfile.ZipFile(io.BufferedReader(file)) as archive:
            files = [
                one
                for one in archive.infolist()
                if not one.is_dir() and not one.filename.startswith(MAC_METADATA)
            ]
            full = next((one for one in files if one.file_size), None)
            if full is None:
                return ZipHead(Expanded(b"", None, is_whole=True), None, len(files))
            if full.flag_bits & ENCRYPTED:
                raise ObjectUnreadable(uri, "the zip is encrypted; upload it without a password")
            if full.compress_type in {zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}:
                # The standard library expands them without a bound.
                raise ObjectUnreadable(
                    uri, "a preview reads no large zip of this compression; its ingest does"
                )
            with archive.open(full) as stream:
                return ZipHead(
                    _expanded(stream.read(limit_bytes + 1), uri, limit_bytes), full.filename, len(files)
                )
    except FAULTS as error:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt ({str(error)[:200]})") from error


def _start(chunks: Iterator[bytes], limit_bytes: int) -> bytes:
    """One byte more than the limit, if there is so much."""
    return ByteSource(chunks).read_all(limit_bytes + 1)


def _expanded(start: bytes, uri: str, limit_bytes: int) -> Expanded:
    if start.startswith(ZIP_MAGICS):
        raise ObjectUnreadable(uri, "a file in the zip is a zip itself; upload it unpacked")
    return expand(start, uri, is_whole=len(start) <= limit_bytes, limit_bytes=limit_bytes)
