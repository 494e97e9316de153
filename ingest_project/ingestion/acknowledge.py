"""Deletes messages whose objects are settled, and keeps the others invisible.

The end of an object's journey. Both are safe at any time and any number of times: the ledger says what may be
deleted, and an extension that fails costs only a redelivery.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import OpenMessage
from ingest_project.ledger.open_messages import LONGEST_INVISIBLE
from ingest_project.settings.clocks import utc_now
from ingest_project.sources.sqs.message import Receipt
from ingest_project.sources.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How many messages SQS deleted, and how many receipt handles it refused.

    A message whose handle was refused is deleted after its next delivery.
    """

    deleted: int
    refused: int


def acknowledge(ledger: Ledger, queue: Queue) -> Acknowledged:
    """Delete every message of the queue whose object versions are all settled.

    After a crash between the deletion in SQS and its record in the ledger, the next call deletes the message
    again, which SQS reports as a success.
    """
    deleted = refused = 0
    while messages := ledger.deletable_messages(queue.name):
        results = queue.delete([_receipt(message) for message in messages])
        ledger.messages_deleted(
            queue.name, results.succeeded, refused=[entry.message_id for entry in results.failed]
        )
        deleted += len(results.succeeded)
        refused += len(results.failed)
    if refused:
        log.warning(
            "queue %s: SQS refused to delete %d messages; they are deleted after their next delivery",
            queue.name,
            refused,
        )
    return Acknowledged(deleted, refused)


def keep_invisible(ledger: Ledger, queue: Queue, *, timeout: timedelta) -> int:
    """Extend the visibility timeout of messages with work in progress; returns how many were extended.

    Extends only messages whose timeout is more than half over, and at most to 12 hours from receipt, SQS's
    limit.
    """
    now = utc_now()
    extended = 0
    to_extend = ledger.messages_to_extend(queue.name, timeout=timeout)
    for seconds, messages in _by_timeout(to_extend, timeout, now).items():
        results = queue.change_visibility(
            [_receipt(message) for message in messages], timeout_seconds=seconds
        )
        # Refused ones are recorded as well: they are visible again, and their next delivery corrects the
        # record.
        ids = [message.message_id for message in messages]
        ledger.messages_extended(queue.name, ids, invisible_until=now + timedelta(seconds=seconds))
        extended += len(results.succeeded)
    return extended


def _by_timeout(
    messages: list[OpenMessage], timeout: timedelta, now: datetime
) -> dict[int, list[OpenMessage]]:
    groups: dict[int, list[OpenMessage]] = {}
    for message in messages:
        allowed = message.received_at + LONGEST_INVISIBLE - now
        seconds = int(min(timeout, allowed).total_seconds())
        if seconds > 0:
            groups.setdefault(seconds, []).append(message)
    return groups


def _receipt(message: OpenMessage) -> Receipt:
    return Receipt(message.message_id, message.receipt_handle)
