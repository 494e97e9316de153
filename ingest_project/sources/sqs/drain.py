"""One drain of a queue: receives in parallel until there is enough, no more time, or nothing left.

Enough is a count of messages or the bytes of their bodies, whichever comes first: a message may have 1 MiB.

An empty answer does not mean an empty queue: a standard queue answers a short poll from a sample of its
servers. So a drain ends only after many empty answers in a row. They are to short polls: what was received
must not wait for more, and what they miss is received by the next drain, which begins with a long one.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

import logging
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.message import Message

WORKERS = 8
BATCH = 10
"""The most messages that SQS returns in one call."""
MAX_BODY_BYTES = 64 * 1024**2
"""The memory for the bodies of one drain; the calls under way may bring up to 80 MiB more."""
EMPTY_ANSWERS_IN_A_ROW = 16
"""Of short polls; two for each worker, which take some 10 milliseconds."""

Poll = Callable[[int, int], list[Message]]
"""Receives up to a number of messages, and waits up to a number of seconds for the first."""

logger = logging.getLogger(__name__)


class Drain:
    """Receives up to `limit` messages within `seconds` from now. Use it for one `run` or `parts` only."""

    def __init__(self, poll: Poll, *, queue: str, limit: int, seconds: float) -> None:
        self._poll = poll
        self._queue = queue
        self._limit = limit
        self._deadline = time.monotonic() + seconds
        self._changed = Condition()
        self._messages: dict[str, Message] = {}
        self._taken = 0
        self._working = 0
        self._reserved = 0
        self._body_bytes = 0
        self._empty_answers = 0
        self._broken = False

    def run(self, wait_seconds: int) -> list[Message]:
        """One long poll; if it brought messages, parallel short polls until the drain is done.

        An error of the first poll is raised. A later one ends the drain and is logged: what was received
        before is in flight, and must reach the caller.
        """
        return [message for part in self.parts(wait_seconds, size=self._limit) for message in part]

    def parts(self, wait_seconds: int, *, size: int) -> Generator[list[Message], None, None]:
        """The same in parts of at least `size` messages (the last one: the rest), while it goes on receiving.

        A message that is received again after its part was taken is in a later part too, with its newest
        receipt. Close the iterator if it is not read to its end: then the drain ends.
        """
        wanted = self._reserve()
        if wanted == 0:
            return
        within = max(0, math.floor(self._seconds_left()))
        self._keep(self._poll(wanted, min(wait_seconds, within)), wanted)
        workers = min(WORKERS, math.ceil((self._limit - len(self._messages)) / BATCH))
        if self._messages and workers > 0:
            yield from self._received_by(workers, size)
        if rest := self._take():
            yield rest

    def _received_by(self, workers: int, size: int) -> Iterator[list[Message]]:
        """What so many threads receive, without the rest that is smaller than `size`."""
        self._working = workers
        with ThreadPoolExecutor(workers, thread_name_prefix=f"receive-{self._queue}") as pool:
            working = [pool.submit(self._work) for _ in range(workers)]
            try:
                while self._wait_for(size):
                    yield self._take()
            finally:
                self._broken = True  # if the caller does not want the rest
            for done in working:
                done.result()

    def _wait_for(self, size: int) -> bool:
        """Wait until so many messages are there, or until no more come (False)."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._messages) >= size or self._working == 0)
            return self._working > 0

    def _take(self) -> list[Message]:
        with self._changed:
            taken, self._messages = list(self._messages.values()), {}
            self._taken += len(taken)
            return taken

    def _work(self) -> None:
        try:
            while wanted := self._reserve():
                received: list[Message] = []
                try:
                    received = self._poll(wanted, 0)
                except QueueUnavailable as error:
                    self._broken = True
                    logger.warning("drain ends early with %d messages: %s", self._received, error)
                finally:
                    self._keep(received, wanted)
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @property
    def _received(self) -> int:
        return self._taken + len(self._messages)

    def _reserve(self) -> int:
        """How many messages the next call may ask for; 0 ends the worker.

        What a call under way may still bring counts as received, so that no more than `limit` messages
        arrive: others would have to be discarded, and would stay invisible until their timeout.
        """
        with self._changed:
            if self._is_over():
                return 0
            wanted = min(BATCH, self._limit - self._received - self._reserved)
            self._reserved += max(wanted, 0)
            return max(wanted, 0)

    def _keep(self, received: list[Message], reserved: int) -> None:
        with self._changed:
            self._reserved -= reserved
            self._empty_answers = 0 if received else self._empty_answers + 1
            for message in received:
                self._body_bytes += sys.getsizeof(message.body)  # a body takes up to four bytes a character
                known = self._messages.get(message.message_id)
                # Redelivered within the drain: only the last receipt can delete it.
                if known is None or known.receive_count <= message.receive_count:
                    self._messages[message.message_id] = message
            self._changed.notify_all()

    def _is_over(self) -> bool:
        return (
            self._broken
            or self._seconds_left() <= 0
            or self._empty_answers >= EMPTY_ANSWERS_IN_A_ROW
            or self._body_bytes >= MAX_BODY_BYTES
        )

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()
