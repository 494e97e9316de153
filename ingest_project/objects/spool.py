"""Puts a stream into a temporary file, for formats that are read from their end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from ingest_project.errors import ObjectUnavailable

BUFFER_BYTES = 1024**2


@contextmanager
def spooled(chunks: Iterable[bytes], uri: str) -> Iterator[IO[bytes]]:
    """A file with all of these bytes, at its start. It has no name, so nothing is left of it even after a crash.

    Raises ObjectUnavailable if the folder for temporary files (`TMPDIR`) has no room; what the chunks raise passes.
    """
    with TemporaryFile(buffering=BUFFER_BYTES) as file:
        for chunk in chunks:
            _write(file, chunk, uri)
        _flush(file, uri)
        file.seek(0)
        yield file


def _write(file: IO[bytes], chunk: bytes, uri: str) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise _no_room(uri, error) from error


def _flush(file: IO[bytes], uri: str) -> None:
    try:
        file.flush()
    except OSError as error:
        raise _no_room(uri, error) from error


def _no_room(uri: str, error: OSError) -> ObjectUnavailable:
    return ObjectUnavailable(uri, f"it cannot be put into a temporary file ({error.strerror}); see TMPDIR")
