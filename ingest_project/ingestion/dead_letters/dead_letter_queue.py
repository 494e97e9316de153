"""The dead-letter queue of one queue: shows what lies there, and moves it back.

A message is deleted from the DLQ only after SQS has confirmed the one that replaces it, or if all that it
names is settled in the ledger. A crash between the two leaves both messages. The next redrive sends it once
more, or finds it ingested; the ledger knows what both name by the same identity: an object version, or the
original message id and the MD5 of the body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest_project.errors import IngestError
from ingest_project.ingestion.dead_letters.held_messages import HeldMessages
from ingest_project.ingestion.dead_letters.letter import DeadLetter, Wanted, dead_letter
from ingest_project.ingestion.dead_letters.moved_entry import moved_entry
from ingest_project.ingestion.dead_letters.results import Look, Redriven
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.sources.source import Source
from ingest_project.sources.sqs.batch_calls import Refusal
from ingest_project.sources.sqs.message import Message
from ingest_project.sources.sqs.pace import Pace
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send import Sender

LOOK_SECONDS = 60
"""How long what is looked at stays invisible if the process is killed."""
HELD_SECONDS = 300
"""The same for what is moved; a part takes a minute at most, also at a slow rate."""
PART_MESSAGES = 100
PART_SECONDS = 60
SOURCE_QUEUE = "DeadLetterQueueSourceArn"

OUTAGES = frozenset({"QueueUnavailable", "QueueRefused"})
"""Codes of entries that failed because a call as a whole did."""


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """The DLQ `dlq` of `queue`; `is_raw`: its messages are rows. Safe beside sensors, runs, other redrives.

    Several queues may share a DLQ: then SQS says from which queue a message came, and only those of this one
    are shown and moved.
    """

    queue: Queue
    dlq: Queue
    source: Source
    ledger: Ledger
    queue_arn: str
    is_raw: bool
    clock: Clock = utc_now

    def look(self, wanted: Wanted, *, limit: int) -> Look:
        """The first `limit` messages that SQS gives, without those that are not wanted; the oldest first.

        Nothing is consumed: all are visible again at the end. Raises QueueUnavailable and LedgerUnavailable.
        """
        attributes = self.dlq.attributes()
        found: list[DeadLetter] = []
        seen = 0
        with HeldMessages(self.dlq, visibility_timeout_seconds=LOOK_SECONDS) as held:
            for part in held.parts(PART_MESSAGES, limit=limit):
                seen += len(part)
                now = self.clock()
                found += [one for one in self._letters(part) if wanted.matches(one, now)]
        return Look(
            self.queue.name,
            self.dlq.name,
            attributes.depth,
            seen,
            tuple(sorted(found, key=lambda one: one.sent_at)),
            attributes.max_receive_count,
        )

    def redrive(
        self,
        wanted: Wanted,
        *,
        rate: float | None = None,
        dry_run: bool = False,
        progress: Callable[[Redriven], None] = lambda _: None,
    ) -> Redriven:
        """Move the wanted messages back to the queue; delete those whose objects are settled already.

        `rate` is the most messages that are sent in a second. A dry run only counts. What comes into the DLQ
        meanwhile because it failed again is left alone. If a service stops answering after something was
        done, the result says so in `stopped`; otherwise it raises QueueUnavailable or LedgerUnavailable.
        """
        attributes = self.dlq.attributes()
        done = Redriven(
            self.queue.name, self.dlq.name, dry_run, attributes.depth, attributes.max_receive_count
        )
        move = _Move(self, done, Sender(self.queue, pace=None if rate is None else Pace(rate)))
        part_size = PART_MESSAGES if rate is None else max(1, min(PART_MESSAGES, int(rate * PART_SECONDS)))
        with HeldMessages(self.dlq, visibility_timeout_seconds=HELD_SECONDS) as held:
            try:
                for part in held.parts(part_size):
                    move.part(part, wanted, held)
                    progress(done)
                    if done.stopped is not None:
                        break
            except IngestError as error:
                if done.is_nothing:
                    raise
                done.stopped = str(error)
        return done

    def _letters(self, messages: Sequence[Message]) -> list[DeadLetter]:
        """The messages of our queue, with what is known of them, in the order in which they were received.

        That is a group's order: a FIFO queue gives nothing more of a group while its first ones are held.
        """
        ours = [one for one in messages if one.attributes.get(SOURCE_QUEUE, self.queue_arn) == self.queue_arn]
        claims = [self.source.claim(one) for one in ours]
        known = self.ledger.known_letters(self.queue.name, claims)
        return [dead_letter(item, known[item.message.message_id]) for item in claims]


@dataclass(frozen=True, slots=True)
class _Move:
    """One redrive: what each part of the messages becomes."""

    where: DeadLetterQueue
    done: Redriven
    sender: Sender

    def part(self, messages: Sequence[Message], wanted: Wanted, held: HeldMessages) -> None:
        """Delete what is ingested, send the rest, and delete what SQS has taken."""
        done, now = self.done, self.where.clock()
        letters = self.where._letters(messages)
        chosen = [one for one in letters if wanted.matches(one, now)]
        done.of_others += len(messages) - len(letters)
        done.kept += len(letters) - len(chosen)
        ingested = [one for one in chosen if one.is_ingested]
        done.already_ingested += len(ingested)
        if not done.dry_run:
            self._delete(ingested, held)
        self._send([one for one in chosen if not one.is_ingested], held)

    def _send(self, letters: Sequence[DeadLetter], held: HeldMessages) -> None:
        done = self.done
        entries = []
        for one in letters:
            entry = moved_entry(one, self.sender.limits, needs_original_id=self.where.is_raw)
            if isinstance(entry, Refusal):
                done.refuse(entry.code, one.message_id, entry.reason)
            else:
                entries.append(entry)
        if done.dry_run:
            done.moved += len(entries)
            return
        result = self.sender.send_parsed(entries)
        done.moved += len(result.succeeded)
        for failed in result.failed:
            done.refuse(failed.code, failed.id, failed.message)
        # They may fail again, and be in the DLQ before this redrive ends.
        held.leave_alone(one.message_id for one in result.succeeded)
        sent = {one.id for one in result.succeeded}
        self._delete([one for one in letters if one.message_id in sent], held)
        outage = next((one for one in result.failed if one.code in OUTAGES), None)
        if outage is not None:
            done.stopped = f"queue {self.where.queue.name}: {outage.message}"

    def _delete(self, letters: Sequence[DeadLetter], held: HeldMessages) -> None:
        """Delete from the DLQ, and let the ledger know: they are not left to the DLQ any more."""
        if not letters:
            return
        self.done.undeleted += len(letters)
        results = self.where.dlq.delete([one.message.receipt for one in letters])
        self.done.undeleted -= len(results.succeeded)
        held.deleted(results.succeeded)
        self.where.ledger.messages_deleted(self.where.queue.name, results.succeeded)
