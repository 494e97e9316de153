"""Reads the members of a zip archive, each of which is a file of its table's format."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from ingest_project.errors import IngestError, ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.example import example_of
from ingest_project.objects.unpack.compressed_stream import decompressed

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""A first member, or the end of an archive without any."""
DIRECTORY_ENTRY_MAGIC = b"PK\x01\x02"
MAX_MEMBERS = 100_000
ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The flags of a member, strongly or not, and of a directory (APPNOTE.TXT, 4.4.4)."""
MAC_METADATA = "__MACOSX/"
"""What macOS puts beside each file of an archive: no data, and never of the file's own format."""
MAC_FOLDER_VIEW = ".DS_Store"
"""How the Finder shows a folder: it lies in each that was ever opened, and so in its zip."""
STEP_BYTES = 1024**2
LZMA_STEP_BYTES = 4096
"""The standard library expands what it has read of an lzma member without a bound: of 4 KB that is some 30 MB at most, held twice."""
SIZE_OF_NAMES = struct.Struct("<26xHH")
"""The end of a member's own header: how long its name and its extra field are, which stand before its content."""
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,  # NotImplementedError too: a compression that the standard library lacks
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, under a name that is safe to show. Its chunks are to be read before the next member's."""

    name: str
    chunks: Iterator[bytes]


def members(file: IO[bytes], uri: str) -> Iterator[Member]:
    """The members in the archive's order, expanded while they are read, in steps of some MiB.

    Directories are skipped, and so is what macOS adds of its own. This, or the reading of a member to its end, raises
    ObjectUnreadable if the archive is cut short, corrupt, encrypted or has too many members.
    """
    if _entries(file) > MAX_MEMBERS:
        raise ObjectUnreadable(
            uri, f"the zip has more than {MAX_MEMBERS:,} members, the limit for one object"
        )
    with _faults_of(uri), zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.is_dir() and not is_of_mac(member.filename):
                name = example_of(member.filename)
                yield Member(name, _checked(_content(archive, member, file), member, name, uri))


def is_of_mac(name: str) -> bool:
    """Whether macOS itself put the member of this name there."""
    return name.startswith(MAC_METADATA) or name.rpartition("/")[2] == MAC_FOLDER_VIEW


@contextmanager
def _faults_of(uri: str) -> Iterator[None]:
    try:
        yield
    except IngestError:
        raise
    except FAULTS as error:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt ({str(error)[:200]})") from error


def _entries(file: IO[bytes]) -> int:
    """How many entries the archive's directory has, or more: the mark of one may stand in a member too."""
    file.seek(0)
    count, tail = 0, b""
    while step := file.read(STEP_BYTES):
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
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt (member {name} has another size)")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: IO[bytes]) -> Iterator[bytes]:
    with archive.open(member) as stream:  # which checks its own header
        if member.compress_type != zipfile.ZIP_BZIP2:
            step = LZMA_STEP_BYTES if member.compress_type == zipfile.ZIP_LZMA else STEP_BYTES
            while part := stream.read(step):
                yield part
            return
    # Not by the standard library, which would expand it without a bound: 342 bytes may hold 300 MB.
    checksum = 0
    for part in decompressed(ByteSource(_stored(member, file)), "bzip2"):
        checksum = zlib.crc32(part, checksum)
        yield part
    if checksum != member.CRC:
        raise zipfile.BadZipFile("a checksum is wrong")


def _stored(member: zipfile.ZipInfo, file: IO[bytes]) -> Iterator[bytes]:
    """The member's bytes as they lie in the archive."""
    file.seek(member.header_offset)
    name_bytes, extra_bytes = SIZE_OF_NAMES.unpack(file.read(SIZE_OF_NAMES.size))
    start = member.header_offset + SIZE_OF_NAMES.size + name_bytes + extra_bytes
    for position in range(start, start + member.compress_size, STEP_BYTES):
        file.seek(position)
        yield file.read(min(STEP_BYTES, start + member.compress_size - position))
