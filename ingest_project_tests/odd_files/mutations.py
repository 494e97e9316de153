"""Changes files at random, in ways that parsers trip over."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import OddFile
from ingest_project_tests.reading.archives import COMPRESSIONS

TOKENS = (
    b'"', b"'", b",", b";", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"{", b"}",
    b"[", b"]", b":", b"\\",
    b'""', b"null", b"NaN", b"-", b"1e999", b"9" * 40, b"0", b"true", rb"\ud800", rb"\u0000", b"#", b" ",
    b"\t", b'{"n":', b'"n": 1',
    b"\xed\xa0\x80", b"\xe2\x80\xa8", b"2026-02-30", b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1", b"Obj\x01",
    b"ARROW1", b"\xff" * 8, b"\x7f" * 4,
)  # fmt: skip
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)
Mutate = Callable[[bytearray, Random], None]


def _flip(body: bytearray, rng: Random) -> None:
    if body:
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)


def _set(body: bytearray, rng: Random) -> None:
    if body:
        body[rng.randrange(len(body))] = rng.choice(NUMBERS)


def _insert(body: bytearray, rng: Random) -> None:
    place = rng.randint(0, len(body))
    body[place:place] = rng.choice(TOKENS)


def _overwrite(body: bytearray, rng: Random) -> None:
    token, place = rng.choice(TOKENS), rng.randint(0, len(body))
    body[place : place + len(token)] = token


def _delete(body: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(body))
    del body[start : start + rng.choice([1, 1, 2, 8, 64])]


def _cut(body: bytearray, rng: Random) -> None:
    del body[rng.randint(0, len(body)) :]


def _repeat(body: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(body))
    part = bytes(body[start : start + rng.randint(1, 200)])
    place = rng.randint(0, len(body))
    body[place:place] = part * rng.choice([1, 2, 50])


def _swap(body: bytearray, rng: Random) -> None:
    lines = bytes(body).split(b"\n")
    rng.shuffle(lines)
    body[:] = b"\n".join(lines)


MUTATIONS: Sequence[Mutate] = (
    _flip,
    _flip,
    _set,
    _insert,
    _insert,
    _overwrite,
    _delete,
    _cut,
    _repeat,
    _swap,
)
PACKED: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, **COMPRESSIONS}


def mutated(file: OddFile, corpus: Mapping[TableFormat, Sequence[OddFile]], rng: Random) -> OddFile:
    """The file after some changes; now and then packed, or put together with another."""
    body = bytearray(file.body)
    if rng.random() < 0.1:
        body += rng.choice(corpus[file.format]).body
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        rng.choice(MUTATIONS)(body, rng)
    packed = rng.choice(list(PACKED.values()))(bytes(body)) if rng.random() < 0.1 else bytes(body)
    return replace(file, body=packed, lines=(), fate="either", is_lax=True)
