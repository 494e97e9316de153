"""A TCP relay before PostgreSQL that passes on a COMMIT but drops its answer."""

import socket
import threading
from contextlib import suppress

COMMIT = b"COMMIT\x00"
"""The statement as both the simple and the extended protocol send it, in any message."""
CHUNK_BYTES = 65536


class Relay:
    """Listens on a free port of 127.0.0.1 and forwards to a server, until it is closed.

    While `is_down`, it refuses new connections, like a server that is restarting.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._lock = threading.Lock()
        self._countdown: int | None = None
        self.swallowed = False
        self.is_down = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def swallow(self, *, after: int) -> None:
        """Drop the answer to one commit, after so many others."""
        with self._lock:
            self._countdown, self.swallowed = after, False

    def forgive(self) -> None:
        """Drop no more answers."""
        with self._lock:
            self._countdown = None

    def close(self) -> None:
        """Stop listening; connections under way end with their clients."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.is_down:
            client.close()
            return
        try:
            server = socket.create_connection(self._server, timeout=60)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        doomed = threading.Event()
        back = threading.Thread(target=self._answers, args=(server, client, doomed), daemon=True)
        back.start()
        with suppress(OSError):
            while chunk := client.recv(CHUNK_BYTES):
                if COMMIT in chunk and self._is_the_one():
                    doomed.set()
                server.sendall(chunk)
        _end(server)

    def _answers(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with suppress(OSError):
            while chunk := server.recv(CHUNK_BYTES):
                if doomed.is_set():
                    break  # this is the answer to the commit, so the commit is made
                client.sendall(chunk)
        _end(client)
        _end(server)

    def _is_the_one(self) -> bool:
        with self._lock:
            if self._countdown is None:
                return False
            if self._countdown > 0:
                self._countdown -= 1
                return False
            self._countdown, self.swallowed = None, True
            return True


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
