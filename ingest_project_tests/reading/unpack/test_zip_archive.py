import gzip
import io
import tracemalloc
import zipfile

import pytest

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.limits import Limits, UnpackLimits
from ingest_project.reading.unpack import zip_archive
from ingest_project.reading.unpack.compression import unpack
from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import read, values

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
def test_each_member_is_a_body_and_directories_are_none(method: int) -> None:
    body = zipped(
        {"d/": b"", "d/one": b"1" * 9999, "two": b"", "__MACOSX/._two": b"\x00\x05", "d/.DS_Store": b"\x00"},
        method,
    )

    assert unpack(body, "s3://b/k") == (b"1" * 9999, b"")


def test_an_archive_without_members_has_no_body() -> None:
    assert unpack(zipped({}), "s3://b/k") == ()


def test_a_member_may_be_compressed_itself() -> None:
    assert unpack(zipped({"one.gz": gzip.compress(b"1\n"), "two": b"2\n"}), "s3://b/k") == (b"1\n", b"2\n")


def test_the_rows_of_all_members_are_the_object_s() -> None:
    body = zipped({"one": b'{"a":1}\n{"a":2}', "empty": b"", "two": b'{"a":3}\n'})

    result = read(b'{"a":0}', body, zipped({}), b'{"a":4}', columns={"a": "long"})

    assert list(result.rows.values()) == [1, 3, 0, 1]
    assert values(result, "a") == [0, 1, 2, 3, 4]
    assert values(result, "_source_version") == ["v0", "v1", "v1", "v1", "v3"]


@pytest.mark.parametrize("file_format", ["ndjson", "json", "csv", "parquet", "avro", "ipc"])
def test_an_archive_without_members_has_no_rows_in_any_format(file_format: str) -> None:
    result = read(zipped({}), file_format=file_format)  # type: ignore[arg-type]

    assert (list(result.rows.values()), result.failures) == ([0], ())


def test_one_bad_member_fails_its_object() -> None:
    result = read(zipped({"one": b'{"a":1}', "two": b"x"}), b'{"a":2}', columns={"a": "long"})

    assert [failure.object.key for failure in result.failures] == ["0"]
    assert values(result, "a") == [2]


def test_a_zip_within_a_zip_is_refused() -> None:
    with pytest.raises(ObjectUnreadable, match=r"member 'in.zip' of the zip is itself a zip"):
        unpack(zipped({"in.zip": zipped({"a": b"1"})}), "s3://b/k")


def test_an_encrypted_member_is_refused() -> None:
    body = bytearray(zipped({"secret": b"1"}))
    body[6] |= 1  # the flag in the member's own header
    body[body.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(ObjectUnreadable, match="member 'secret' of the zip is encrypted"):
        unpack(bytes(body), "s3://b/k")


@pytest.mark.parametrize("method", METHODS)
def test_members_together_stop_at_the_limit(method: int) -> None:
    body = zipped({"a": bytes(600), "b": bytes(600)}, method)

    assert unpack(body, "s3://b/k", limit_bytes=1200) == (bytes(600), bytes(600))
    with pytest.raises(ObjectUnreadable, match=r"more than 1,199 bytes"):
        unpack(body, "s3://b/k", limit_bytes=1199)


@pytest.mark.parametrize("method", METHODS)
def test_no_more_of_a_bomb_is_expanded_than_the_limit_allows(method: int) -> None:
    body = zipped({"a": bytes(200 * 1024**2)}, method)

    tracemalloc.start()
    try:
        with pytest.raises(ObjectUnreadable, match="the limit for one object"):
            unpack(body, "s3://b/k", limit_bytes=1024**2)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 100 * 1024**2


@pytest.mark.parametrize("method", METHODS)
def test_a_member_whose_checksum_is_wrong_is_refused(method: int) -> None:
    body = bytearray(zipped({"a": b"1" * 100}, method))
    for header, place in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        body[body.index(header) + place] ^= 1

    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(bytes(body), "s3://b/k")


def test_what_compressed_members_hold_counts_towards_the_limit() -> None:
    body = zipped({"a.gz": gzip.compress(bytes(600)), "b": bytes(600)})

    with pytest.raises(ObjectUnreadable, match=r"more than 1,199 bytes"):
        unpack(body, "s3://b/k", limit_bytes=1199)


def test_an_archive_of_too_many_members_is_refused_before_it_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zip_archive, "LIMITS", Limits(unpack=UnpackLimits(zip_members=3)))

    assert len(unpack(zipped(dict.fromkeys("abc", b"")), "s3://b/k")) == 3
    with pytest.raises(ObjectUnreadable, match="more than 3 members"):
        unpack(zipped(dict.fromkeys("abcd", b"")), "s3://b/k")


def test_a_size_that_lies_is_found_out() -> None:
    body = bytearray(zipped({"a": b"1" * 100}, zipfile.ZIP_STORED))
    entry = body.index(b"PK\x01\x02")
    body[entry + 24 : entry + 28] = (50).to_bytes(4, "little")

    with pytest.raises(ObjectUnreadable, match="truncated or corrupt"):
        unpack(bytes(body), "s3://b/k")


def test_a_compression_that_nobody_here_knows_is_refused() -> None:
    body = bytearray(zipped({"a": b"1" * 100}))
    body[8] = 9  # deflate64
    body[body.index(b"PK\x01\x02") + 10] = 9

    with pytest.raises(ObjectUnreadable, match="compression"):
        unpack(bytes(body), "s3://b/k")


def test_an_archive_written_as_a_stream_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("a", b"1\n" * 100)

    assert unpack(pipe.getvalue(), "s3://b/k") == (b"1\n" * 100,)
