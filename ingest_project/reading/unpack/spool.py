"""Writes a stream to a temporary file, for formats that are read from their end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO

from ingest_project.errors import ObjectOutOfResources
from ingest_project.reading.limits import LIMITS


@contextmanager
def spooled(chunks: Iterable[bytes], uri: str) -> Iterator[IO[bytes]]:
    """A file with all of these bytes, at its start.

    It has no name, so nothing remains of it even after a crash.

    Raises ObjectOutOfResources if the folder for temporary files (`TMPDIR`) is full. Exceptions of the chunks
    pass.
    """
    file = _opened(uri)
    try:
        for chunk in chunks:
            _write(file, chunk, uri)
        _flush(file, uri)
        file.seek(0)
        yield file
    finally:
        with suppress(OSError):  # on a full disk it fails again, and would hide the first error
            file.close()


def _opened(uri: str) -> IO[bytes]:
    try:
        return TemporaryFile(buffering=LIMITS.step.chunk_bytes)
    except OSError as error:
        raise _no_room(uri, error) from error


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


def _no_room(uri: str, error: OSError) -> ObjectOutOfResources:
    return ObjectOutOfResources(
        uri, f"it cannot be written to a temporary file ({error.strerror}); see TMPDIR"
    )
