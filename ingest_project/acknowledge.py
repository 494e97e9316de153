"""Deletes the messages of what is settled, and keeps the messages of what is not yet invisible.

The end of an object's journey. Both are safe to do at any time and any number of times: what may be deleted is read
from the ledger, and an extension that fails only costs a redelivery.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest_project.batches.ledger import Ledger, utc_now
from ingest_project.batches.model import OpenMessage
from ingest_project.batches.open_messages import LONGEST_INVISIBLE
from ingest_project.sqs.message import Receipt
from ingest_project.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How many messages SQS deleted, and how many receipt handles it refused (their next delivery finishes them)."""

    deleted: int
    refused: int


def acknowledge(ledger: Ledger, queue: Queue) -> Acknowledged:
    """Delete every message of the queue all of whose object versions are settled.

    A crash after SQS deleted a message and before the ledger says so leaves the message to the next call, which
    deletes it again: SQS answers that as a success.
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
            "queue %s: SQS refused to delete %d messages; their next delivery settles them",
            queue.name,
            refused,
        )
    return Acknowledged(deleted, refused)


def keep_invisible(ledger: Ledger, queue: Queue, *, timeout: timedelta) -> int:
    """Extend the visibility timeout of messages whose work waits or goes on; gives how many were extended.

    Only those more than half of whose timeout is gone, and never past the 12 hours from receipt that SQS allows.
    """
    now = utc_now()
    extended = 0
    for seconds, messages in _by_timeout(
        ledger.messages_to_extend(queue.name, timeout=timeout), timeout, now
    ).items():
        results = queue.change_visibility(
            [_receipt(message) for message in messages], timeout_seconds=seconds
        )
        # Refused ones are recorded as well: they are visible again, and their next delivery tells the truth.
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
