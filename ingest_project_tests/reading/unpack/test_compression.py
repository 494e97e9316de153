import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.errors import ObjectUnavailable, ObjectUnreadable
from ingest_project.reading.limits import UnpackLimits
from ingest_project.reading.unpack.compression import expansion_limit, unpack, unpack_stream
from ingest_project_tests.reading.archives import COMPRESSIONS, STREAMS, zstd

TEXT = b'{"a":1}\n' * 1000
Compress = Callable[[bytes], bytes]


@pytest.fixture(params=COMPRESSIONS.values(), ids=list(COMPRESSIONS))
def compress(request: pytest.FixtureRequest) -> Compress:
    chosen: Compress = request.param
    return chosen


@pytest.fixture(params=STREAMS.values(), ids=list(STREAMS))
def compress_stream(request: pytest.FixtureRequest) -> Compress:
    chosen: Compress = request.param
    return chosen


@pytest.mark.parametrize("name", ["plain.ndjson", "wrong.ndjson.gz", "wrong.zip", "wrong.bz2"])
def test_magic_bytes_decide_not_the_name(compress: Compress, name: str) -> None:
    assert unpack(compress(TEXT), f"s3://b/{name}") == (TEXT,)


def test_members_frames_and_streams_follow_each_other(compress_stream: Compress) -> None:
    body = compress_stream(b"one\n") + compress_stream(b"") + compress_stream(b"two\n")

    assert unpack(body, "s3://b/k") == (b"one\ntwo\n",)


def test_nothing_compressed_is_nothing(compress: Compress) -> None:
    assert unpack(compress(b""), "s3://b/k") == (b"",)


def test_zstd_may_open_with_a_frame_to_skip() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"meta"

    assert unpack(skippable + zstd(TEXT), "s3://b/k") == (TEXT,)


def test_xz_streams_may_be_padded_in_fours() -> None:
    assert unpack(lzma.compress(b"one\n") + bytes(8) + lzma.compress(b"two\n"), "s3://b/k") == (
        b"one\ntwo\n",
    )
    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(lzma.compress(TEXT) + bytes(3), "s3://b/k")


@pytest.mark.parametrize("zeros", [1, 4, 512, 300_000])
def test_zero_bytes_behind_gzip_are_passed_over(zeros: int) -> None:
    body = gzip.compress(TEXT) + gzip.compress(b"") + bytes(zeros)

    streamed = unpack_stream((body[:9], body[9:20], body[20:]), "s3://b/k", limit_bytes=10**9)

    assert unpack(body, "s3://b/k") == (TEXT,)
    assert b"".join(chain.from_iterable(streamed)) == TEXT


@pytest.mark.parametrize(
    "behind", [b"\0\0garbage", b"garbage", bytes(512) + gzip.compress(TEXT), bytes(300_000) + b"x"]
)
def test_something_else_behind_gzip_is_not_passed_over(behind: bytes) -> None:
    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(gzip.compress(TEXT) + behind, "s3://b/k")


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"(", b'{"a":1}', b"PAR1...", b"Obj\x01...", b"ARROW1...", b"BZh9", b"BZh9,a\n1,2\n", b"]"],
)
@pytest.mark.parametrize("name", ["k.ndjson", "k.ndjson.gz"])
def test_other_bytes_come_back_untouched(body: bytes, name: str) -> None:
    (content,) = unpack(body, f"s3://b/{name}")

    assert content is body


