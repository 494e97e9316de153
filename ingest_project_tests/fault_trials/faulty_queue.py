"""A queue that stops after a receive, and in the middle of its deletes."""

from collections.abc import Sequence
from typing import Any

from ingest_project.sources.sqs.message import EntryResults, Message, Receipt
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.fault_trials.control import control, reach

AFTER_RECEIVE = "after-receive"
AFTER_PART_OF_DELETES = "after-part-of-deletes"
AFTER_DELETES = "after-deletes"
LONGEST_POLL_SECONDS = 1


class FaultyQueue(Queue):
    """The same queue, breakable, with shorter long polls."""

    def receive(self, *, wait_seconds: int, **named: Any) -> list[Message]:
        received = super().receive(wait_seconds=min(wait_seconds, LONGEST_POLL_SECONDS), **named)
        if received:
            reach(AFTER_RECEIVE)
        return received

    def delete(self, receipts: Sequence[Receipt]) -> EntryResults:
        half = len(receipts) // 2 if control().is_armed(AFTER_PART_OF_DELETES) else 0
        if half == 0:
            done = super().delete(receipts)
            reach(AFTER_DELETES)
            return done
        first = super().delete(receipts[:half])
        reach(AFTER_PART_OF_DELETES)
        rest = super().delete(receipts[half:])
        return EntryResults(first.succeeded + rest.succeeded, first.failed + rest.failed)
