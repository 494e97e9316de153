"""The demo's API of jobs: `ingest api` in a process of its own, and a client of it."""

import importlib.util
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from ingest_project.demo.embedded_aws import HOST
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.process_group import ProcessGroup
from ingest_project.errors import IngestError, SettingsError

START_SECONDS = 60
END_SECONDS = 240
"""How long a job may take: on a busy machine a run alone takes some ten seconds to start."""
POLL_SECONDS = 0.5
SERVE = "from ingest_project.cli.main import main; main()"
FINAL = ("completed", "failed", "cancelled")


class JobApi:
    """`ingest api` at `url`; its output is in `log`."""

    def __init__(self, group: ProcessGroup, *, port: int, log: Path, interrupts: Interrupts) -> None:
        self.url = f"http://{HOST}:{port}"
        self.log = log
        self._group = group
        self._port = port
        self._interrupts = interrupts

    def wait_until_up(self) -> None:
        """Return when it answers. Raises IngestError if it ends, or does not answer within a minute."""
        deadline = time.monotonic() + START_SECONDS
        while self._ask("GET", "/readyz") is None:
            if self._group.exit_code is not None or time.monotonic() > deadline:
                raise IngestError(f"`ingest api` did not start; see {self.log}")
            self._interrupts.sleep(POLL_SECONDS)

    def run(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a job, and wait until it has ended, or for a few minutes; gives its last status."""
        status = self._ask("POST", "/submit-job", {"job": kind, "input": dict(given)})
        if status is None:
            raise IngestError(f"`ingest api` did not accept the job {kind}; see {self.log}")
        deadline = time.monotonic() + END_SECONDS
        while status["state"] not in FINAL and time.monotonic() < deadline:
            self._interrupts.sleep(POLL_SECONDS)
            status = self._ask("GET", f"/job-status/{status['id']}") or status
        return status

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer; None if there is none, or it is an error."""
        connection = HTTPConnection(HOST, self._port, timeout=10)
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": "demo"}
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            told = answer.read()
            found = json.loads(told) if answer.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED} else None
            return found if isinstance(found, dict) else None
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()


@contextmanager
def job_api(top: Path, *, port: int, log: Path, interrupts: Interrupts) -> Iterator[JobApi]:
    """`ingest api`, with this process's environment; it ends with the block. Raises SettingsError."""
    if importlib.util.find_spec("fastapi") is None:
        raise SettingsError(
            ["the demo needs fastapi; run `make demo`, or pip install 'ingest-project[demo,api]'"]
        )
    command = [sys.executable, "-c", SERVE, "api", "--port", str(port)]
    with ProcessGroup(command, cwd=top, log=log, interrupts=interrupts) as group:
        yield JobApi(group, port=port, log=log, interrupts=interrupts)
