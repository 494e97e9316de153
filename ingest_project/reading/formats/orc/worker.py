"""The program of the process that reads ORC: it takes open files over a socket, and answers with rows or a
reason.

A request consists of ABOUT or ROWS, the size that a batch should have, the file's size, and its descriptor.
The answer consists of frames: a kind, a length, a payload. The last frame is END, so that a truncated answer
is noticed. Without a descriptor the file is read through the socket: WANT asks for bytes of it.
"""

import io
import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Iterator
from threading import Lock
from typing import IO, cast

import pyarrow as pa
from pyarrow import dataset, ipc

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.ranged_file import RangedFile

ABOUT, ROWS = b"A", b"R"
BATCH, WANT, ERROR, END = b"B", b"W", b"E", b"."
REQUEST = struct.Struct("<cQQ")
FRAME = struct.Struct("<cQ")
RANGE = struct.Struct("<QQ")
VALUE_BYTES = 8
"""About the least memory that a value takes; encoded, a million equal values take a few bytes."""


def main() -> None:
    """Answers until the other end of the socket, whose descriptor is the only argument, is closed."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = LIMITS.orc.address_space_bytes
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        while True:
            request, descriptors, _, _ = socket.recv_fds(connection, REQUEST.size, 1)
            if not request:
                break
            asked, batch_bytes, size_bytes = REQUEST.unpack(request)
            channel = _Channel(connection)
            file = os.fdopen(descriptors[0], "rb") if descriptors else _RemoteFile(channel, size_bytes)
            for kind, payload in _answer(asked, batch_bytes, size_bytes, file):
                channel.send(kind, payload)
    os._exit(0)  # the threads of a scan that was left before its end would abort an orderly exit


class _Channel:
    """The socket, for the threads that read the file and the one that answers."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = Lock()

    def send(self, kind: bytes, payload: bytes) -> None:
        with self._lock:
            self._connection.sendall(FRAME.pack(kind, len(payload)) + payload)

    def fetch(self, start: int, size_bytes: int) -> bytes:
        """So many bytes of the file."""
        with self._lock:
            self._connection.sendall(FRAME.pack(WANT, RANGE.size) + RANGE.pack(start, size_bytes))
            parts = []
            while size_bytes:
                part = self._connection.recv(min(size_bytes, 1024**2))
                if not part:
                    os._exit(1)  # nobody waits for the answer any more
                parts.append(part)
                size_bytes -= len(part)
            return b"".join(parts)


class _RemoteFile(RangedFile):
    """The file as the process at the other end has it."""

    def __init__(self, channel: _Channel, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._channel = channel

    def fetch(self, start: int, size_bytes: int) -> bytes:
        return self._channel.fetch(start, size_bytes)


def _answer(
    request: bytes, batch_bytes: int, size_bytes: int, file: io.BufferedReader | _RemoteFile
) -> Iterator[tuple[bytes, bytes]]:
    try:
        with file:
            fragment = dataset.OrcFileFormat().make_fragment(cast("IO[bytes]", file))
            schema = fragment.physical_schema
            if request == ABOUT:
                about = {"rows": fragment.count_rows(), "names": schema.names}
                yield BATCH, json.dumps(about).encode()
            else:
                yield from _rows(fragment, schema, size_bytes, batch_bytes)
    except Exception as error:  # whatever a damaged file leads to: the process stays for the next one
        yield ERROR, (str(error) or type(error).__name__).encode(errors="replace")
    yield END, b""


def _rows(
    fragment: dataset.Fragment, schema: pa.Schema, size_bytes: int, batch_bytes: int
) -> Iterator[tuple[bytes, bytes]]:
    """The schema, then every batch with it: an Arrow stream each."""
    yield BATCH, _stream(schema, [])
    rows, found = fragment.count_rows(), 0
    decoded_bytes = max(size_bytes, rows * len(schema) * VALUE_BYTES, 1)
    batch_rows = min(max(rows * batch_bytes // decoded_bytes, 1), LIMITS.step.batch_rows)
    for batch in fragment.to_batches(batch_size=batch_rows, batch_readahead=0, use_threads=False):
        if batch.num_rows:
            found += batch.num_rows
            yield BATCH, _stream(schema, [batch])
    if found != rows:
        raise ValueError(f"its footer says {rows} rows, but {found} were found")


def _stream(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


if __name__ == "__main__":
    main()
