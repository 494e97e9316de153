"""Recognises unsupported archives and compressions by their first bytes, to give a better reason."""

from typing import Final

HEAD_BYTES = 262
"""The bytes that identify a tar archive, whose mark stands behind the fields of its first file."""
TAR_MARK = slice(257, HEAD_BYTES)
TAR = b"ustar"
MAGICS: Final[dict[bytes, str]] = {
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"\x02\x21\x4c\x18": "compressed with lz4",
    b"\xff\x06\x00\x00sNaPpY": "compressed with snappy",
    b"\x1f\x9d": "compressed with compress",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
}
"""The frame formats of lz4 and snappy, compress(1), and two archives. Raw snappy has no magic bytes."""


def foreign_reason(head: bytes) -> str | None:
    """Why bytes that begin so cannot be read; None if they are not of these kinds."""
    if head[TAR_MARK] == TAR:
        return "it is a tar archive; upload its files by themselves, or as a zip"
    found = next((name for magic, name in MAGICS.items() if head.startswith(magic)), None)
    return found and f"it is {found}, which is not supported; use gzip, zstd, bzip2, xz or zip"
