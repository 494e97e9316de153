"""The processes that read ORC: each is started when it is needed, and kept for the next file until it ends.

ORC has no checksums, and the C++ library that reads it can crash on damaged bytes with a segmentation fault.
A run must not crash with it, so ORC files are read in separate processes, with bounded memory.
"""

import atexit
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
from pyarrow import ipc

from ingest_project.errors import ObjectOutOfResources
from ingest_project.reading.formats.orc.worker import ABOUT, END, ERROR, FRAME, RANGE, REQUEST, ROWS, WANT
from ingest_project.reading.limits import LIMITS

ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
"""Settings against allocators that reserve address space in advance, which counts towards the limit."""
OF_THE_MACHINE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
"""Signals by which a person or the machine ends a process; a damaged file does not cause them."""


@dataclass(frozen=True, slots=True)
class About:
    """What an ORC file says of itself."""

    rows: int
    names: tuple[str, ...]


def about(file: IO[bytes], uri: str) -> About:
    """What the file says of itself. Raises ValueError if it is damaged."""
    with _process(uri) as process:
        (payload,) = process.ask(ABOUT, file, 0)
    told = json.loads(payload)
    return About(told["rows"], tuple(told["names"]))


def tables(file: IO[bytes], uri: str, *, batch_bytes: int = LIMITS.orc.batch_bytes) -> Iterator[pa.Table]:
    """A table without rows, then all rows in tables of about `batch_bytes`.

    Raises ValueError if it is damaged.
    """
    with _process(uri) as process:
        for payload in process.ask(ROWS, file, batch_bytes):
            yield ipc.open_stream(payload).read_all()


def first_table(file: IO[bytes], uri: str) -> pa.Table:
    """The first rows, of a file that only this process can read: of it no more is read than is needed.

    Raises ValueError if it is damaged; what the reading of the file raises passes.
    """
    process = _Process()
    process.uri = uri
    try:
        found = (
            ipc.open_stream(payload).read_all()
            for payload in process.ask(ROWS, file, LIMITS.orc.batch_bytes, is_ours=True)
        )
        empty = next(found)
        return next(found, empty)
    finally:
        process.close()


class _Process:
    """One process; `uri` is the object that it reads."""

    def __init__(self) -> None:
        self.uri = ""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [
                sys.executable,
                "-m",
                "ingest_project.reading.formats.orc.worker",
                str(theirs.fileno()),
            ]
            self._popen = subprocess.Popen(  # noqa: S603 - our own module
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **ENVIRONMENT},
                start_new_session=True,  # Ctrl-C is for us
            )
        ours.settimeout(LIMITS.orc.silent_seconds)
        self._connection = ours
        self._answers = ours.makefile("rb")

    def ask(
        self, request: bytes, file: IO[bytes], batch_bytes: int, *, is_ours: bool = False
    ) -> Iterator[bytes]:
        """The payloads of the answer; the caller must read all of them.

        A file that `is_ours` exists only in this process, so its bytes are sent on request. Raises ValueError
        if the process reports an error, or if it crashes as a damaged file can make it crash.
        """
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            asked = REQUEST.pack(request, batch_bytes, size_bytes)
            socket.send_fds(self._connection, [asked], [] if is_ours else [file.fileno()])
        except OSError:
            raise self._death() from None
        reason: str | None = None
        while True:
            kind, size_bytes = FRAME.unpack(self._read(FRAME.size))
            payload = self._read(size_bytes)
            if kind == END:
                break
            if kind == ERROR:
                reason = payload.decode()
            elif kind == WANT:
                start, wanted_bytes = RANGE.unpack(payload)
                file.seek(start)
                self._connection.sendall(file.read(wanted_bytes))
            else:
                yield payload
        if reason is not None:
            raise _Refused(reason)

    def _read(self, size_bytes: int) -> bytes:
        try:
            found = self._answers.read(size_bytes)
        except TimeoutError:
            seconds = LIMITS.orc.silent_seconds
            raise ValueError(f"the process that read it gave no answer within {seconds} s") from None
        except OSError:
            found = b""
        if len(found) < size_bytes:
            raise self._death()
        return found

    def _death(self) -> Exception:
        code = self._popen.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if -code in OF_THE_MACHINE:
            return ObjectOutOfResources(
                self.uri, f"the process that read it was killed ({name}), perhaps because memory ran out"
            )
        return ValueError(
            f"the process that read it crashed ({name}): the file is damaged, or its rows are too large"
        )

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        self._answers.close()
        self._connection.close()
        self._popen.kill()
        self._popen.wait()


class _Refused(ValueError):
    """The process says why it cannot read a file, and is ready for the next."""


_idle: list[_Process] = []
_busy: set[_Process] = set()
"""The processes in use. If only an abandoned reading referred to its process, Python could collect the two in
any order, and would warn of a running process before the reading's `finally` has ended it."""


@contextmanager
def _process(uri: str) -> Iterator[_Process]:
    """A process for one question, which is kept for the next unless it died or was not heard to the end."""
    process = _idle.pop() if _idle else _Process()
    process.uri = uri
    _busy.add(process)
    is_sound = False
    try:
        yield process
        is_sound = True
    except _Refused:
        is_sound = True
        raise
    finally:
        if is_sound:
            _idle.append(process)
        else:
            process.close()
        _busy.discard(process)


@atexit.register
def _close_all() -> None:
    for processes in (_idle, _busy):
        while processes:
            processes.pop().close()
