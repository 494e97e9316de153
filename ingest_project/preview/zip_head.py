"""The heads of a few files of a zip archive.

A small archive is fetched as a whole; of a large one the directory and some parts are.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from ingest_project.errors import ObjectUnreadable
from ingest_project.preview.expand import Expanded, expand
from ingest_project.preview.listing import spread
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.reading.unpack.zip_archive import (
    ENCRYPTED,
    FAULTS,
    ZIP_MAGICS,
    has_members,
    is_of_mac,
    members,
)
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.wording import clipped

FILES = 5
"""How many files of one archive are sampled: the first, the last and some between, as of objects."""


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """The head of one file, and its name."""

    name: str
    content: Expanded = field(repr=False)


@dataclass(frozen=True, slots=True)
class ZipHeads:
    """The heads of some files that are not empty, in the archive's order, and the number of such files."""

    files: tuple[ZippedFile, ...]
    members: int


def format_of_zip(file: IO[bytes], *, is_remote: bool = False) -> TableFormat | None:
    """The format whose files are zips like this one; None if it is an archive of files, or truncated."""
    found = (
        name
        for name, one in FORMATS.items()
        if one.own_zip and has_members(file, one.own_zip, is_remote=is_remote)
    )
    return next(found, None)


def small_zip_heads(body: bytes, uri: str, limit_bytes: int) -> ZipHeads:
    """The heads in a whole archive, at most `limit_bytes` of all together. Raises ObjectUnreadable."""
    full = _full(body, uri)
    chosen = dict(spread(full, FILES))
    found: list[ZippedFile] = []
    for place, member in enumerate(members(io.BytesIO(body), uri)):
        left_bytes = limit_bytes - sum(len(one.content.body) for one in found)
        if place in chosen and left_bytes > 0 and (start := _start(member.chunks, left_bytes)):
            found.append(ZippedFile(chosen[place], _expanded(start, uri, left_bytes)))
    return ZipHeads(tuple(found), len(full))


def large_zip_heads(file: io.RawIOBase, uri: str, limit_bytes: int) -> ZipHeads:
    """The heads in an archive of which parts are fetched, `limit_bytes` of each. Raises ObjectUnreadable."""
    try:
        with zipfile.ZipFile(io.BufferedReader(file)) as archive:
            full = [one for one in _files(archive) if one.file_size]
            chosen = spread(full, FILES)
            found = (ZippedFile(one.filename, _part(archive, one, uri, limit_bytes)) for one in chosen)
            return ZipHeads(tuple(found), len(full))
    except FAULTS as error:
        raise ObjectUnreadable(
            uri, f"the zip is truncated or corrupt ({clipped(str(error), 200)})"
        ) from error


def _files(archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    """The files as the ingest takes them: without directories and the additions of macOS."""
    return [one for one in archive.infolist() if not one.is_dir() and not is_of_mac(one.filename)]


def _full(body: bytes, uri: str) -> list[tuple[int, str]]:
    """The places, among all files, of those that are not empty, and their names."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return [(place, one.filename) for place, one in enumerate(_files(archive)) if one.file_size]
    except FAULTS as error:
        raise ObjectUnreadable(
            uri, f"the zip is truncated or corrupt ({clipped(str(error), 200)})"
        ) from error


def _part(archive: zipfile.ZipFile, one: zipfile.ZipInfo, uri: str, limit_bytes: int) -> Expanded:
    if one.flag_bits & ENCRYPTED:
        raise ObjectUnreadable(uri, "the zip is encrypted; upload it without a password")
    if one.compress_type in {zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}:
        # The standard library decompresses them without a limit.
        raise ObjectUnreadable(
            uri, "a preview does not read a large zip with this compression; the ingest does"
        )
    with archive.open(one) as stream:
        return _expanded(stream.read(limit_bytes + 1), uri, limit_bytes)


def _start(chunks: Iterator[bytes], limit_bytes: int) -> bytes:
    """The first bytes, one more than the limit if there are so many."""
    return ByteSource(chunks).read_all(limit_bytes + 1)


def _expanded(start: bytes, uri: str, limit_bytes: int) -> Expanded:
    if start.startswith(ZIP_MAGICS):
        if format_of_zip(io.BytesIO(start)) is not None:
            return Expanded(start, None, is_whole=True)
        raise ObjectUnreadable(uri, "a file in the zip is itself a zip; upload it unpacked")
    return expand(start, uri, is_whole=len(start) <= limit_bytes, limit_bytes=limit_bytes)
