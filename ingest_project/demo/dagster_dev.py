"""Runs a real `dagster dev`: web UI, daemon and code server, as `make dev` starts them."""

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest_project.demo.embedded_aws import HOST
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.process_group import ProcessGroup
from ingest_project.errors import IngestError, SettingsError

USUAL_PORT = 3000
START_SECONDS = 120
RUNS = "{runsOrError(limit: 1000) {... on Runs {results {runId jobName status}}}}"


@dataclass(frozen=True, slots=True)
class DagsterRun:
    """One run: its id, its job, and its status in Dagster's own words."""

    run_id: str
    job: str
    status: str

    @property
    def is_finished(self) -> bool:
        return self.status in {"SUCCESS", "FAILURE", "CANCELED"}


class DagsterDev:
    """`dagster dev` and its web UI at `url`; its output is in `log`."""

    def __init__(self, group: ProcessGroup, *, port: int, log: Path, interrupts: Interrupts) -> None:
        self.url = f"http://{HOST}:{port}"
        self.log = log
        self._group = group
        self._port = port
        self._interrupts = interrupts

    def wait_until_up(self) -> None:
        """Return when the web UI answers.

        Raises IngestError if it ends, or does not answer within two minutes.
        """
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
            raise IngestError(f"dagster dev ended unexpectedly with code {code}; see {self.log}")

    def runs(self) -> list[DagsterRun]:
        """All runs, as the web UI shows them, the newest first. Raises IngestError if it does not answer."""
        answer = self._ask("POST", "/graphql", json.dumps({"query": RUNS}))
        if answer is None:
            raise IngestError(
                f"Dagster's web UI did not answer the question how its runs ended; see {self.log}"
            )
        found = json.loads(answer)["data"]["runsOrError"]["results"]
        return [DagsterRun(one["runId"], one["jobName"], one["status"]) for one in found]

    def _answers(self) -> bool:
        return self._ask("GET", "/server_info") is not None

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes | None:
        """The answer of the web UI; None if it does not answer, or with an error."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.read() if answer.status == http.HTTPStatus.OK else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


@contextmanager
def dagster_dev(top: Path, *, port: int, log: Path, interrupts: Interrupts) -> Iterator[DagsterDev]:
    """`dagster dev` in the folder `top`, with this process's environment; it ends with the block."""
    command = [sys.executable, "-m", "dagster", "dev", "--host", HOST, "--port", str(port)]
    with ProcessGroup(command, cwd=top, log=log, interrupts=interrupts) as group:
        yield DagsterDev(group, port=port, log=log, interrupts=interrupts)


def choose_port(port: int | None) -> int:
    """The given port, else 3000 if it is free, else any free one.

    Raises SettingsError if the given one is taken.
    """
    if port is not None:
        if (reason := why_not_free(HOST, port)) is not None:
            raise SettingsError([f"port {port} is taken ({reason}); give another port, or leave --port out"])
        return port
    return USUAL_PORT if why_not_free(HOST, USUAL_PORT) is None else any_free_port()


def why_not_free(host: str, port: int) -> str | None:
    """The reason why a server cannot listen on this port; None if it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: without it, a port stays taken for a minute after its last server.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def any_free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
