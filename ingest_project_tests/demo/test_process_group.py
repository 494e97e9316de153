"""Whatever a command starts ends with it, politely or not."""

import os
import signal
import sys
import time
from pathlib import Path
from threading import Timer

from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.process_group import ENDINGS, ProcessGroup
from ingest_project_tests.patience import PATIENCE_SECONDS

PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
POLITE = "import time; print(flush=True); time.sleep(600)"
STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print(flush=True)
time.sleep(600)
"""
HASTY_ENDINGS = ((signal.SIGINT, 0.2), (signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0))


def test_children_end_with_the_command(tmp_path: Path) -> None:
    with Interrupts() as interrupts, family(tmp_path, POLITE, interrupts):
        _, child = members(tmp_path)
        assert is_running(child)

    assert not is_running(child)


def test_a_child_that_ignores_every_polite_signal_is_killed(tmp_path: Path) -> None:
    with Interrupts() as interrupts, family(tmp_path, STUBBORN, interrupts, HASTY_ENDINGS):
        _, child = members(tmp_path)

    assert not is_running(child)


def test_children_end_even_if_the_command_died_before(tmp_path: Path) -> None:
    with Interrupts() as interrupts, family(tmp_path, POLITE, interrupts) as group:
        command, child = members(tmp_path)
        os.kill(command, signal.SIGKILL)
        while group.exit_code is None:
            time.sleep(0.01)
        assert is_running(child)

    assert not is_running(child)


def test_another_ctrl_c_skips_to_the_next_way_of_asking(tmp_path: Path) -> None:
    hurries = [Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)) for seconds in (0.3, 0.7)]
    with Interrupts() as interrupts, family(tmp_path, STUBBORN, interrupts):
        _, child = members(tmp_path)
        started = time.monotonic()
        for hurry in hurries:
            hurry.start()
    took = time.monotonic() - started

    assert not is_running(child)
    assert took < ENDINGS[0][1] / 2


def family(
    folder: Path,
    child: str,
    interrupts: Interrupts,
    endings: tuple[tuple[signal.Signals, float], ...] = ENDINGS,
) -> ProcessGroup:
    """A command that starts this child and prints both process ids."""
    command = [sys.executable, "-c", PARENT, child]
    return ProcessGroup(command, cwd=folder, log=folder / "log", interrupts=interrupts, endings=endings)


def members(folder: Path) -> tuple[int, int]:
    """The process ids of the command and of its child, once both are up."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        line = (folder / "log").read_text()
        if line.endswith("\n"):
            command, child = line.split()
            return int(command), int(child)
        time.sleep(0.02)
    raise AssertionError("the command did not come up")


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie that waits to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
