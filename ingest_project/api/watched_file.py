"""A file that is read again whenever it has changed, so that a rotation needs no restart."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from ingest_project.errors import AuthorizerUnavailable

MAX_BYTES = 1_048_576
_Parsed = TypeVar("_Parsed")


@dataclass(slots=True)
class _Read(Generic[_Parsed]):
    mark: tuple[int, ...]
    value: _Parsed


@dataclass(slots=True)
class WatchedFile(Generic[_Parsed]):
    """What `parse` makes of a file. Safe to share among threads.

    A file that cannot be read or parsed gives nothing: what it said before may have been revoked since.
    """

    path: Path
    parse: Callable[[bytes], _Parsed]
    _lock: Lock = field(default_factory=Lock, repr=False)
    _read: _Read[_Parsed] | None = field(default=None, repr=False)

    def value(self) -> _Parsed:
        """What the file says now. Raises AuthorizerUnavailable."""
        with self._lock:
            try:
                status = self.path.stat()
                mark = (status.st_mtime_ns, status.st_size, status.st_ino)
                if self._read is None or self._read.mark != mark:
                    self._read = None
                    self._read = _Read(mark, self._parsed(self.path))
            except OSError as error:
                self._read = None
                raise AuthorizerUnavailable(f"{self.path} cannot be read: {error.strerror}") from None
            return self._read.value

    def _parsed(self, path: Path) -> _Parsed:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise AuthorizerUnavailable(f"{path} has more than {MAX_BYTES:,} bytes")
        try:
            return self.parse(text)
        except ValueError as error:
            raise AuthorizerUnavailable(f"{path} is not valid: {error}") from None
