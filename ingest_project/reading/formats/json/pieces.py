"""Cuts JSON documents into NDJSON: an array of objects, one object, or several of either one after the other.

Firehose writes objects without anything between them; answers of APIs are one array, often indented; joined
files have a byte order mark between them. The text of an element is kept as it is, so numbers keep their
digits. Its reader checks that it is a valid object.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.content import Oversized
from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.json.value_ends import JsonText, LongValue, long_value
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import Piece
from ingest_project.reading.values.example import example_of

LAYOUT = bytes.maketrans(b"\r\n", b"  ")
"""JSON does not allow a line end within a string, so each one is layout."""

Value = bytes | LongValue


def json_pieces(
    chunks: Iterable[bytes], options: FormatOptions, limits: PieceLimits, uri: str
) -> Iterator[Piece]:
    """The documents' objects, one per line: those at the top, or the array or object under `json_path` in
    each.

    A line has the number of its object, from 1. A null under the path counts as an empty array, as some
    programs write it. If an object has a key twice, the first counts. Raises ObjectUnreadable if the text
    cannot be divided into values, or has nothing under the path.
    """
    text = JsonText(chunks, uri, record_bytes=limits.record_bytes)
    lines = _Lines()
    for values in _rows(text, options.json_path, uri):
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
    """The values in order: short ones together, each one that is too long by itself."""
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
    """The values that will be the next piece."""

    def __init__(self) -> None:
        self.number = 1
        """The number of the next value."""
        self.size_bytes = 0
        self._first_number = 1
        self._texts: list[bytes] = []

    def add(self, values: list[bytes]) -> None:
        """Adds each value as a line."""
        text = b"\n".join(values)
        if text.count(b"\n") >= len(values) or b"\r" in text:
            text = b"\n".join([value.translate(LAYOUT) for value in values])
        self._texts += (text, b"\n")
        self.size_bytes += max(len(text) + 1, len(values) * LIMITS.step.row_bytes)
        self.number += len(values)

    def piece(self, oversized: Oversized | None = None) -> Piece:
        """A piece of the values since the last piece; `oversized` has the number of the next value."""
        piece = Piece(b"".join(self._texts), self._first_number, oversized)
        self._texts.clear()
        self.size_bytes = 0
        self.number += oversized is not None
        self._first_number = self.number
        return piece


def as_ndjson(body: bytes, options: FormatOptions, uri: str) -> bytes:
    """All of these objects, one per line, of a document that is held in memory."""
    step_bytes = LIMITS.step.chunk_bytes
    chunks = (body[start : start + step_bytes] for start in range(0, len(body), step_bytes))
    limits = PieceLimits(piece_bytes=step_bytes, record_bytes=sys.maxsize)
    return b"".join(piece.body for piece in json_pieces(chunks, options, limits, uri))


def _rows(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    while opening := text.next_byte():
        if opening == b"[":
            yield from _elements(text, path, uri)
        elif opening == b"{":
            yield from (_row(text, path, uri) if path else _objects(text))
        elif not text.pass_over_mark():
            raise _no_object(text, uri)


def _objects(text: JsonText) -> Iterator[list[Value]]:
    """The next objects, or the next one if it is incomplete so far or nested too deeply for the pattern."""
    yield [*text.objects()] or [text.value()]


def _no_object(text: JsonText, uri: str) -> ObjectUnreadable:
    value = text.value()
    try:
        shown = example_of(
            value.decode() if isinstance(value, bytes) else value.start.decode(errors="replace")
        )
    except UnicodeDecodeError:
        return ObjectUnreadable(uri, "it is not valid UTF-8")
    return ObjectUnreadable(uri, f"it has {shown} instead of an object")


def _row(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    """The next value, or the rows under the path in it."""
    if path:
        yield from _below(text, path, 0, uri)
    else:
        yield [text.value()]


def _elements(text: JsonText, path: Sequence[str], uri: str) -> Iterator[list[Value]]:
    """The rows of the next array, several at a time."""
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
    """The rows under this key of the next object."""
    if not text.take(b"{"):
        above = ".".join(path[:depth])
        within = f"its {above!r}" if above else "a value at its top"
        raise ObjectUnreadable(uri, f"{within} is not an object, so it has no {path[depth]!r}")
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
    """Each key of the object that was just opened; the caller must read its value before the next key."""
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
        raise text.fault("a key is not a string") from error
    if not text.take(b":"):
        raise text.fault("':' is missing")
    return str(key)
