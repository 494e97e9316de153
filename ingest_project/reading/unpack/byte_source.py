"""Bytes that arrive in chunks, read the way a file is."""

import io
from collections.abc import Iterable, Iterator


class ByteSource(io.RawIOBase):
    """A file over chunks of any size, which holds only as many of them as a read needs.

    A read may return fewer bytes than requested; an empty result is the end. Exceptions of the chunks pass.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._position = 0

    def readable(self) -> bool:
        """Always true; it supports neither writing nor seeking."""
        return True

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, or all that are left, without consuming them."""
        while len(self._buffer) - self._position < size and (chunk := next(self._chunks, None)) is not None:
            self._buffer = self._buffer[self._position :] + chunk
            self._position = 0
        return self._buffer[self._position : self._position + size]

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of one chunk; without a size, the rest of a chunk."""
        while self._position == len(self._buffer):
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._buffer, self._position = chunk, 0
        end = len(self._buffer) if size < 0 else min(self._position + size, len(self._buffer))
        part = self._buffer[self._position : end]
        self._position = end
        if end == len(self._buffer):
            self._buffer, self._position = b"", 0
        return part

    def read_all(self, size: int) -> bytes:
        """Exactly `size` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0 and (part := self.read(size)):
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self) -> Iterator[bytes]:
        """The rest, in chunks as they arrive."""
        while part := self.read():
            yield part
