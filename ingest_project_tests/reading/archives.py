"""Compresses test content the way other programs do."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping

import pyarrow as pa


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def lzma_alone(content: bytes) -> bytes:
    return lzma.compress(content, format=lzma.FORMAT_ALONE)


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members, in this order; a name that ends in `/` is a directory."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return archive.getvalue()


STREAMS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lzma_alone,
}
COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    **STREAMS,
    "zip": lambda content: zipped({"part": content}),
}
