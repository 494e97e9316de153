"""Whether the dead-letter queue of a table's queue is empty."""

import logging
from dataclasses import dataclass
from datetime import datetime

from ingest_project.checks.tables.verdict import Fact, Verdict, length_in_words
from ingest_project.errors import QueueUnavailable
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings
from ingest_project.settings.wording import plural
from ingest_project.sources.sqs.faults import translated
from ingest_project.sources.sqs.queue import Queue

SAMPLE = 10
SAMPLE_SECONDS = 10
"""How long the sample stays invisible if the process is killed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue, and how many messages it holds, visible or not, as SQS counts them.

    `oldest_sent_at` is the time of the oldest of the first ten that SQS gives; None if there is none.
    """

    arn: str
    messages: int
    oldest_sent_at: datetime | None = None


def dead_letters(services: Services, queue: str) -> DeadLetters | None:
    """The queue's DLQ; None if it has none. Raises QueueUnavailable."""
    with translated(queue):  # boto3 may already fail at opening: a profile that does not exist
        source = services.queue(queue)
    dlq = source.dead_letter_queue()
    if dlq is None:
        return None
    attributes = dlq.attributes()
    # A look is a receive, and with a redrive policy of its own the DLQ would move on what is looked at.
    may_look = attributes.visible > 0 and attributes.dlq_arn is None
    return DeadLetters(attributes.arn, attributes.depth, _oldest_sent_at(dlq) if may_look else None)


def judge_dlq(table: TableSettings, letters: DeadLetters | None, now: datetime) -> Verdict:
    """Fails if the DLQ, which all tables of the queue share, holds messages."""
    if letters is None:
        said = f"queue {table.queue} has no DLQ; `ingest check` says how to get one"
        return Verdict("dlq_empty", True, "error", said, {"queue": table.queue})
    facts: dict[str, Fact] = {"messages": letters.messages, "queue": table.queue, "dlq": letters.arn}
    if not letters.messages:
        return Verdict("dlq_empty", True, "error", f"the DLQ of queue {table.queue} is empty", facts)
    if letters.oldest_sent_at is not None:
        facts["oldest_sent_at"] = letters.oldest_sent_at
        facts["oldest_age"] = length_in_words(now - letters.oldest_sent_at)
    messages = plural(letters.messages, "message")
    remedy = (
        f"`ingest dlq {table.queue}`, or the job dlq_look, shows what lies there and why; fix the cause, "
        f"then `ingest redrive {table.queue}`, or the job dlq_redrive, moves it back"
    )
    said = f"{messages} in the DLQ of queue {table.queue}"
    return Verdict("dlq_empty", False, "error", said, {**facts, "what_to_do": remedy})


def _oldest_sent_at(dlq: Queue) -> datetime | None:
    """When the oldest of a few messages was sent. None if SQS gives none, or does not let us look."""
    try:
        sample = dlq.receive(
            limit=SAMPLE, wait_seconds=1, visibility_timeout_seconds=SAMPLE_SECONDS, seconds=1
        )
        dlq.change_visibility([one.receipt for one in sample], timeout_seconds=0)
    except QueueUnavailable as error:
        log.warning("the age of what lies in the DLQ is unknown: %s", error)
        return None
    return min((one.sent_at for one in sample), default=None)
