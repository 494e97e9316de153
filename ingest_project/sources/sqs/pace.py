"""Limits how many messages are sent in a second."""

import time
from collections.abc import Callable
from threading import Lock


class Pace:
    """Makes each call wait until its messages may be sent. Shared by the threads that send.

    The first call does not wait. A rate is kept over any second or so: a call has up to ten messages at once.
    """

    def __init__(
        self,
        messages_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds_each = 1 / messages_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._free_at = clock()

    def __call__(self, messages: int) -> None:
        """Wait until this many messages may be sent."""
        with self._lock:
            now = self._clock()
            begins = max(now, self._free_at)
            self._free_at = begins + messages * self._seconds_each
        if begins > now:
            self._sleep(begins - now)
