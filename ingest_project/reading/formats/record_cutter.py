"""Cuts text into pieces of whole records, each of which ends in a line end."""

from collections.abc import Callable, Iterable, Iterator

from ingest_project.reading.content import Oversized
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.piece import Piece

LastEnd = Callable[[bytearray, int, int], int]
"""Returns where the last whole record ends between two places of a text, the first of which begins a record.

If none ends there, it returns the first place."""


def last_line_end(text: bytearray, start: int, stop: int) -> int:
    """The LastEnd of records that are lines."""
    return text.rfind(b"\n", start, stop) + 1 or start


def size_of_lines(text: bytes) -> int:
    """The size of a text whose lines are rows, each of which counts as if it had a certain length."""
    lines = text.count(b"\n") or text.count(b"\r")
    return max(len(text), lines * LIMITS.step.row_bytes)


class RecordCutter:
    """Cuts one text. A piece exceeds the limits only if a single record does.

    If no record ends within the longest allowed length, lines count as records: a quote is never closed
    there, and that is the fault of its own line. A line that is longer still is oversized.
    """

    def __init__(
        self, last_end: LastEnd, limits: PieceLimits, chunks: Iterable[bytes], *, first_line: int = 1
    ) -> None:
        self._last_end = last_end
        self._limits = limits
        self._chunks = iter(chunks)
        self._text = bytearray()
        self._line = first_line
        """The number of the line that `_text` begins with."""

    def pieces(self) -> Iterator[Piece]:
        """The pieces in order: together they are the text without oversized lines.

        Exceptions of the chunks pass.
        """
        while self._gather(self._limits.piece_bytes):
            end = self._end_of_records()
            while len(self._text) - end > self._limits.record_bytes:
                yield self._piece_before_long_line(end)
                end = self._end_of_records()
            if end:
                yield Piece(first_line=self._line, body=self._take(end))
        if self._text:
            yield Piece(first_line=self._line, body=self._take(len(self._text)))

    def _piece_before_long_line(self, end: int) -> Piece:
        first_line, body = self._line, self._take(end)
        return Piece(body, first_line, self._skip_line())

    def _gather(self, size_bytes: int) -> bool:
        """Adds about so much to the text, and at least as much as it has; False if there is nothing more."""
        before, gathered_bytes = len(self._text), 0
        while gathered_bytes < size_bytes or len(self._text) < 2 * before:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._text += chunk
            gathered_bytes += size_of_lines(chunk)
        return len(self._text) > before

    def _end_of_records(self) -> int:
        """Where the last whole record ends, of those before one that is incomplete or oversized."""
        text, end = self._text, 0
        while True:
            stop = end + self._limits.record_bytes
            further = self._last_end(text, end, stop)
            if further == end and stop < len(text):
                further = last_line_end(text, end, stop)
            if further == end:
                return end
            end = further

    def _take(self, end: int) -> bytes:
        """Removes the text up to there and returns it: a piece that was yielded must not be held here too."""
        with memoryview(self._text) as view:
            taken = view[:end].tobytes()
        del self._text[:end]
        self._line += taken.count(b"\n")
        return taken

    def _skip_line(self) -> Oversized:
        line, size_bytes = self._line, 0
        start = bytes(self._text[: LIMITS.bad_rows.oversized_start_bytes])
        while self._text:
            end = self._text.find(b"\n") + 1
            size_bytes += len(self._take(end or len(self._text)))
            if end:
                break
            self._gather(1)
        return Oversized(line, size_bytes, start[:size_bytes])