def test_a_stream_cut_short_is_unreadable_wherever_it_is_cut(compress: Compress) -> None:
    body = compress(TEXT)
    text_like = {b"B", b"BZ", b"BZh", b"BZh9", b"(", b"]", b"P", b"PK", b"PK\x03"}
    for end in range(1, len(body)):
        if body[:end] in text_like:
            continue
        with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
            unpack(body[:end], "s3://b/k")


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zip"])
def test_a_stream_with_a_changed_byte_is_unreadable(name: str) -> None:
    body = bytearray(COMPRESSIONS[name](bytes(range(256)) * 20))
    body[len(body) // 2] ^= 0xFF

    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(bytes(body), "s3://b/k")


def test_junk_behind_the_stream_is_unreadable(compress_stream: Compress) -> None:
    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(compress_stream(TEXT) + b"junk junk", "s3://b/k")


def test_expansion_stops_at_the_limit(compress: Compress) -> None:
    body = compress(bytes(1000))

    assert [len(content) for content in unpack(body, "s3://b/k", limit_bytes=1000)] == [1000]
    with pytest.raises(ObjectUnreadable, match=r"more than 999 bytes"):
        unpack(body, "s3://b/k", limit_bytes=999)


def test_streams_together_stop_at_the_limit(compress_stream: Compress) -> None:
    body = compress_stream(bytes(600)) * 3

    assert unpack(body, "s3://b/k", limit_bytes=1800) == (bytes(1800),)
    with pytest.raises(ObjectUnreadable, match=r"more than 1,799 bytes"):
        unpack(body, "s3://b/k", limit_bytes=1799)


def test_xz_may_not_ask_for_any_memory() -> None:
    body = bytearray(lzma.compress(TEXT))
    # The dictionary's size is one byte of the block's header (the .xz file format, 5.3.1); 38 is 2 GB.
    body[16] = 38
    body[20:24] = zlib.crc32(body[12:20]).to_bytes(4, "little")

    with pytest.raises(ObjectUnreadable, match="Memory usage limit exceeded"):
        unpack(bytes(body), "s3://b/k")


@settings(max_examples=60)
@given(
    name=st.sampled_from(["gzip", "zstd", "bzip2", "xz", "lzma", "zip"]),
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), max_size=4),
)
def test_damage_is_an_error_or_content_but_nothing_else(
    name: str, parts: list[bytes], changes: list[tuple[int, int]]
) -> None:
    body = bytearray(b"".join(COMPRESSIONS[name](part) for part in parts))
    for position, change in changes:
        body[position % len(body)] ^= change

    try:
        contents = unpack(bytes(body), "s3://b/k", limit_bytes=10_000)
    except ObjectUnreadable:
        return

    assert changes or name == "zip" or contents == (b"".join(parts),)


def streamed(body: bytes, chunk_bytes: int, *, limit_bytes: int = 10**9) -> tuple[bytes, ...]:
    """What a stream of these bytes gives."""
    chunks = (body[start : start + chunk_bytes] for start in range(0, len(body), chunk_bytes))
    return tuple(b"".join(file) for file in unpack_stream(chunks, "s3://b/k", limit_bytes=limit_bytes))


@settings(max_examples=100)
@given(
    name=st.sampled_from(["none", *COMPRESSIONS]),
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), max_size=2),
    kept=st.integers(1, 2000),
    chunk_bytes=st.integers(1, 300),
)
def test_a_stream_gives_what_the_whole_gives_and_fails_where_it_fails(
    name: str, parts: list[bytes], changes: list[tuple[int, int]], kept: int, chunk_bytes: int
) -> None:
    body = bytearray(b"".join(COMPRESSIONS.get(name, bytes)(part) for part in parts))
    for position, change in changes:
        if body:
            body[position % len(body)] ^= change
    stored = bytes(body[:kept])
    try:
        expected = unpack(stored, "s3://b/k")
    except ObjectUnreadable:
        with pytest.raises(ObjectUnreadable):
            streamed(stored, chunk_bytes)
        return

    assert streamed(stored, chunk_bytes) == expected


def test_a_stream_stops_at_a_limit_that_grows_with_its_size(compress: Compress) -> None:
    body = compress(bytes(3_000_000))
    enough = UnpackLimits(object_bytes=1000, expansion=3_000_000 // len(body) + 1)
    limit_bytes = expansion_limit(len(body), enough)
    assert limit_bytes >= 3_000_000
    assert streamed(body, 100, limit_bytes=limit_bytes) == (bytes(3_000_000),)

    too_little = UnpackLimits(object_bytes=1000, expansion=3_000_000 // len(body) - 1)
    with pytest.raises(ObjectUnreadable, match="the limit for one object"):
        streamed(body, 100, limit_bytes=expansion_limit(len(body), too_little))


def test_a_stream_that_s3_breaks_off_is_no_fault_of_the_object(compress: Compress) -> None:
    body = compress(bytes(range(256)) * 100)

    def chunks() -> Iterator[bytes]:
        yield body[:50]
        raise ObjectUnavailable("s3://b/k", "gone away")

    files = unpack_stream(chunks(), "s3://b/k", limit_bytes=10**9)

    with pytest.raises(ObjectUnavailable, match="gone away"):
        list(chain.from_iterable(files))
