"""Looks at the messages of a queue without consuming them, and says what the look costs.

SQS has no peek: each look is a receive, and counts as one. So each message is received once, is invisible to
other receivers only during the look, and is returned at once. A queue whose messages have only one receive is
not read.
"""

from dataclasses import dataclass

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.notification import parse_notification
from ingest_project.sources.sqs.message import Message
from ingest_project.sources.sqs.queue import Queue

INVISIBLE_SECONDS = 20
"""With 0 a message could be received again within the same look. Messages are returned long before this time
is over; if the process dies, SQS makes them visible again.
"""
LOOK_SECONDS = 5.0
FIRST_MESSAGES = 10
"""Received first, to see how many receives they have left."""
WAIT_SECONDS = 2
FEWEST_RECEIVES = 2
"""With a maxReceiveCount of 1 the look would be the only receive, and the next would send the message to the
DLQ.
"""


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What was seen, and what it cost: `looked_at` messages have one receive more than before.

    `highest_receive_count` includes the look. `at_their_limit` messages have no receive left: the next one
    sends them to the DLQ; `near_their_limit` have one left. `objects` are those that the messages name, each
    once.
    """

    queue: str
    visible: int
    in_flight: int
    max_receive_count: int | None
    looked_at: int
    highest_receive_count: int
    at_their_limit: int
    near_their_limit: int
    not_given_back: int
    unreadable: int
    skipped: int
    objects: tuple[ObjectVersion, ...]
    refused: str | None = None


def look(queue: Queue, limit: int) -> QueueLook:
    """Up to `limit` messages, each received once and returned. Raises QueueUnavailable."""
    attributes = queue.attributes()
    allowed = attributes.max_receive_count
    if allowed is not None and allowed < FEWEST_RECEIVES:
        refused = (
            f"its maxReceiveCount is {allowed}: a look would use up the one receive that each message has, "
            "and the next would send it to the DLQ; preview the prefix instead, or raise maxReceiveCount"
        )
        return QueueLook(
            queue.name, attributes.visible, attributes.in_flight, allowed, 0, 0, 0, 0, 0, 0, 0, (), refused
        )
    messages, kept = _looked_at(queue, min(limit, attributes.visible), allowed)
    counts = [message.receive_count for message in messages]
    objects, unreadable, skipped = _named(messages)
    return QueueLook(
        queue=queue.name,
        visible=attributes.visible,
        in_flight=attributes.in_flight,
        max_receive_count=allowed,
        looked_at=len(messages),
        highest_receive_count=max(counts, default=0),
        at_their_limit=sum(allowed is not None and count >= allowed for count in counts),
        near_their_limit=sum(allowed is not None and count == allowed - 1 for count in counts),
        not_given_back=kept,
        unreadable=unreadable,
        skipped=skipped,
        objects=objects,
    )


def _looked_at(queue: Queue, limit: int, allowed: int | None) -> tuple[list[Message], int]:
    """Messages that were received and returned, and how many of them could not be returned at once."""
    messages: list[Message] = []
    kept = 0
    try:
        messages += _received(queue, min(limit, FIRST_MESSAGES))
        # If these are near the DLQ, others may be too: they are not received.
        if allowed is None or all(message.receive_count < allowed - 1 for message in messages):
            messages += _received(queue, limit - len(messages)) if messages else []
    finally:
        if messages:
            given_back = queue.change_visibility([one.receipt for one in messages], timeout_seconds=0)
            kept = len(given_back.failed)
    return messages, kept


def _received(queue: Queue, limit: int) -> list[Message]:
    if limit <= 0:
        return []
    return queue.receive(
        limit=limit,
        wait_seconds=WAIT_SECONDS,
        visibility_timeout_seconds=INVISIBLE_SECONDS,
        seconds=LOOK_SECONDS,
    )


def _named(messages: list[Message]) -> tuple[tuple[ObjectVersion, ...], int, int]:
    """The objects of all messages by bucket and key, and the numbers of unreadable messages and skipped
    events.
    """
    objects: dict[tuple[str, str, str], ObjectVersion] = {}
    unreadable = skipped = 0
    for message in messages:
        try:
            notification = parse_notification(message.body)
        except NotAnS3Event:
            unreadable += 1
            continue
        skipped += len(notification.skipped)
        unreadable += bool(notification.rejected)
        for one in notification.objects:
            objects[one.bucket, one.key, one.version] = one
    return tuple(one for _, one in sorted(objects.items())), unreadable, skipped
