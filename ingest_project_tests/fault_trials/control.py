"""The control folder: how a trial says what is to happen at a named point of a process it does not hold.

A trial arms a point by a file, and the first process that comes there claims the file by renaming it, so that
each order is carried out once, whatever runs at the same time. The claim leaves a mark, by which the trial
knows that its fault has truly happened.
"""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from ingest_project_tests.fault_trials.processes import members_of_group, run_workers

FOLDER_VARIABLE = "FAULT_TRIALS_CONTROL"


class Action(StrEnum):
    """What the process that reaches an armed point does."""

    KILL_SELF = "kill_self"
    KILL_DAEMON = "kill_daemon"
    KILL_BOTH = "kill_both"
    FREEZE = "freeze"
    PAUSE = "pause"
    FAIL = "fail"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True)
class Order:
    """An action at a point. `daemon_group` is the process group that the daemon leads."""

    action: Action
    daemon_group: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The process that reached an armed point, and when by the wall clock."""

    pid: int
    at: float


class AnswerLost(ConnectionError):
    """The work was done, and its answer did not come back."""


@dataclass(frozen=True, slots=True)
class Control:
    """The orders and marks of one deployment."""

    folder: Path

    def arm(self, point: str, order: Order) -> None:
        """Have the next process that comes to the point carry the order out."""
        for name in ("armed", "claimed", "fired"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        _write(self.folder / "armed" / point, json.dumps(asdict(order)))

    def disarm(self) -> None:
        """Forget all orders and marks."""
        for path in self.folder.glob("*/*"):
            path.unlink(missing_ok=True)

    def mark(self, point: str) -> Mark | None:
        """Who carried the order at this point out; None if nobody has yet."""
        try:
            return Mark(**json.loads((self.folder / "fired" / point).read_text()))
        except FileNotFoundError:
            return None

    def is_armed(self, point: str) -> bool:
        return (self.folder / "armed" / point).exists()

    def claim(self, point: str) -> Order | None:
        """The order of this point, if it is armed and this process is the first to come; leaves the mark."""
        claimed = self.folder / "claimed" / point
        try:
            (self.folder / "armed" / point).rename(claimed)
        except FileNotFoundError:
            return None
        fields = json.loads(claimed.read_text())
        _write(self.folder / "fired" / point, json.dumps(asdict(Mark(os.getpid(), time.time()))))
        return Order(Action(fields["action"]), fields["daemon_group"], fields["seconds"])


def reach(point: str) -> Order | None:
    """Called by the deployment's processes at a point: executes its order, and gives it if the process
    survives.
    """
    order = control().claim(point)
    if order is not None:
        _carry_out(order)
    return order


def control() -> Control:
    """The control folder of the deployment that this process belongs to."""
    return Control(Path(os.environ[FOLDER_VARIABLE]))


def _carry_out(order: Order) -> None:
    match order.action:
        case Action.KILL_SELF:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.KILL_DAEMON:
            kill_daemon(order.daemon_group)
        case Action.KILL_BOTH:
            os.killpg(order.daemon_group, signal.SIGKILL)
        case Action.FREEZE:
            os.kill(os.getpid(), signal.SIGSTOP)
        case Action.PAUSE:
            time.sleep(order.seconds)
        case Action.FAIL:
            raise AnswerLost("the answer was lost on its way")
        case Action.BRANCH:
            return


def kill_daemon(group: int) -> None:
    """SIGKILL the daemon and its code server, but not its run workers; the caller itself dies last."""
    spared = run_workers(group)
    own = os.getpid()
    victims = [pid for pid in members_of_group(group) if pid not in spared]
    for pid in sorted(victims, key=lambda pid: pid == own):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _write(path: Path, text: str) -> None:
    """All of the file appears at once."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(text)
    unfinished.rename(path)
