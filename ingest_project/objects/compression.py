"""Takes the compression off an object's bytes, before a format is read out of them.

The magic bytes decide: names and Content-Encoding lie, and S3 keeps whatever it was given. Parquet, Avro and Arrow
files carry their own compression inside and have other magic bytes, so they pass through as they are.
"""

import re
from typing import Final, Literal

import pyarrow as pa

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.compressed_stream import read_bzip2, read_xz
from ingest_project.objects.zip_archive import EXPANDS_BEYOND, ZIP_MAGICS, read_members

DEFAULT_LIMIT_BYTES = 2 * 1024**3
"""How much one object may expand to: a few KB of gzip can hold a thousand times as much."""

Codec = Literal["gzip", "zstd", "bzip2", "xz"]

ZSTD_SKIPPABLE_MAGIC = tuple(bytes((0x50 + nibble, 0x2A, 0x4D, 0x18)) for nibble in range(16))
"""A zstd file may open with a frame to skip (RFC 8878, 3.1.2); pzstd writes such files."""
LZMA_ALONE_MAGIC = b"]\x00\x00"
"""The `.lzma` format has no magic bytes, but every encoder writes these: the usual properties, a whole dictionary."""
MAGICS: Final[dict[Codec, tuple[bytes, ...]]] = {
    "gzip": (b"\x1f\x8b\x08",),
    "zstd": (b"\x28\xb5\x2f\xfd", *ZSTD_SKIPPABLE_MAGIC),
    "xz": (b"\xfd7zXZ\x00", LZMA_ALONE_MAGIC),
}
BZIP2_MAGIC = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
"""The header and the mark of a first block, or of an empty stream: the header alone may begin a text."""
BZIP2_MAGIC_BYTES = 10
BZIP2_START = re.compile(rb"BZh[1-9](?:1(?:A(?:Y(?:&S?)?)?)?|\x17(?:r(?:E(?:8P?)?)?)?)")


def unpack(body: bytes, uri: str, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> tuple[bytes, ...]:
    """The bytes without their compression: the content of each member of a zip, else one body.

    Taken off are gzip, zstd, bzip2, xz and lzma, of any number of members, frames or streams, and these once more
    within a zip. Other bytes come back as they are. Raises ObjectUnreadable if anything is cut short, corrupt or
    encrypted, if a zip lies within a zip, or if all of it together expands beyond the limit.
    """
    packed = read_members(body, uri, limit_bytes) if body.startswith(ZIP_MAGICS) else (body,)
    bodies: list[bytes] = []
    left = limit_bytes
    for one in packed:
        content = _decompress(one, uri, left)
        if content is not body and len(content) > left:
            raise ObjectUnreadable(uri, EXPANDS_BEYOND.format(limit_bytes))
        left -= len(content)
        bodies.append(content)
    return tuple(bodies)


def _decompress(body: bytes, uri: str, limit_bytes: int) -> bytes:
    if codec := _codec(body):
        return _read_stream(body, codec, uri, limit_bytes)
    _refuse_start_of_magic(body, uri)
    return body


def _codec(body: bytes) -> Codec | None:
    if BZIP2_MAGIC.match(body):
        return "bzip2"
    return next((codec for codec, magics in MAGICS.items() if body.startswith(magics)), None)


def _refuse_start_of_magic(body: bytes, uri: str) -> None:
    """An object cut within its first bytes would otherwise pass for a CSV that is nothing but a header."""
    if len(body) < BZIP2_MAGIC_BYTES and (BZIP2_START.fullmatch(body) or _is_binary_start(body)):
        raise ObjectUnreadable(uri, "a compressed stream is cut short or corrupt within its first bytes")


def _is_binary_start(body: bytes) -> bool:
    """Whether magic bytes begin with this, which is no text."""
    magics = (magic for of_codec in MAGICS.values() for magic in of_codec)
    is_text = body.isascii() and body.decode().isprintable()
    return not is_text and any(magic.startswith(body) for magic in magics)


def _read_stream(body: bytes, codec: Codec, uri: str, limit_bytes: int) -> bytes:
    """The content, but no more of it than one byte beyond the limit."""
    try:
        match codec:
            case "bzip2":
                return read_bzip2(body, limit_bytes + 1)
            case "xz":
                return read_xz(body, limit_bytes + 1)
            case "gzip" | "zstd":
                with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
                    return stream.read(limit_bytes + 1)
    except OSError as error:
        raise ObjectUnreadable(uri, f"the {codec} stream is cut short or corrupt ({error})") from error
