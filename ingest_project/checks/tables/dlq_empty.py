"""Whether the dead-letter queue of a table's queue is empty."""

from dataclasses import dataclass

from ingest_project.checks.tables.verdict import Fact, Verdict
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings
from ingest_project.settings.wording import plural
from ingest_project.sources.sqs.faults import translated


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A dead-letter queue, and how many messages it holds, visible or not, as SQS counts them."""

    arn: str
    messages: int


def dead_letters(services: Services, queue: str) -> DeadLetters | None:
    """The queue's DLQ; None if it has none. Raises QueueUnavailable."""
    with translated(queue):  # boto3 may already fail at opening: a profile that does not exist
        source = services.queue(queue)
    dlq = source.dead_letter_queue()
    if dlq is None:
        return None
    attributes = dlq.attributes()
    return DeadLetters(attributes.arn, attributes.depth)


def judge_dlq(table: TableSettings, letters: DeadLetters | None) -> Verdict:
    """Fails if the DLQ, which all tables of the queue share, holds messages."""
    if letters is None:
        said = f"queue {table.queue} has no DLQ; `ingest check` says how to get one"
        return Verdict("dlq_empty", True, "error", said, {"queue": table.queue})
    facts: dict[str, Fact] = {"messages": letters.messages, "queue": table.queue, "dlq": letters.arn}
    if not letters.messages:
        return Verdict("dlq_empty", True, "error", f"the DLQ of queue {table.queue} is empty", facts)
    messages = plural(letters.messages, "message")
    remedy = (
        "`ingest history --rejected` lists messages that name no object of any table, "
        "`ingest history --state "
        "failed` lists files that could not be ingested; fix the cause, then redrive: "
        f"aws sqs start-message-move-task --source-arn {letters.arn}"
    )
    said = f"{messages} in the DLQ of queue {table.queue}"
    return Verdict("dlq_empty", False, "error", said, {**facts, "what_to_do": remedy})
