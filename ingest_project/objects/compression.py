"""Takes the compression off an object's bytes, before a format is read out of them.

The magic bytes decide: names lie, and S3 keeps whatever it was given. Parquet, Avro and Arrow files carry their
own compression inside and have other magic bytes, so they pass through as they are.
"""

from typing import Literal

import pyarrow as pa

from ingest_project.errors import ObjectUnreadable

DEFAULT_LIMIT_BYTES = 2 * 1024**3
"""How much one object may expand to: a few KB of gzip can hold a thousand times as much."""

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE_MAGIC = tuple(bytes((0x50 + nibble, 0x2A, 0x4D, 0x18)) for nibble in range(16))
"""A zstd file may open with a frame to skip (RFC 8878, 3.1.2); pzstd writes such files."""
COMPRESSED_SUFFIXES = (".gz", ".zst")


def decompress(body: bytes, uri: str, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> bytes:
    """The bytes without gzip or zstd, of any number of members or frames; other bytes come back as they are.

    Raises ObjectUnreadable if the stream is cut short or corrupt, if it expands beyond the limit, or if the name
    promises a compression that the bytes do not have while they are no text either.
    """
    codec = _codec(body)
    if codec is not None:
        return _read_stream(body, codec, uri, limit_bytes)
    if uri.endswith(COMPRESSED_SUFFIXES) and b"\x00" in body[:64]:
        raise ObjectUnreadable(
            uri, "its name says that it is compressed, its bytes are neither gzip nor zstd"
        )
    return body


def _codec(body: bytes) -> Literal["gzip", "zstd"] | None:
    if body.startswith(GZIP_MAGIC):
        return "gzip"
    if body.startswith((ZSTD_MAGIC, *ZSTD_SKIPPABLE_MAGIC)):
        return "zstd"
    return None


def _read_stream(body: bytes, codec: Literal["gzip", "zstd"], uri: str, limit_bytes: int) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise ObjectUnreadable(uri, f"the {codec} stream is cut short or corrupt ({error})") from error
    if len(content) > limit_bytes:
        raise ObjectUnreadable(
            uri, f"it expands to more than {limit_bytes:,} bytes, the limit for one object"
        )
    return content
