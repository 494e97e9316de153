"""Takes the compression off an object's bytes, before a format is read out of them.

The magic bytes decide: names and Content-Encoding lie, and S3 keeps whatever it was given. Parquet, Avro and Arrow
files carry their own compression inside and have other magic bytes, so they pass through as they are.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.spool import spooled
from ingest_project.objects.unpack.compressed_stream import Codec, decompressed
from ingest_project.objects.unpack.foreign_archives import HEAD_BYTES, foreign_reason
from ingest_project.objects.unpack.zip_archive import ZIP_MAGICS, Member, members

DEFAULT_LIMIT_BYTES = 2 * 1024**3
"""How much one object may expand to: a few KB of gzip can hold a thousand times as much."""

EXPANDS_BEYOND = "it expands to more than {:,} bytes, the limit for one object"
MAX_EXPANSION = 1000
"""How many times its stored bytes a streamed object may expand to: what gzip can do at most, and no real file does."""

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
MAGIC_BYTES = 10
"""As many as the longest of them has, that of bzip2."""
BZIP2_START = re.compile(rb"BZh[1-9](?:1(?:A(?:Y(?:&S?)?)?)?|\x17(?:r(?:E(?:8P?)?)?)?)")


def unpack(body: bytes, uri: str, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> tuple[bytes, ...]:
    """The bytes without their compression: the content of each member of a zip, else one body.

    Taken off are gzip, zstd, bzip2, xz and lzma, of any number of members, frames or streams, and these once more
    within a zip. Other bytes come back as they are. Raises ObjectUnreadable if anything is cut short, corrupt or
    encrypted, if a zip lies within a zip, or if all of it together expands beyond the limit.
    """
    bodies = unpack_within(body, uri, room_bytes=limit_bytes)
    if bodies is None:
        raise ObjectUnreadable(uri, EXPANDS_BEYOND.format(limit_bytes))
    return bodies


def unpack_within(body: bytes, uri: str, *, room_bytes: int) -> tuple[bytes, ...] | None:
    """What `unpack` gives, or None if it has more than so many bytes. What has no compression always has room."""
    if not is_compressed(body):
        _refuse_unreadable(body[:HEAD_BYTES], uri)
        return (body,)
    bodies: list[bytes] = []
    for file in _files(body, uri):
        parts: list[bytes] = []
        for part in file:
            room_bytes -= len(part)
            if room_bytes < 0:
                return None
            parts.append(part)
        bodies.append(parts[0] if len(parts) == 1 else b"".join(parts))
    return tuple(bodies)


def _files(body: bytes, uri: str) -> Iterator[Iterator[bytes]]:
    if body.startswith(ZIP_MAGICS):
        for member in members(BytesIO(body), uri):
            yield _member_content(member, uri)
    else:
        yield _content(ByteSource((body,)), uri)


def unpack_stream(chunks: Iterable[bytes], uri: str, *, stored_bytes: int) -> Iterator[Iterator[bytes]]:
    """What `unpack` gives, as chunks: of each member of a zip, else of one body.

    Each is to be read to its end before the next. A zip goes by a temporary file, as its directory stands at its end.
    Raises ObjectUnreadable as `unpack` does, but the limit grows with the stored bytes: see `expansion_limit`.
    """
    budget = _Budget(expansion_limit(stored_bytes), uri)
    source = ByteSource(chunks)
    if source.peek(MAGIC_BYTES).startswith(ZIP_MAGICS):
        with spooled(source.chunks(), uri) as file:
            for member in members(file, uri):
                yield budget.spend(_member_content(member, uri))
    else:
        yield budget.spend(_content(source, uri))


def expansion_limit(stored_bytes: int) -> int:
    """How many bytes a streamed object of this size may expand to."""
    return max(DEFAULT_LIMIT_BYTES, stored_bytes * MAX_EXPANSION)


def is_compressed(body: bytes) -> bool:
    """Whether magic bytes of a compression or of a zip open these bytes."""
    return body.startswith(ZIP_MAGICS) or _codec(body) is not None


class _Budget:
    """What all members of an object together may still expand to."""

    def __init__(self, limit_bytes: int, uri: str) -> None:
        self._limit_bytes = self._left = limit_bytes
        self._uri = uri

    def spend(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                raise ObjectUnreadable(self._uri, EXPANDS_BEYOND.format(self._limit_bytes))
            yield chunk


def _member_content(member: Member, uri: str) -> Iterator[bytes]:
    source = ByteSource(member.chunks)
    if source.peek(MAGIC_BYTES).startswith(ZIP_MAGICS):
        raise ObjectUnreadable(uri, f"member {member.name} of the zip is a zip itself; upload it unpacked")
    yield from _content(source, uri)


def _content(source: ByteSource, uri: str) -> Iterator[bytes]:
    head = source.peek(MAGIC_BYTES)
    codec = _codec(head)
    if codec is None:
        yield from _looked_at(source.chunks(), lambda start: _refuse_unreadable(start, uri))
        return
    with _faults_of(codec, uri):
        yield from _looked_at(
            decompressed(source, codec), lambda start: _refuse_packed_twice(start, codec, uri)
        )


def _looked_at(chunks: Iterator[bytes], refuse: Callable[[bytes], None]) -> Iterator[bytes]:
    """The chunks as they come, after `refuse` has seen how they begin."""
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
        raise ObjectUnreadable(uri, f"the {codec} stream is cut short or corrupt ({error})") from error


def _codec(body: bytes) -> Codec | None:
    if BZIP2_MAGIC.match(body):
        return "bzip2"
    return next((codec for codec, magics in MAGICS.items() if body.startswith(magics)), None)


def _refuse_packed_twice(head: bytes, codec: Codec, uri: str) -> None:
    if reason := foreign_reason(head):
        raise ObjectUnreadable(uri, f"within its {codec} {reason}")
    if is_compressed(head):
        raise ObjectUnreadable(
            uri, f"what its {codec} holds is compressed once more; upload it compressed once"
        )


def _refuse_unreadable(body: bytes, uri: str) -> None:
    """An object cut within its first bytes would otherwise pass for a CSV that is nothing but a header."""
    if reason := foreign_reason(body):
        raise ObjectUnreadable(uri, reason)
    if len(body) < MAGIC_BYTES and (BZIP2_START.fullmatch(body) or _is_binary_start(body)):
        raise ObjectUnreadable(uri, "a compressed stream is cut short or corrupt within its first bytes")


def _is_binary_start(body: bytes) -> bool:
    """Whether magic bytes begin with this, which is no text."""
    magics = (magic for of_codec in MAGICS.values() for magic in of_codec)
    is_text = body.isascii() and body.decode().isprintable()
    return not is_text and any(magic.startswith(body) for magic in magics)
