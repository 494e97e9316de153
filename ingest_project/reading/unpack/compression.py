"""Removes the compression of an object's bytes before a format is parsed.

The magic bytes decide, because names and Content-Encoding may be wrong, and S3 stores what it receives.
Parquet, Avro and Arrow files are compressed inside and have other magic bytes, so they pass unchanged.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import IO, Final

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.limits import LIMITS, UnpackLimits
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.reading.unpack.compressed_stream import Codec, decompressed
from ingest_project.reading.unpack.foreign_archives import HEAD_BYTES, foreign_reason
from ingest_project.reading.unpack.spool import spooled
from ingest_project.reading.unpack.zip_archive import ZIP_MAGICS, Member, has_members, members

EXPANDS_BEYOND = "it expands to more than {:,} bytes, the limit for one object (batch.max_expanded_bytes)"
ZSTD_SKIPPABLE_MAGIC = tuple(bytes((0x50 + nibble, 0x2A, 0x4D, 0x18)) for nibble in range(16))
"""A zstd file may begin with a skippable frame (RFC 8878, 3.1.2); pzstd writes such files."""
LZMA_ALONE_MAGIC = b"]\x00\x00"
"""The `.lzma` format has no magic bytes, but encoders write these: the usual properties and dictionary size.
"""
MAGICS: Final[dict[Codec, tuple[bytes, ...]]] = {
    "gzip": (b"\x1f\x8b\x08",),
    "zstd": (b"\x28\xb5\x2f\xfd", *ZSTD_SKIPPABLE_MAGIC),
    "xz": (b"\xfd7zXZ\x00", LZMA_ALONE_MAGIC),
}
BZIP2_MAGIC = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
"""The header with the mark of a first block or of an empty stream: a text may begin like the header alone."""
MAGIC_BYTES = 10
"""The length of the longest of them, that of bzip2."""
BZIP2_START = re.compile(rb"BZh[1-9](?:1(?:A(?:Y(?:&S?)?)?)?|\x17(?:r(?:E(?:8P?)?)?)?)")


def unpack(body: bytes, uri: str, *, limit_bytes: int = LIMITS.unpack.object_bytes) -> tuple[bytes, ...]:
    """The bytes without compression: the content of each member of a zip, else one body.

    Removed are gzip, zstd, bzip2, xz and lzma, with any number of members, frames or streams, also within a
    zip. Other bytes are returned as they are. Raises ObjectUnreadable if anything is truncated, corrupt or
    encrypted, if a zip is within a zip, or if all bodies together exceed the limit.
    """
    bodies = unpack_within(body, uri, room_bytes=limit_bytes)
    if bodies is None:
        raise ObjectUnreadable(uri, EXPANDS_BEYOND.format(limit_bytes))
    return bodies


def unpack_within(
    body: bytes, uri: str, *, room_bytes: int, own_zip: Sequence[str] = ()
) -> tuple[bytes, ...] | None:
    """The result of `unpack`, or None if it exceeds `room_bytes`. Bytes without compression never do.

    With `own_zip`, beginnings of names, a zip with such members is a file of its format, not an archive of
    files. Such a file may be in an archive or be compressed itself.
    """
    if not is_compressed(body) or _is_own(BytesIO(body), own_zip):
        _refuse_unreadable(body[:HEAD_BYTES], uri)
        return (body,)
    bodies: list[bytes] = []
    for file in _files(body, uri, own_zip):
        parts: list[bytes] = []
        for part in file:
            room_bytes -= len(part)
            if room_bytes < 0:
                return None
            parts.append(part)
        bodies.append(parts[0] if len(parts) == 1 else b"".join(parts))
    return tuple(bodies)


def _files(body: bytes, uri: str, own_zip: Sequence[str]) -> Iterator[Iterator[bytes]]:
    if body.startswith(ZIP_MAGICS):
        for member in members(BytesIO(body), uri):
            yield _member_content(member, uri, own_zip)
    else:
        yield _content(ByteSource((body,)), uri, own_zip)


def _is_own(file: IO[bytes], own_zip: Sequence[str]) -> bool:
    return bool(own_zip) and has_members(file, own_zip)


def unpack_stream(
    chunks: Iterable[bytes], uri: str, *, limit_bytes: int, own_zip: Sequence[str] = ()
) -> Iterator[Iterator[bytes]]:
    """The result of `unpack` as chunks: those of each member of a zip, else of one body.

    Each must be read to its end before the next. A zip is written to a temporary file, because its directory
    is at its end. Raises ObjectUnreadable as `unpack` does.
    """
    budget = _Budget(limit_bytes, uri)
    source = ByteSource(chunks)
    if source.peek(MAGIC_BYTES).startswith(ZIP_MAGICS):
        with spooled(source.chunks(), uri) as file:
            if _is_own(file, own_zip):
                yield iter(partial(file.read, LIMITS.step.chunk_bytes), b"")
                return
            for member in members(file, uri):
                yield budget.spend(_member_content(member, uri, own_zip))
    else:
        yield budget.spend(_content(source, uri, own_zip))


def expansion_limit(stored_bytes: int, limits: UnpackLimits) -> int:
    """The number of bytes to which a streamed object of this size may expand."""
    return max(limits.object_bytes, stored_bytes * limits.expansion)


def is_compressed(body: bytes) -> bool:
    """Whether these bytes begin with the magic bytes of a compression or of a zip."""
    return body.startswith(ZIP_MAGICS) or _codec(body) is not None


class _Budget:
    """The bytes to which all members of an object together may still expand."""

    def __init__(self, limit_bytes: int, uri: str) -> None:
        self._limit_bytes = self._left = limit_bytes
        self._uri = uri

    def spend(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                raise ObjectUnreadable(self._uri, EXPANDS_BEYOND.format(self._limit_bytes))
            yield chunk


def _member_content(member: Member, uri: str, own_zip: Sequence[str]) -> Iterator[bytes]:
    source = ByteSource(member.chunks)
    if source.peek(MAGIC_BYTES).startswith(ZIP_MAGICS) and not own_zip:
        raise ObjectUnreadable(uri, f"member {member.name} of the zip is itself a zip; upload it unpacked")
    yield from _content(source, uri, own_zip)


def _content(source: ByteSource, uri: str, own_zip: Sequence[str]) -> Iterator[bytes]:
    head = source.peek(MAGIC_BYTES)
    codec = _codec(head)
    if codec is None:
        yield from _looked_at(source.chunks(), lambda start: _refuse_unreadable(start, uri))
        return
    with _faults_of(codec, uri):
        yield from _looked_at(
            decompressed(source, codec), lambda start: _refuse_packed_twice(start, codec, uri, own_zip)
        )


def _looked_at(chunks: Iterator[bytes], refuse: Callable[[bytes], None]) -> Iterator[bytes]:
    """The chunks as they arrive, after `refuse` has checked their first bytes."""
    first: list[bytes] = []
    while sum(map(len, first)) < HEAD_BYTES and (chunk := next(chunks, None)) is not None:
        first.append(chunk)
    refuse(b"".join(first)[:HEAD_BYTES])
    while first:
        yield first.pop(0)
    yield from chunks


@contextmanager
def _faults_of(codec: Codec, uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ObjectUnreadable(uri, f"the {codec} stream is truncated or corrupt ({error})") from error


def _codec(body: bytes) -> Codec | None:
    if BZIP2_MAGIC.match(body):
        return "bzip2"
    return next((codec for codec, magics in MAGICS.items() if body.startswith(magics)), None)


def _refuse_packed_twice(head: bytes, codec: Codec, uri: str, own_zip: Sequence[str]) -> None:
    if own_zip and head.startswith(ZIP_MAGICS):
        return
    if reason := foreign_reason(head):
        raise ObjectUnreadable(uri, f"within its {codec} {reason}")
    if is_compressed(head):
        raise ObjectUnreadable(
            uri, f"what its {codec} holds is compressed once more; upload it compressed once"
        )


def _refuse_unreadable(body: bytes, uri: str) -> None:
    """Refuses other archives, and an object truncated within its first bytes, which may look like a CSV
    header.
    """
    if reason := foreign_reason(body):
        raise ObjectUnreadable(uri, reason)
    if len(body) < MAGIC_BYTES and (BZIP2_START.fullmatch(body) or _is_binary_start(body)):
        raise ObjectUnreadable(uri, "a compressed stream is truncated or corrupt within its first bytes")


def _is_binary_start(body: bytes) -> bool:
    """Whether magic bytes begin with this, and it is not text."""
    magics = (magic for of_codec in MAGICS.values() for magic in of_codec)
    is_text = body.isascii() and body.decode().isprintable()
    return not is_text and any(magic.startswith(body) for magic in magics)
