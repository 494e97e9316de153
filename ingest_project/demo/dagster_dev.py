"""A real `dagster dev`: web UI, daemon and code server, as `make dev` starts them."""

import http.client
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest_project.demo.embedded_aws import HOST
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.process_group import ProcessGroup
from ingest_project.errors import IngestError, SettingsError

USUAL_PORT = 3000
START_SECONDS = 120


class DagsterDev:
    """`dagster dev` and its web UI at `url`; what it prints is in `log`."""

    def __init__(self, group: ProcessGroup, *, port: int, log: Path, interrupts: Interrupts) -> None:
        self.url = f"http://{HOST}:{port}"
        self.log = log
        self._group = group
        self._port = port
        self._interrupts = interrupts

    def wait_until_up(self) -> None:
        """Return when the web UI answers. Raises IngestError if it ends, or does not answer within two minutes."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            self.check()
            if time.monotonic() > deadline:
                raise IngestError(f"dagster dev did not answer within {START_SECONDS} s; see {self.log}")
            self._interrupts.sleep(0.2)

    def check(self) -> None:
        """Raise IngestError if `dagster dev` has ended."""
        code = self._group.exit_code
        if code is not None:
            raise IngestError(f"dagster dev ended by itself with code {code}; see {self.log}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def dagster_dev(top: Path, *, port: int, log: Path, interrupts: Interrupts) -> Iterator[DagsterDev]:
    """`dagster dev` in the folder `top`, with this process's environment; all of it has ended when the block has."""
    command = [sys.executable, "-m", "dagster", "dev", "--host", HOST, "--port", str(port)]
    with ProcessGroup(command, cwd=top, log=log, interrupts=interrupts) as group:
        yield DagsterDev(group, port=port, log=log, interrupts=interrupts)


def choose_port(port: int | None) -> int:
    """The port that was asked for, else 3000 if it is free, else any free one. Raises SettingsError if it is taken."""
    if port is not None:
        if not _is_free(port):
            raise SettingsError([f"port {port} is taken; name another, or none"])
        return port
    return USUAL_PORT if _is_free(USUAL_PORT) else _any_free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: without it, a port is taken for a minute after the last one that used it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
