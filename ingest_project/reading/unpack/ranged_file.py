"""A file that lies elsewhere and is read by ranges: an object in S3, or a file of another process."""

import io
from abc import ABC, abstractmethod


class RangedFile(io.RawIOBase, ABC):
    """A seekable file of a known size; each read fetches one range."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self._size_bytes = size_bytes
        self._position = 0

    @abstractmethod
    def fetch(self, start: int, size_bytes: int) -> bytes:
        """The bytes of one range that lies within the file and is not empty."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size_bytes - self._position)
        wanted = left if size < 0 else min(size, left)
        found = self.fetch(self._position, wanted) if wanted else b""
        self._position += len(found)
        return found

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the base takes any buffer
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)
