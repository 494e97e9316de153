"""Finds where JSON values end in text that arrives in chunks, by brackets and strings only.

The inside of an object or array is not checked, so a value that is found may still be invalid JSON.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.limits import LIMITS

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
RECORD_SEPARATOR = b"\x1e"
"""It opens each text of a JSON text sequence (RFC 7464), which `jq --seq` and GeoJSON text sequences use."""
WHITESPACE = re.compile(rb"[ \t\r\n]*+")
STRING = rb'"[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+"'
"""JSON does not allow a line end within a string: if there is one, a quote is missing."""
STRING_REST = re.compile(rb'(?:[^"\\\r\n]++|\\[^\r\n])*+')
SCALAR = re.compile(rb'[^\s,:"{}\[\]]++')
MARK = re.compile(rb'[^"{}\[\]]*+(?:%s|(?P<opens>[{\[])|(?P<closes>[}\]])|(?P<quote>"))' % STRING)
"""A string, a bracket, or the quote of a string that is incomplete, and the text before it."""
BRACKETS = frozenset({b"{", b"["})
LINE_ENDS = frozenset({b"\r", b"\n"})
BROKEN_STRING = "a line ends within a string"
NESTED_LEVELS = 12
"""The deepest value that one match finds; in a deeper one brackets are counted, at a third of the speed."""


def _nested(levels: int) -> bytes:
    within = STRING if levels == 1 else STRING + rb"|" + _nested(levels - 1)
    return rb'[{\[][^"{}\[\]]*+(?:(?:%s)[^"{}\[\]]*+)*+[}\]]' % within


NESTED = re.compile(_nested(NESTED_LEVELS))
ELEMENTS = re.compile(rb"\s*+(%s)\s*+,|((?s:.++))" % NESTED.pattern)
"""Each element with its comma; what follows the last one is a match by itself."""
OBJECTS = re.compile(rb"\s*+((?=\{)%s)|((?s:.++))" % NESTED.pattern)
"""The same for objects without anything between them."""


@dataclass(frozen=True, slots=True)
class LongValue:
    """A value that is too long to be held in memory, with its first bytes."""

    size_bytes: int
    start: bytes = field(repr=False)


def long_value(value: bytes) -> LongValue:
    """What is kept of a value that is held and too long."""
    return LongValue(len(value), value[: LIMITS.bad_rows.oversized_start_bytes])


class JsonText:
    """A text that is read value by value. It holds one value, or a chunk of a value that is skipped."""

    def __init__(self, chunks: Iterable[bytes], uri: str, *, record_bytes: int) -> None:
        self._chunks = iter(chunks)
        self._uri = uri
        self._record_bytes = record_bytes
        self._text = b""
        self._position = 0
        self._dropped_bytes = 0
        """How many bytes of the whole text stood before `_text`."""
        self._exhausted = False
        while len(self._text) < len(BYTE_ORDER_MARK) and self._more():
            pass
        self._position = len(BYTE_ORDER_MARK) if self._text.startswith(BYTE_ORDER_MARK) else 0

    def next_byte(self) -> bytes:
        """The next byte that is not whitespace, which is not consumed; empty at the end."""
        while True:
            if match := WHITESPACE.match(self._text, self._position):
                self._position = match.end()
            if self._position < len(self._text):
                return self._text[self._position : self._position + 1]
            if not self._more():
                return b""

    def take(self, byte: bytes) -> bool:
        """Whether this byte comes next; it is consumed then."""
        comes = self.next_byte() == byte
        self._position += comes
        return comes

    def pass_over_mark(self) -> bool:
        """Skips a byte order mark or record separator, which stands between joined texts; False if there is
        none.
        """
        if self.take(RECORD_SEPARATOR):
            return True
        while len(self._text) - self._position < len(BYTE_ORDER_MARK) and self._more():
            pass
        comes = self._text.startswith(BYTE_ORDER_MARK, self._position)
        self._position += len(BYTE_ORDER_MARK) * comes
        return comes

    def value(self) -> bytes | LongValue:
        """The next value. Raises ObjectUnreadable if there is none, or if the text or a line ends in it."""
        opening = self.next_byte()
        while (end := self._end(opening)) is None:
            if len(self._text) - self._position > self._record_bytes:
                return self._pass_over()
            if self._exhausted:
                raise self.fault("the text ends within a value")
            self._more()
        value, self._position = self._text[self._position : end], end
        return value if len(value) <= self._record_bytes else long_value(value)

    def elements(self) -> list[bytes]:
        """The next values of an array, as many as are here and have commas, which are consumed too.

        Empty if the next one is not an object or array. They may be longer than `value` allows.
        """
        return self._run(ELEMENTS)

    def objects(self) -> list[bytes]:
        """The next values at the top, as many as are here and are objects; otherwise like `elements`."""
        return self._run(OBJECTS)

    def _run(self, pattern: re.Pattern[bytes]) -> list[bytes]:
        found = pattern.findall(self._text, self._position)
        self._position = len(self._text) - (len(found[-1][1]) if found else 0)
        return [value for value, behind in found if not behind]

    def fault(self, reason: str) -> ObjectUnreadable:
        """An error with this reason and this place in the text."""
        return ObjectUnreadable(self._uri, f"it is not valid JSON: {reason}, at byte {self._place + 1:,}")

    def _start(self) -> bytes:
        return self._text[self._position : self._position + LIMITS.bad_rows.oversized_start_bytes]

    @property
    def _place(self) -> int:
        return self._dropped_bytes + self._position

    def _more(self) -> bool:
        """Doubles the text that is left, so that a search is not repeated too often; False at the end."""
        parts = [self._text[self._position :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0 and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            wanted -= len(chunk)
        self._dropped_bytes += self._position
        self._text, self._position = b"".join(parts), 0
        self._exhausted = len(parts) == 1
        return not self._exhausted

    def _end(self, opening: bytes) -> int | None:
        """Where the next value ends; None if its end has not arrived."""
        if opening in BRACKETS and (match := NESTED.match(self._text, self._position)):
            return match.end()
        if opening in BRACKETS or opening == b'"':
            return self._counted_end()
        match = SCALAR.match(self._text, self._position)
        if match is None:
            raise self.fault("a value is missing")
        goes_on = match.end() == len(self._text) and not self._exhausted
        return None if goes_on else match.end()

    def _counted_end(self) -> int | None:
        nesting = Nesting()
        end = self._read(nesting)
        return end if nesting.is_over else None

    def _pass_over(self) -> LongValue:
        start, place, nesting = self._start(), self._place, Nesting()
        self._position = self._read(nesting)
        while not nesting.is_over:
            if not self._more():
                raise self.fault("the text ends within a value")
            self._position = self._read(nesting)
        return LongValue(self._place - place, start)

    def _read(self, nesting: "Nesting") -> int:
        end = nesting.read(self._text, self._position)
        if nesting.is_broken:
            raise self.fault(BROKEN_STRING)
        return end


def objects_apart(line: bytes) -> list[bytes]:
    """The objects of a line, if it has several and nothing else; otherwise the line itself.

    The last one may be incomplete.
    """
    text = line.strip(b" \t\r\n")
    objects: list[bytes] = []
    place = 0
    while place < len(text):
        if text[place : place + 1] != b"{":
            return [line]
        match = NESTED.match(text, place)
        nesting = Nesting()
        end = nesting.read(text, place) if match is None else match.end()
        if match is None and not nesting.is_over:
            end = len(text)
        objects.append(text[place:end])
        place = WHITESPACE.match(text, end).end()  # type: ignore[union-attr] # it matches nothing too
    return objects if len(objects) > 1 else [line]


class Nesting:
    """Counts the depth within a value that is read in parts from start to end."""

    def __init__(self) -> None:
        self.is_over = False
        self.is_broken = False
        """Whether a line ends within a string."""
        self._depth = 0
        self._in_string = False

    def read(self, text: bytes, position: int) -> int:
        """Reads from here to the value's end, or as far as this text tells; the rest must be passed again."""
        while not self.is_over and not self.is_broken:
            if self._in_string:
                position = STRING_REST.match(text, position).end()  # type: ignore[union-attr] # it matches nothing too
                following = text[position : position + 1]
                if following != b'"':
                    self.is_broken = following in LINE_ENDS
                    return position
                position += 1
                self._in_string, self.is_over = False, self._depth == 0
            elif match := MARK.match(text, position):
                position = match.end()
                self._depth += (match["opens"] is not None) - (match["closes"] is not None)
                self._in_string = match["quote"] is not None
                self.is_over = self._depth == 0 and not self._in_string
            else:
                return position
        return position
