"""Opens the zip that a workbook is: its parts by their names, within bounds.

What is not such a zip is told by its first bytes, so that the reason says what to do.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from xml.parsers.expat import ExpatError

from ingest_project.errors import IngestError, ObjectUnreadable
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.zip_archive import ENCRYPTED, FAULTS, entries
from ingest_project.settings.wording import clipped

COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
"""The stream of a compound file that holds a workbook with a password ([MS-OFFCRYPTO] 1.3)."""
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument"
"""The first member of an .ods, which is what is left of its zip when its members are taken for files."""
SAVE_AS = "save it as .xlsx"


class Package:
    """The parts of a workbook's zip."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts: dict[str, zipfile.ZipInfo] = {}
        for one in archive.infolist():
            name = one.filename.replace(
                "\\", "/"
            ).lower()  # names of parts ignore case (ISO/IEC 29500-2, 6.2.2)
            if name in self._parts:
                raise ValueError(f"it has two parts of the name {clipped(one.filename, 100)!r}")
            self._parts[name] = one

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def size_bytes(self, name: str) -> int:
        """The part's size as the zip's directory declares it: no more than that is ever read."""
        return self._part(name).file_size

    @property
    def total_bytes(self) -> int:
        """The declared size of all parts together."""
        return sum(one.file_size for one in self._parts.values())

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part, whose checksum is compared behind the last of them."""
        part = self._part(name)
        if part.flag_bits & ENCRYPTED:
            raise ValueError("its zip is encrypted")
        if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ValueError("its zip has a compression that workbooks do not have")
        with self._archive.open(part) as stream:
            while chunk := stream.read(LIMITS.excel.chunk_bytes):
                yield chunk

    def small(self, name: str) -> Iterator[bytes]:
        """The bytes of a part that is not large. Raises ValueError if it is."""
        limit = LIMITS.excel.part_bytes
        if self.size_bytes(name) > limit:
            raise ValueError(f"its part {name} has more than {limit:,} bytes")
        return self.chunks(name)

    def _part(self, name: str) -> zipfile.ZipInfo:
        part = self._parts.get(name.lower())
        if part is None:
            raise ValueError(f"it has no part {clipped(name, 100)!r}")
        return part


@contextmanager
def opened(file: IO[bytes], uri: str, *, is_remote: bool = False) -> Iterator[Package]:
    """The package in this file. What a damaged one leads to, also later on, is an ObjectUnreadable.

    Of a file that is remote, no more is read than is needed.
    """
    with damage_named(uri):
        refuse_others(file, uri)
        limit = LIMITS.excel.parts
        if not is_remote and entries(file) > limit:
            raise ValueError(f"its zip has more than {limit:,} parts")
        with zipfile.ZipFile(file) as archive:
            yield Package(archive)


@contextmanager
def damage_named(uri: str) -> Iterator[None]:
    """Makes of what a damaged workbook leads to an ObjectUnreadable of this object."""
    try:
        yield
    except IngestError:
        raise
    except (ExpatError, zlib.error, struct.error, *FAULTS) as error:
        reason = clipped(str(error) or type(error).__name__, 200)
        raise ObjectUnreadable(uri, f"it is not a valid excel file: {reason}") from error


def refuse_others(file: IO[bytes], uri: str) -> None:
    """Raises ObjectUnreadable if the file is of another kind of spreadsheet, or protected by a password."""
    file.seek(0)
    start = file.read(len(OPEN_DOCUMENT))
    if start.startswith(COMPOUND_FILE):
        if _holds(file, ENCRYPTED_PACKAGE):
            raise ObjectUnreadable(uri, "the workbook is protected by a password; save it without one")
        raise ObjectUnreadable(uri, f"it is an old Excel file (.xls); {SAVE_AS}")
    if start == OPEN_DOCUMENT:
        raise ObjectUnreadable(uri, f"it is an OpenDocument file (.ods); {SAVE_AS}")
    file.seek(0)


def _holds(file: IO[bytes], mark: bytes) -> bool:
    tail = b""
    while step := file.read(io.DEFAULT_BUFFER_SIZE * 16):
        if mark in tail + step:
            return True
        tail = step[-len(mark) :]
    return False
