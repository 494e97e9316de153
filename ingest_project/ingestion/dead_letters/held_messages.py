"""Messages that are held for a while: received once each, and made visible again at the end.

Looking into a queue is a receive, so it raises the receive counts of what is looked at. A DLQ has no redrive
policy, as a rule, and then nothing depends on that count.
"""

import logging
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.message import Message, Receipt
from ingest_project.sources.sqs.queue import Queue

ROUNDS_WITHOUT_NEWS = 3
"""After so many receives that brought only messages that are known already, there are no others."""
RECEIVE_SECONDS = 5.0

log = logging.getLogger(__name__)


class HeldMessages:
    """Receives the messages of one queue part by part. At the end, what was not deleted is visible again.

    If the process is killed, that happens after the visibility timeout. In a FIFO queue the later messages of
    a group stay in the queue, unseen, while earlier ones are held.
    """

    def __init__(self, queue: Queue, *, visibility_timeout_seconds: int) -> None:
        self._queue = queue
        self._timeout = visibility_timeout_seconds
        self._held: dict[str, Receipt] = {}
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._queue.change_visibility(list(self._held.values()), timeout_seconds=0)
        except QueueUnavailable as failure:
            log.warning("what was looked at is visible again in %d s: %s", self._timeout, failure)

    def parts(self, size: int, *, limit: int | None = None) -> Iterator[list[Message]]:
        """Parts of up to `size` messages that were not seen before, up to `limit` in all."""
        rounds = received_in_all = 0
        while rounds < ROUNDS_WITHOUT_NEWS:
            wanted = size if limit is None else min(size, limit - received_in_all)
            received = self._receive(wanted) if wanted > 0 else []
            if not received:
                return
            new = [one for one in received if one.message_id not in self._seen]
            self._held |= {one.message_id: one.receipt for one in received}
            self._seen |= {one.message_id for one in new}
            received_in_all += len(new)
            rounds = 0 if new else rounds + 1
            if new:
                yield new

    def deleted(self, message_ids: Iterable[str]) -> None:
        """These are deleted: there is nothing to make visible."""
        for message_id in message_ids:
            self._held.pop(message_id, None)

    def leave_alone(self, message_ids: Iterable[str]) -> None:
        """If these come into the queue meanwhile, they are not new."""
        self._seen.update(message_ids)

    def _receive(self, limit: int) -> list[Message]:
        return self._queue.receive(
            limit=limit,
            wait_seconds=1,
            visibility_timeout_seconds=self._timeout,
            seconds=RECEIVE_SECONDS,
        )
