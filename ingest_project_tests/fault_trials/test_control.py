"""An order at a point is carried out once, by a process that leaves its mark."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest_project_tests.fault_trials.control import (
    FOLDER_VARIABLE,
    Action,
    AnswerLost,
    Control,
    Order,
    reach,
)
from ingest_project_tests.fault_trials.deployment import wait_until
from ingest_project_tests.fault_trials.processes import is_alive, is_stopped, members_of_group

REACH = (
    "import time; from ingest_project_tests.fault_trials.control import reach; reach('point'); time.sleep(60)"
)


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Control:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return Control(tmp_path)


def started(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def test_point_that_is_not_armed_does_nothing(control: Control) -> None:
    assert reach("point") is None
    assert control.mark("point") is None


def test_order_is_carried_out_once_and_leaves_a_mark(control: Control) -> None:
    control.arm("point", Order(Action.FAIL, 0))

    with pytest.raises(AnswerLost):
        reach("point")

    mark = control.mark("point")
    assert mark is not None
    assert mark.pid == os.getpid()
    assert reach("point") is None


def test_pause_goes_on_after_its_time(control: Control) -> None:
    control.arm("point", Order(Action.PAUSE, 0, seconds=0.2))
    began = time.monotonic()

    assert reach("point") is not None
    assert time.monotonic() - began >= 0.2


def test_process_kills_itself(control: Control) -> None:
    control.arm("point", Order(Action.KILL_SELF, 0))

    assert started(REACH).wait(20) == -signal.SIGKILL
    assert control.mark("point") is not None


def test_frozen_process_stops_and_goes_on(control: Control) -> None:
    control.arm("point", Order(Action.FREEZE, 0))
    process = started(REACH)
    try:
        assert wait_until(lambda: is_stopped(process.pid), seconds=20)
        os.kill(process.pid, signal.SIGCONT)
        assert wait_until(lambda: not is_stopped(process.pid), seconds=5)
        assert is_alive(process.pid)
    finally:
        process.kill()
        process.wait(5)


def test_daemon_is_killed_and_its_run_worker_lives_on(control: Control) -> None:
    # In two parts, because the daemon's own command line must not contain the name.
    worker = "'import time; time.sleep(60)  # multiprocessing' + '.spawn'"
    daemon = started(
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {worker}]); time.sleep(60)"
    )
    try:
        assert wait_until(lambda: len(members_of_group(daemon.pid)) == 2, seconds=10)
        control.arm("point", Order(Action.KILL_DAEMON, daemon.pid))
        reach("point")
        assert daemon.wait(5) == -signal.SIGKILL
        assert len(members_of_group(daemon.pid)) == 1
    finally:
        os.killpg(daemon.pid, signal.SIGKILL)


def test_disarmed_point_is_forgotten(control: Control) -> None:
    control.arm("point", Order(Action.FAIL, 0))
    control.disarm()

    assert reach("point") is None
