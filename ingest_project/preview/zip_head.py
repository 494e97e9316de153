"""The heads of a few of a zip archive's files: the whole archive is fetched if it is small, else its directory and parts."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.unpack.zip_archive import ENCRYPTED, FAULTS, ZIP_MAGICS, is_of_mac, members
from ingest_project.preview.expand import Expanded, expand
from ingest_project.preview.listing import spread

FILES = 5
"""How many files of one archive are looked into: the first, the last and those between, as it is with objects."""


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """The head of one file, and its name."""

    name: str
    content: Expanded = field(repr=False)


@dataclass(frozen=True, slots=True)
class ZipHeads:
    """The heads of some of the files that are not empty, in the archive's order, and how many such files there are."""

    files: tuple[ZippedFile, ...]
    members: int


def small_zip_heads(body: bytes, uri: str, limit_bytes: int) -> ZipHeads:
    """The heads in a whole archive, at most so many bytes of all of them together. Raises ObjectUnreadable."""
    full = _full(body, uri)
    chosen = dict(spread(full, FILES))
    found: list[ZippedFile] = []
    for place, member in enumerate(members(io.BytesIO(body), uri)):
        left_bytes = limit_bytes - sum(len(one.content.body) for one in found)
        if place in chosen and left_bytes > 0 and (start := _start(member.chunks, left_bytes)):
            found.append(ZippedFile(chosen[place], _expanded(start, uri, left_bytes)))
    return ZipHeads(tuple(found), len(full))


def large_zip_heads(file: io.RawIOBase, uri: str, limit_bytes: int) -> ZipHeads:
    """The heads in an archive of which only parts are fetched, so many bytes of each. Raises ObjectUnreadable."""
    try:
        with zipfile.ZipFile(io.BufferedReader(file)) as archive:
            full = [one for one in _files(archive) if one.file_size]
            chosen = spread(full, FILES)
            found = (ZippedFile(one.filename, _part(archive, one, uri, limit_bytes)) for one in chosen)
            return ZipHeads(tuple(found), len(full))
    except FAULTS as error:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt ({str(error)[:200]})") from error


def _files(archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    """As the ingest takes them: directories are none, and what macOS adds of its own."""
    return [one for one in archive.infolist() if not one.is_dir() and not is_of_mac(one.filename)]


def _full(body: bytes, uri: str) -> list[tuple[int, str]]:
    """The places of the files that are not empty, among all files, and their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return [(place, one.filename) for place, one in enumerate(_files(archive)) if one.file_size]
    except FAULTS as error:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt ({str(error)[:200]})") from error


def _part(archive: zipfile.ZipFile, one: zipfile.ZipInfo, uri: str, limit_bytes: int) -> Expanded:
    if one.flag_bits & ENCRYPTED:
        raise ObjectUnreadable(uri, "the zip is encrypted; upload it without a password")
    if one.compress_type in {zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}:
        # The standard library expands them without a bound.
        raise ObjectUnreadable(uri, "a preview reads no large zip of this compression; its ingest does")
    with archive.open(one) as stream:
        return _expanded(stream.read(limit_bytes + 1), uri, limit_bytes)


def _start(chunks: Iterator[bytes], limit_bytes: int) -> bytes:
    """One byte more than the limit, if there is so much."""
    return ByteSource(chunks).read_all(limit_bytes + 1)


def _expanded(start: bytes, uri: str, limit_bytes: int) -> Expanded:
    if start.startswith(ZIP_MAGICS):
        raise ObjectUnreadable(uri, "a file in the zip is a zip itself; upload it unpacked")
    return expand(start, uri, is_whole=len(start) <= limit_bytes, limit_bytes=limit_bytes)
