import gzip
from collections.abc import Callable

import pyarrow as pa
import pytest

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.compression import decompress

TEXT = b'{"a":1}\n' * 1000


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_magic_bytes_decide_not_the_name(compress: Callable[[bytes], bytes]) -> None:
    assert decompress(compress(TEXT), "s3://b/plain.ndjson") == TEXT


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_members_and_frames_follow_each_other(compress: Callable[[bytes], bytes]) -> None:
    assert decompress(compress(b"one\n") + compress(b"") + compress(b"two\n"), "s3://b/k") == b"one\ntwo\n"


def test_zstd_may_open_with_a_frame_to_skip() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"meta"

    assert decompress(skippable + zstd(TEXT), "s3://b/k") == TEXT


@pytest.mark.parametrize("body", [b"", b"\n", b'{"a":1}', b"PAR1...", b"Obj\x01...", b"ARROW1..."])
def test_other_bytes_come_back_untouched(body: bytes) -> None:
    assert decompress(body, "s3://b/k.ndjson") is body


def test_plain_text_in_a_compressed_name_is_taken_as_text() -> None:
    assert decompress(TEXT, "s3://b/k.ndjson.gz") == TEXT


def test_binary_in_a_compressed_name_is_unreadable() -> None:
    with pytest.raises(ObjectUnreadable, match="neither gzip nor zstd"):
        decompress(b"PK\x03\x04\x00\x00", "s3://b/k.ndjson.gz")


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
@pytest.mark.parametrize("cut", [1, 4, 8, 15])
def test_a_stream_cut_short_is_unreadable(compress: Callable[[bytes], bytes], cut: int) -> None:
    with pytest.raises(ObjectUnreadable, match="cut short or corrupt"):
        decompress(compress(TEXT)[:-cut], "s3://b/k")


def test_a_corrupt_stream_is_unreadable() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-6] ^= 0xFF

    with pytest.raises(ObjectUnreadable, match="cut short or corrupt"):
        decompress(bytes(body), "s3://b/k")


def test_junk_behind_the_stream_is_unreadable() -> None:
    with pytest.raises(ObjectUnreadable):
        decompress(zstd(TEXT) + b"junk junk", "s3://b/k")


def test_expansion_stops_at_the_limit() -> None:
    assert len(decompress(gzip.compress(bytes(1000)), "s3://b/k", limit_bytes=1000)) == 1000
    with pytest.raises(ObjectUnreadable, match=r"more than 999 bytes"):
        decompress(gzip.compress(bytes(1000)), "s3://b/k", limit_bytes=999)
