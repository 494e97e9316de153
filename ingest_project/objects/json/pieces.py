"""Cuts JSON documents into NDJSON: an array of objects, one object, or several of either one after the other.

Firehose writes objects without anything between them; APIs are dumped as one array, often indented; files put together
have a byte order mark between them. The elements'
text is kept as it is, so numbers keep their digits. What an element holds is its reader's business: that it is an
object, and no broken one.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.content import Oversized
from ingest_project.objects.example import example_of
from ingest_project.objects.json.value_ends import JsonText, LongValue, long_value
from ingest_project.objects.piece import Limits, Piece

LAYOUT = bytes.maketrans(b"\r\n", b"  ")
"""JSON allows no line end within a string, so each one is mere layout."""

CHUNK_BYTES = 1024**2

Value = bytes | LongValue


def json_pieces(chunks: Iterable[bytes], path: Sequence[str], limits: Limits, uri: str) -> Iterator[Piece]:
    """The documents' objects, one a line: at the top, or the array or object under a path of keys in each of those.

    A line is numbered as its object is, from 1. A null under the path is an empty array, as some programs write one.
    Of a key that an object has twice the first counts. Raises ObjectUnreadable if the text does not divide into
    values, or has nothing under the path.
    """
    text = JsonText(chunks, uri, record_bytes=limits.record_bytes)
    lines = _Lines()
    for values in _rows(text, path, uri):
        for value in _limited(values, limits.record_bytes):
            if isinstance(value, LongValue):
                yield lines.piece(Oversized(lines.number, value.size_bytes, value.start))
            else:
                lines.add(value)
                if lines.size_bytes >= limits.piece_bytes:
                    yield lines.piece()
    if lines.size_bytes:
        yield lines.piece()


def _limited(values: list[Value], record_bytes: int) -> Iterator[list[bytes] | LongValue]:
    """The values together, but for those that are too long."""
    short: list[bytes] = []
    for value in values:
        if isinstance(value, bytes) and len(value) <= record_bytes:
            short.append(value)
            continue
        if short:
            yield short
        short = []
        yield long_value(value) if isinstance(value, bytes) else value
    if short:
        yield short


class _Lines:
    """Values on their way to become a piece."""

    def __init__(self) -> None:
        self.number = 1
        """That of the next value."""
        self.size_bytes = 0
        self._first_number = 1
        self._texts: list[bytes] = []

    def add(self, values: list[bytes]) -> None:
        """Put each value on a line, behind the others."""
        text = b"\n".join(values)
        if text.count(b"\n") >= len(values) or b"\r" in text:
            text = b"\n".join([value.translate(LAYOUT) for value in values])
        self._texts += (text, b"\n")
        self.size_bytes += len(text) + 1
        self.number += len(values)

    def piece(self, oversized: Oversized | None = None) -> Piece:
        """A piece of what was added since the last one; `oversized` has the number of the next value."""
        piece = Piece(b"".join(self._texts), self._first_number, oversized)
        self._texts.clear()
        self.size_bytes = 0
        self.number += oversized is not None
        self._first_number = self.number
        return piece


def as_ndjson(body: bytes, path: Sequence[str], uri: str) -> bytes:
    """All of these objects, one a line, of a document that is held in memory as it is."""
    chunks = (body[start : start + CHUNK_BYTES] for start in range(0, len(body), CHUNK_BYTES))
    limits = Limits(piece_bytes=CHUNK_BYTES, record_bytes=sys.maxsize)
    return b"".join(piece.body for piece in json_pieces(chunks, path, limits, uri))


def _rows(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    while opening := text.next_byte():
        if opening == b"[":
            yield from _elements(text, path, uri)
        elif opening == b"{":
            yield from (_row(text, path, uri) if path else _objects(text))
        elif not text.pass_over_mark():
            raise _no_object(text, uri)


def _objects(text: JsonText) -> Iterator[list[Value]]:
    """The objects that come next, or one that is not here as a whole, or nests too deep to be seen with others."""
    yield [*text.objects()] or [text.value()]


def _no_object(text: JsonText, uri: str) -> ObjectUnreadable:
    value = text.value()
    try:
        shown = example_of(
            value.decode() if isinstance(value, bytes) else value.start.decode(errors="replace")
        )
    except UnicodeDecodeError:
        return ObjectUnreadable(uri, "it is no UTF-8 text")
    return ObjectUnreadable(uri, f"it holds {shown} where an object should be")


def _row(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    """The next value, or the rows below it."""
    if path:
        yield from _below(text, path, 0, uri)
    else:
        yield [text.value()]


def _elements(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    """The rows of the array that comes next, some at a time."""
    text.take(b"[")
    if text.take(b"]"):
        return
    while True:
        if not path:
            yield [*text.elements()]
        yield from _row(text, path, uri)
        if text.take(b"]"):
            return
        if not text.take(b","):
            raise text.fault("',' or ']' is missing")


def _below(text: JsonText, path: Sequence[str], depth: int, uri: str) -> Iterator[list[Value]]:
    """The rows under this key of the object that comes next."""
    if not text.take(b"{"):
        above = ".".join(path[:depth])
        within = f"its {above!r}" if above else "a value at its top"
        raise ObjectUnreadable(uri, f"{within} is no object, so there is no {path[depth]!r} in it")
    found = False
    for key in _keys(text):
        if found or key != path[depth]:
            text.value()
            continue
        found = True
        opening = text.next_byte()
        if opening == b"n":
            if text.value() != b"null":
                raise text.fault("a value is missing")
        elif depth + 1 < len(path):
            yield from _below(text, path, depth + 1, uri)
        elif opening == b"[":
            yield from _elements(text, (), uri)
        elif opening == b"{":
            yield [text.value()]
        else:
            raise _no_object(text, uri)
    if not found:
        raise ObjectUnreadable(uri, f"it has nothing under {'.'.join(path[: depth + 1])!r}")


def _keys(text: JsonText) -> Iterator[str]:
    """Each key of the object that has just been opened; its value is to be read before the next key."""
    if text.take(b"}"):
        return
    while True:
        yield _key(text)
        if text.take(b"}"):
            return
        if not text.take(b","):
            raise text.fault("',' or '}' is missing")


def _key(text: JsonText) -> str:
    if text.next_byte() != b'"':
        raise text.fault("a key in double quotes is missing")
    spelled = text.value()
    try:
        key = json.loads(spelled) if isinstance(spelled, bytes) else ""
    except ValueError as error:
        raise text.fault("a key is no string") from error
    if not text.take(b":"):
        raise text.fault("':' is missing")
    return str(key)
