"""Decompresses the first part of an object, up to a limit."""

from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.reading.unpack.compressed_stream import Codec, decompressed
from ingest_project.reading.unpack.compression import BZIP2_MAGIC, MAGICS
from ingest_project.settings.wording import clipped


@dataclass(frozen=True, slots=True)
class Expanded:
    """Decompressed content; `is_whole` if it is complete. `codec` is None if there was no compression."""

    body: bytes = field(repr=False)
    codec: Codec | None
    is_whole: bool


def expand(body: bytes, uri: str, *, is_whole: bool, limit_bytes: int) -> Expanded:
    """The content of these first bytes of an object, at most `limit_bytes` of it.

    Raises ObjectUnreadable if the object is whole and yet truncated or corrupt, or if nothing of it can be
    read.
    """
    codec = codec_of(body)
    if codec is None:
        return Expanded(body[:limit_bytes], None, is_whole and len(body) <= limit_bytes)
    content, fault = bytearray(), None
    try:
        for part in decompressed(ByteSource((body,)), codec):
            content += part
            if len(content) > limit_bytes:
                break
    except OSError as error:
        fault = clipped(str(error), 200)
    if fault is not None and (is_whole or not content):
        raise ObjectUnreadable(uri, f"the {codec} stream is truncated or corrupt ({fault})")
    return Expanded(bytes(content[:limit_bytes]), codec, is_whole and len(content) <= limit_bytes)


def codec_of(body: bytes) -> Codec | None:
    """The compression that the magic bytes tell, except zip; None if there is none."""
    if BZIP2_MAGIC.match(body):
        return "bzip2"
    return next((codec for codec, magics in MAGICS.items() if body.startswith(magics)), None)
