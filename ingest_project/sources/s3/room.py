"""Bounds the memory of one fetch by the sizes that S3 answers: those of events are only claims."""

from threading import Lock


class Room:
    """The bytes for the bodies of one fetch. Safe to share among threads."""

    def __init__(self, size_bytes: int | None) -> None:
        """None means no bound."""
        self._size_bytes = size_bytes
        self._taken_bytes = 0
        self._is_empty = True
        self._lock = Lock()

    def take(self, body_bytes: int) -> bool:
        """Whether a body may be read; if so, it is counted. The first body always may."""
        with self._lock:
            fits = self._size_bytes is None or self._taken_bytes + body_bytes <= self._size_bytes
            if not fits and not self._is_empty:
                return False
            self._is_empty = False
            self._taken_bytes += body_bytes
            return True
