"""The web UI's port, and what is said when `dagster dev` does not come up."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest_project.demo.dagster_dev import DagsterDev, choose_port
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.process_group import ProcessGroup
from ingest_project.errors import IngestError, SettingsError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_refused(taken_port: int) -> None:
    with pytest.raises(SettingsError, match=f"port {taken_port} is taken"):
        choose_port(taken_port)


def test_without_a_wish_some_free_port_is_taken() -> None:
    with closing(socket.create_server(("127.0.0.1", choose_port(None)))) as server:
        assert choose_port(None) != server.getsockname()[1]


def test_a_dagster_that_ends_by_itself_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "dagster.log"
    with Interrupts() as interrupts:
        group = ProcessGroup(["sh", "-c", "exit 3"], cwd=tmp_path, log=log, interrupts=interrupts)
        with group, pytest.raises(IngestError, match=f"ended unexpectedly with code 3; see {log}"):
            DagsterDev(group, port=choose_port(None), log=log, interrupts=interrupts).wait_until_up()
