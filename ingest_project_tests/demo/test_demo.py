"""`ingest demo` as a person starts it: all rows are in, and no process is left."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_project_tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc"),
]

INGEST = Path(sys.executable).with_name("ingest")


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """Where the demo keeps its state; whatever a failed test left running there is killed."""
    yield tmp_path
    for pid in processes_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_all_rows_are_in_exactly_once_and_no_process_is_left(state_dir: Path) -> None:
    demo = start_demo(state_dir, "--exit")
    code = demo.wait(PATIENCE_SECONDS)

    text = (state_dir / "out").read_text()
    assert code == 0, text
    assert "All 74,800 rows of 4 tables have arrived, each exactly once." in text
    assert "3 bad rows: they are in sales.orders__quarantine" in text
    assert "part-008.ndjson.gz" in text
    assert "/assets" in text
    assert re.search(r"Job [0-9a-f]{32} \(export\): completed, [1-9][0-9,]* rows in 1 file", text)
    assert "/manifest.json?" in text
    assert processes_of(state_dir) == []


def test_sigterm_while_dagster_starts_leaves_no_process(state_dir: Path) -> None:
    demo = start_demo(state_dir)
    wait_for_processes(state_dir, 3)

    demo.send_signal(signal.SIGTERM)

    assert demo.wait(PATIENCE_SECONDS) == 130
    assert processes_of(state_dir) == []


def start_demo(state_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "INGEST_STATE_DIR": str(state_dir)}
    with (state_dir / "out").open("wb") as output:
        return subprocess.Popen(
            [INGEST, "demo", *options], env=environment, stdout=output, stderr=output, start_new_session=True
        )


def wait_for_processes(state_dir: Path, count: int) -> None:
    """Wait until `dagster dev` and some of what it starts are running."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(processes_of(state_dir)) < count:
        assert time.monotonic() < deadline, (state_dir / "out").read_text()
        time.sleep(0.05)


def processes_of(state_dir: Path) -> list[int]:
    """Processes that were started with the demo's own environment."""
    mark = f"DAGSTER_HOME={state_dir}/demo/home".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if mark in variables:
            found.append(int(folder.name))
    return found
