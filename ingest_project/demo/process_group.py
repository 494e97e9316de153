"""Ends a command together with all processes that it started, so that the demo leaves none behind."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest_project.demo.interrupts import GLANCE_SECONDS, Interrupts

Ending = tuple[signal.Signals, float]
ENDINGS: tuple[Ending, ...] = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""The signals that end the group, each with the seconds to wait after it."""


class ProcessGroup:
    """A command that runs in its own process group while the block runs.

    Its output goes to `log`, or to our own output if `log` is None. The command inherits the file descriptors
    `keep`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        log: Path | None,
        interrupts: Interrupts,
        endings: Sequence[Ending] = ENDINGS,
        keep: Sequence[int] = (),
    ) -> None:
        self._command = command
        self._cwd = cwd
        self._log = log
        self._interrupts = interrupts
        self._endings = endings
        self._keep = keep

    def __enter__(self) -> Self:
        with nullcontext() if self._log is None else self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=self._keep,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the whole group, with one signal after the other. Another Ctrl-C skips to the next signal."""
        for number, patience_seconds in self._endings:
            if not self._signal(number) or self._is_gone(patience_seconds):
                return

    @property
    def exit_code(self) -> int | None:
        """The command's exit code; None while it runs."""
        return self._process.poll()

    def _signal(self, number: int) -> bool:
        """Signal the group; False if it has no processes any more. Its leader counts until it is reaped."""
        self._process.poll()
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            return False
        return True

    def _is_gone(self, patience_seconds: float) -> bool:
        deadline = time.monotonic() + patience_seconds
        asked = self._interrupts.count
        while self._signal(0):
            if time.monotonic() > deadline or self._interrupts.count > asked:
                return False
            time.sleep(GLANCE_SECONDS)
        return True
