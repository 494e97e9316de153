"""Archives and compressions that are not read are told by their names."""

import gzip
import io
import tarfile

import pytest

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.unpack.compression import unpack, unpack_stream


def tar(body: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("part.ndjson")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return sink.getvalue()


def streamed(body: bytes, chunk_bytes: int) -> list[bytes]:
    chunks = (body[start : start + chunk_bytes] for start in range(0, len(body), chunk_bytes))
    return [b"".join(parts) for parts in unpack_stream(chunks, "s3://b/k", limit_bytes=10**9)]


TAR = tar(b'{"a": 1}\n{"a": 2}\n')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (TAR, "it is a tar archive; upload its files by themselves, or as a zip"),
        (gzip.compress(TAR, mtime=0), "within its gzip it is a tar archive"),
        (gzip.compress(gzip.compress(b"a", mtime=0)), "what its gzip holds is compressed once more"),
        (b"\x04\x22\x4d\x18rest", "it is compressed with lz4, which is not supported; use gzip"),
        (b"\xff\x06\x00\x00sNaPpYrest", "it is compressed with snappy"),
        (b"7z\xbc\xaf\x27\x1crest", "it is a 7z archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("chunk_bytes", [None, 7])
def test_it_is_said_what_the_bytes_are(body: bytes, reason: str, chunk_bytes: int | None) -> None:
    with pytest.raises(ObjectUnreadable, match=reason):
        unpack(body, "s3://b/k") if chunk_bytes is None else streamed(body, chunk_bytes)
