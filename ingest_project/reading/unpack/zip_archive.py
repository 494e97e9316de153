"""Reads the members of a zip archive, each of which is a file of its table's format."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from ingest_project.errors import IngestError, ObjectUnreadable
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.reading.unpack.compressed_stream import decompressed
from ingest_project.reading.values.example import example_of
from ingest_project.settings.wording import clipped

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""A first member, or the end of an archive without members."""
DIRECTORY_ENTRY_MAGIC = b"PK\x01\x02"
ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The flags of a member, strongly or not, and of a directory (APPNOTE.TXT, 4.4.4)."""
MAC_METADATA = "__MACOSX/"
"""What macOS adds for each file of an archive: metadata, not data of the file's format."""
MAC_FOLDER_VIEW = ".DS_Store"
"""How the Finder shows a folder: it is in each folder that was ever opened, and so in its zip."""
SIZE_OF_NAMES = struct.Struct("<26xHH")
"""The end of a member's own header: the lengths of the name and the extra field before its content."""
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,  # includes NotImplementedError, for a compression that the standard library lacks
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, with a name that is safe to show.

    Its chunks must be read before the next member's.
    """

    name: str
    chunks: Iterator[bytes]


def members(file: IO[bytes], uri: str) -> Iterator[Member]:
    """The members in the archive's order, decompressed while they are read, in steps of some MiB.

    Directories and the additions of macOS are skipped. This, or the reading of a member to its end, raises
    ObjectUnreadable if the archive is truncated, corrupt, encrypted or has too many members.
    """
    limit = LIMITS.unpack.zip_members
    if entries(file) > limit:
        raise ObjectUnreadable(uri, f"the zip has more than {limit:,} members, the limit for one object")
    with _faults_of(uri), zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.is_dir() and not is_of_mac(member.filename):
                name = example_of(member.filename)
                yield Member(name, _checked(_content(archive, member, file), member, name, uri))


def has_members(file: IO[bytes], beginnings: Sequence[str], *, is_remote: bool = False) -> bool:
    """Whether it is a zip that has, for each of these beginnings, a member whose name begins so.

    The file is at its start afterwards. Of a file that is remote, no more is read than is needed.
    """
    try:
        if not is_remote and entries(file) > LIMITS.unpack.zip_members:
            return False
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except FAULTS:
        return False
    finally:
        file.seek(0)
    return all(any(name.startswith(one) for name in names) for one in beginnings)


def is_of_mac(name: str) -> bool:
    """Whether macOS added the member of this name."""
    return name.startswith(MAC_METADATA) or name.rpartition("/")[2] == MAC_FOLDER_VIEW


@contextmanager
def _faults_of(uri: str) -> Iterator[None]:
    try:
        yield
    except IngestError:
        raise
    except FAULTS as error:
        raise ObjectUnreadable(
            uri, f"the zip is truncated or corrupt ({clipped(str(error), 200)})"
        ) from error


def entries(file: IO[bytes]) -> int:
    """At least the number of entries of the archive's directory: a member may contain the mark of one too."""
    file.seek(0)
    count, tail = 0, b""
    while step := file.read(LIMITS.step.chunk_bytes):
        count += (tail + step).count(DIRECTORY_ENTRY_MAGIC)
        tail = step[-len(DIRECTORY_ENTRY_MAGIC) + 1 :]
    return count


def _checked(chunks: Iterator[bytes], member: zipfile.ZipInfo, name: str, uri: str) -> Iterator[bytes]:
    if member.flag_bits & ENCRYPTED:
        raise ObjectUnreadable(uri, f"member {name} of the zip is encrypted; upload it without a password")
    size_bytes = 0
    with _faults_of(uri):
        for chunk in chunks:
            size_bytes += len(chunk)
            yield chunk
    if size_bytes != member.file_size:
        raise ObjectUnreadable(uri, f"the zip is truncated or corrupt (member {name} has another size)")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: IO[bytes]) -> Iterator[bytes]:
    with archive.open(member) as stream:  # which checks its own header
        if member.compress_type != zipfile.ZIP_BZIP2:
            is_lzma = member.compress_type == zipfile.ZIP_LZMA
            step = LIMITS.step.zip_lzma_bytes if is_lzma else LIMITS.step.chunk_bytes
            while part := stream.read(step):
                yield part
            return
    # The standard library would expand it without a limit: 342 bytes may hold 300 MB.
    checksum = 0
    for part in decompressed(ByteSource(_stored(member, file)), "bzip2"):
        checksum = zlib.crc32(part, checksum)
        yield part
    if checksum != member.CRC:
        raise zipfile.BadZipFile("a checksum is wrong")


def _stored(member: zipfile.ZipInfo, file: IO[bytes]) -> Iterator[bytes]:
    """The member's compressed bytes."""
    file.seek(member.header_offset)
    name_bytes, extra_bytes = SIZE_OF_NAMES.unpack(file.read(SIZE_OF_NAMES.size))
    start = member.header_offset + SIZE_OF_NAMES.size + name_bytes + extra_bytes
    step_bytes = LIMITS.step.chunk_bytes
    for position in range(start, start + member.compress_size, step_bytes):
        file.seek(position)
        yield file.read(min(step_bytes, start + member.compress_size - position))
