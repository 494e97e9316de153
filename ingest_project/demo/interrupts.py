"""Handles Ctrl-C and similar signals for a demo that must not leave processes behind."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GLANCE_SECONDS = 0.1


class Interrupts:
    """Records SIGINT, SIGTERM and SIGHUP, and raises them as KeyboardInterrupt where the demo waits.

    If they were raised anywhere, one could come after the start of a process but before it is recorded.
    """

    def __init__(self) -> None:
        self.count = 0
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # With nohup, SIGHUP must not end us. A shell's `&` ignores SIGINT too, but our child processes
            # would inherit that, and Dagster would then ignore SIGTERM as well; a handler is not inherited.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._earlier[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def sleep(self, seconds: float) -> None:
        """Wait; raises KeyboardInterrupt as soon as a signal comes, or at once if one came before."""
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, GLANCE_SECONDS))

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""
        if self.count:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
