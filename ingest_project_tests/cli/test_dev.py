"""`ingest dev`: one for each DAGSTER_HOME, with a web UI, and none on a folder that is gone."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingest_project.cli.dev import LOCK_NAME, home_lock, run_until_it_ends
from ingest_project.cli.main import ingest
from ingest_project.demo.interrupts import Interrupts
from ingest_project.errors import IngestError

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def dev(*arguments: str) -> Result:
    return CliRunner().invoke(ingest, ["dev", *arguments])


def test_a_taken_port_is_refused_with_the_remedy(home: Path, taken_port: int) -> None:
    done = dev("--port", str(taken_port))

    assert done.exit_code == 1
    assert (
        f"port {taken_port} of 127.0.0.1 cannot be used for the web UI: Address already in use" in done.stderr
    )
    assert f"make dev PORT={taken_port + 1}" in done.stderr


def test_an_address_of_another_machine_is_refused(home: Path) -> None:
    done = dev("--host", "192.0.2.1")

    assert done.exit_code == 1
    assert "port 3000 of 192.0.2.1 cannot be used for the web UI" in done.stderr


def test_a_second_one_on_the_same_home_is_refused_and_names_the_first(home: Path) -> None:
    with home_lock(home) as lock:
        lock.name_owner(4711)

        done = dev()

    assert done.exit_code == 1
    assert f"Dagster is already running on {home} (process 4711)" in done.stderr


def test_what_a_crashed_one_left_behind_does_not_stop_the_next(home: Path, taken_port: int) -> None:
    (home / LOCK_NAME).write_text("4711\n")

    assert "already running" not in dev("--port", str(taken_port)).stderr


def test_the_home_stays_locked_while_what_was_started_outlives_its_parent(home: Path) -> None:
    with home_lock(home) as lock, Interrupts():
        child = subprocess.Popen(SLEEP, pass_fds=(lock.file.fileno(),))
    try:
        with pytest.raises(IngestError, match="already running"), home_lock(home):
            pass
    finally:
        child.kill()
        child.wait()
    with home_lock(home):
        pass


def test_dagster_inherits_the_lock(home: Path) -> None:
    look = (
        "import os; os.fstat(int(os.environ['LOCK']))"  # an OSError, and exit code 1, if it has no such file
    )
    with home_lock(home) as lock, Interrupts() as interrupts, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCK", str(lock.file.fileno()))

        assert run_until_it_ends([sys.executable, "-c", look], lock, interrupts) == 0
        assert (home / LOCK_NAME).read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_dagster_is_stopped_when_its_home_was_removed(home: Path, is_made_anew: bool) -> None:
    with home_lock(home) as lock, Interrupts() as interrupts:
        shutil.rmtree(home)
        if is_made_anew:
            home.mkdir()
            (home / LOCK_NAME).touch()
        started = time.monotonic()

        with pytest.raises(
            IngestError, match=r"was removed while Dagster was running.*ingest ledger recover"
        ):
            run_until_it_ends(SLEEP, lock, interrupts)

    assert time.monotonic() - started < 30


def test_without_a_home_it_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    done = dev()

    assert done.exit_code == 2
    assert "`make dev` creates .dagster and sets it" in done.stderr
