"""Reads the members of a zip archive, each of which is a file of its table's format."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns import example_of
from ingest_project.objects.compressed_stream import read_bzip2

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""A first member, or the end of an archive without any."""
EXPANDS_BEYOND = "it expands to more than {:,} bytes, the limit for one object"
DIRECTORY_ENTRY_MAGIC = b"PK\x01\x02"
MAX_MEMBERS = 100_000
ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The flags of a member, strongly or not, and of a directory (APPNOTE.TXT, 4.4.4)."""
MAC_METADATA = "__MACOSX/"
"""What macOS puts beside each file of an archive: no data, and never of the file's own format."""
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


def read_members(body: bytes, uri: str, limit_bytes: int) -> Iterator[bytes]:
    """The content of each member, in the archive's order, one at a time.

    Directories are skipped, and so is what macOS adds of its own.
    Raises ObjectUnreadable if the archive is cut short, corrupt, encrypted or has too many members, if a member is a
    zip itself, or if all members together expand beyond the limit.
    """
    if body.count(DIRECTORY_ENTRY_MAGIC) > MAX_MEMBERS:
        raise ObjectUnreadable(
            uri, f"the zip has more than {MAX_MEMBERS:,} members, the limit for one object"
        )
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            left = limit_bytes
            for member in archive.infolist():
                if member.is_dir() or member.filename.startswith(MAC_METADATA):
                    continue
                content = _read_member(archive, member, body, uri, left)
                if len(content) > left:
                    raise ObjectUnreadable(uri, EXPANDS_BEYOND.format(limit_bytes))
                left -= len(content)
                yield content
    except FAULTS as error:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt ({str(error)[:200]})") from error


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, body: bytes, uri: str, left: int
) -> bytes:
    """The member's content, or more than `left` bytes of it."""
    name = example_of(member.filename)
    if member.flag_bits & ENCRYPTED:
        raise ObjectUnreadable(uri, f"member {name} of the zip is encrypted; upload it without a password")
    with archive.open(member) as stream:  # which checks its own header
        if member.compress_type == zipfile.ZIP_BZIP2:
            content = _read_bzip2_member(member, body, left)
        else:
            content = _read_steps(stream, member, left)
    if len(content) <= left and len(content) != member.file_size:
        raise ObjectUnreadable(uri, f"the zip is cut short or corrupt (member {name} has another size)")
    if content.startswith(ZIP_MAGICS):
        raise ObjectUnreadable(uri, f"member {name} of the zip is a zip itself; upload it unpacked")
    return content


def _read_steps(stream: IO[bytes], member: zipfile.ZipInfo, left: int) -> bytes:
    step = LZMA_STEP_BYTES if member.compress_type == zipfile.ZIP_LZMA else STEP_BYTES
    content = BytesIO()
    while content.tell() <= left and (part := stream.read(step)):
        content.write(part)
    return content.getvalue()


def _read_bzip2_member(member: zipfile.ZipInfo, body: bytes, left: int) -> bytes:
    """Not by the standard library, which would expand it without a bound: 342 bytes may hold 300 MB."""
    name_bytes, extra_bytes = SIZE_OF_NAMES.unpack_from(body, member.header_offset)
    start = member.header_offset + SIZE_OF_NAMES.size + name_bytes + extra_bytes
    content = read_bzip2(body[start : start + member.compress_size], left + 1)
    if len(content) <= left and zlib.crc32(content) != member.CRC:
        raise zipfile.BadZipFile("a checksum is wrong")
    return content
