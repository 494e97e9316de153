"""A queue that stops after a receive, in the middle of its deletes and of its sends; and such a DLQ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest_project.sources.sqs.message import EntryResults, Message, Receipt
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.fault_trials.control import control, reach

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchResultTypeDef

AFTER_RECEIVE = "after-receive"
BEFORE_DELETES = "before-deletes"
AFTER_PART_OF_DELETES = "after-part-of-deletes"
AFTER_DELETES = "after-deletes"
AFTER_PART_OF_SENDS = "after-part-of-sends"
OF_DLQ = "dlq-"
"""What the names of the DLQ's points begin with: a redrive reaches them, a run and a tick do not."""
LONGEST_POLL_SECONDS = 1


class FaultyQueue(Queue):
    """The same queue, breakable, with shorter long polls."""

    _of = ""

    def receive(self, *, wait_seconds: int, **named: Any) -> list[Message]:
        received = super().receive(wait_seconds=min(wait_seconds, LONGEST_POLL_SECONDS), **named)
        if received:
            reach(self._of + AFTER_RECEIVE)
        return received

    def receive_parts(self, *, wait_seconds: int, **named: Any) -> Iterator[list[Message]]:
        for part in super().receive_parts(wait_seconds=min(wait_seconds, LONGEST_POLL_SECONDS), **named):
            reach(self._of + AFTER_RECEIVE)
            yield part

    def delete(self, receipts: Sequence[Receipt]) -> EntryResults:
        half = len(receipts) // 2 if control().is_armed(self._of + AFTER_PART_OF_DELETES) else 0
        if half == 0:
            reach(self._of + BEFORE_DELETES)
            done = super().delete(receipts)
            reach(self._of + AFTER_DELETES)
            return done
        first = super().delete(receipts[:half])
        reach(self._of + AFTER_PART_OF_DELETES)
        rest = super().delete(receipts[half:])
        return EntryResults(first.succeeded + rest.succeeded, first.failed + rest.failed)

    def send_messages(self, entries: Sequence[Mapping[str, Any]]) -> "SendMessageBatchResultTypeDef":
        done = super().send_messages(entries)
        reach(AFTER_PART_OF_SENDS)
        return done

    def dead_letter_queue(self) -> Queue | None:
        found = super().dead_letter_queue()
        if found is None:
            return None
        return FaultyDeadLetters(found._client, name=found.name, url=found.url, whole_messages=True)


class FaultyDeadLetters(FaultyQueue):
    """A DLQ with points of its own."""

    _of = OF_DLQ
