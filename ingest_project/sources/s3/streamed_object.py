"""Streams a large object's stored bytes from S3, over several connections if necessary."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectUnavailable
from ingest_project.sources.object_version import ObjectVersion

log = logging.getLogger(__name__)

MAX_FRUITLESS_READS = 4
"""How often in a row a connection may be lost before it has brought `FRUITFUL_BYTES`."""
FRUITFUL_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class Answer:
    """S3's answer to a read that begins anywhere in an object. `size_bytes` is the size of the whole object.

    `chunks` raises ConnectionLost; closing it ends the connection.
    """

    size_bytes: int
    last_modified: datetime
    etag: str | None
    chunks: Generator[bytes, None, None] = field(repr=False)


OpenAt = Callable[[int, str | None], Answer]
"""Reads the object from this position on, pinned to this eTag if there is one. Raises ObjectError."""


class ConnectionLost(Exception):
    """The connection ended within a body."""


class StreamedObject:
    """The stored bytes of one object version, to iterate over once. `close` it, or use it in `with`.

    A lost connection is opened again where it ended, pinned to the same object by version id or eTag.
    Iterating raises ObjectUnavailable if that does not help, ObjectOverwritten if the object is gone. Holds a
    few MiB at a time. Not safe to share among threads.
    """

    def __init__(self, object_: ObjectVersion, open_at: OpenAt) -> None:
        """Opens the first connection. Raises ObjectError."""
        self.object = object_
        self._open_at = open_at
        self._answer = open_at(0, None)
        self._position = 0
        self._fruitless = 0

    @property
    def size_bytes(self) -> int:
        return self._answer.size_bytes

    @property
    def last_modified(self) -> datetime:
        return self._answer.last_modified

    def __enter__(self) -> "StreamedObject":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._answer.chunks.close()

    def __iter__(self) -> Iterator[bytes]:
        start = self._position
        while True:
            try:
                for chunk in self._answer.chunks:
                    self._position += len(chunk)
                    yield chunk
            except ConnectionLost as error:
                log.info("%r: connection lost at byte %d (%s)", self.object.uri, self._position, error)
            if self._position >= self.size_bytes:
                return
            self._resume(self._position - start)
            start = self._position

    def _resume(self, gained_bytes: int) -> None:
        self._fruitless = 0 if gained_bytes >= FRUITFUL_BYTES else self._fruitless + 1
        if self._fruitless > MAX_FRUITLESS_READS:
            raise ObjectUnavailable(
                self.object.uri, f"S3 keeps ending the connection, last at byte {self._position:,}"
            )
        with closing(self._answer.chunks):
            self._answer = self._open_at(self._position, self._answer.etag)
