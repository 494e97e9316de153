"""Compressed files that are cut short, corrupt, put together or packed twice."""

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import Maker, OddFile
from ingest_project_tests.reading.archives import COMPRESSIONS, zipped, zstd

Pack = Callable[[bytes], bytes]


def _encrypted(body: bytes) -> bytes:
    packed = bytearray(zipped({"part": body}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def _mac(body: bytes) -> bytes:
    added = {"__MACOSX/data/._part": b"\0\x05\x16\x07Mac", "data/.DS_Store": b"\0\0\0\x01Bud1"}
    return zipped({"data/": b"", "data/part": body, **added})


def _tar(body: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("part")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return sink.getvalue()


def _halves(body: bytes, pack: Pack) -> bytes:
    return pack(body[: len(body) // 2]) + pack(body[len(body) // 2 :])


WHOLE: Mapping[str, Pack] = {
    **COMPRESSIONS,
    "two gzip members": lambda body: _halves(body, gzip.compress),
    "two zstd frames": lambda body: _halves(body, zstd),
    "two xz streams": lambda body: _halves(body, lzma.compress) + b"\0" * 8,
    "an empty gzip member": lambda body: gzip.compress(b"") + gzip.compress(body),
    "a skippable zstd frame": lambda body: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(body),
    "a zip with what macOS adds": _mac,
    "a zip of a gzip": lambda body: zipped({"part.gz": gzip.compress(body)}),
    "a stored zip": lambda body: zipped({"part": body}, zipfile.ZIP_STORED),
    "a zip with lzma": lambda body: zipped({"part": body}, zipfile.ZIP_LZMA),
    "a zip with bzip2": lambda body: zipped({"part": body}, zipfile.ZIP_BZIP2),
}
BROKEN: Mapping[str, Pack] = {
    "an encrypted zip": _encrypted,
    "a zip of zips": lambda body: zipped({"inner.zip": zipped({"part": body})}),
    "a zip without its directory": lambda body: zipped({"part": body})[:-30],
    "gzip with garbage behind": lambda body: gzip.compress(body) + b"garbage, not a member",
    "xz with garbage behind": lambda body: lzma.compress(body) + b"garbage",
    "a tar": _tar,
    "a tar in gzip": lambda body: gzip.compress(_tar(body)),
    "lz4": lambda body: b"\x04\x22\x4d\x18" + body,
    "nothing but the magic": lambda _: b"\x1f\x8b\x08",
    "xz that asks for 4 GB": lambda _: b"]\x00\x00\xff\xff" + b"\xff" * 8 + b"\0" * 20,
}
EITHER: Mapping[str, Pack] = {
    "gzip with zeros behind": lambda body: gzip.compress(body) + b"\0" * 512,
    "gzip in gzip": lambda body: gzip.compress(gzip.compress(body)),
}


def packed(maker: Maker, kind: str, pack: Pack) -> Maker:
    def make(rng: Random) -> OddFile:
        file = maker(rng)
        return replace(file, kind=kind, body=pack(file.body))

    return make


def failing(maker: Maker, pack: Pack) -> Maker:
    def make(rng: Random) -> OddFile:
        file = maker(rng)
        return replace(file, kind="broken container", body=pack(file.body), fate="fails")

    return make


def cut(maker: Maker, pack: Pack) -> Maker:
    def make(rng: Random) -> OddFile:
        file = maker(rng)
        body = pack(file.body)
        quarter = len(body) * rng.randint(1, 3) // 4
        end = max(rng.choice([quarter, quarter, len(body) - 1]), 3)
        return replace(file, kind="cut short", body=body[:end], fate="fails")

    return make


def flipped(maker: Maker, pack: Pack, *, has_checksum: bool) -> Maker:
    def make(rng: Random) -> OddFile:
        file = maker(rng)
        body = bytearray(pack(file.body))
        for _ in range(rng.choice([1, 1, 4])):
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        # Bits without a meaning, such as those of a time, may be flipped; else a checksum or the magic tells.
        return replace(file, kind="flipped bits", body=bytes(body), fate="either", is_lax=not has_checksum)

    return make


def bomb(file_format: TableFormat) -> Maker:
    def make(_rng: Random) -> OddFile:
        sink = io.BytesIO()
        with gzip.GzipFile(fileobj=sink, mode="wb") as packing:
            for _ in range(20):
                packing.write(b"\0" * 1024**2)
        return OddFile(file_format, "a bomb", sink.getvalue(), fate="either", is_lax=True)

    return make


def container_kinds(clean: Maker, file_format: TableFormat) -> dict[str, Maker]:
    """All containers of this file."""
    found = {
        name: packed(clean, "container", pack) for name, pack in WHOLE.items() if _cuts(name, file_format)
    }
    found |= {name: failing(clean, pack) for name, pack in BROKEN.items()}
    found |= {name: packed(_either(clean), "container", pack) for name, pack in EITHER.items()}
    for name, pack in COMPRESSIONS.items():
        if name == "lzma":  # which has no checksum
            continue
        found |= {f"{name} cut {number}": cut(clean, pack) for number in range(3)}
        found |= {
            f"{name} flipped {number}": flipped(clean, pack, has_checksum=name != "zstd")
            for number in range(3)
        }
    return found | {"a bomb": bomb(file_format)}


def _cuts(name: str, file_format: TableFormat) -> bool:
    """A document or a file with a schema may be put together of two streams as well as text may."""
    return bool(name) and file_format != "binary"


def _either(maker: Maker) -> Maker:
    return lambda rng: replace(maker(rng), fate="either")
