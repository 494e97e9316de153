"""Drains a queue into the ledger: receive, parse, route, claim, plan.

The first half of an object's journey, up to the batches that runs then process. Messages are not deleted here
and cannot be lost: a message whose claim is not in the ledger becomes visible again.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ClaimResult, PlanningRules
from ingest_project.ledger.open_messages import LONGEST_INVISIBLE
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.job_settings import JobsSettings, job_table
from ingest_project.settings.model import QueueSettings, TableSettings
from ingest_project.sources.jobs.request import MAX_INPUT_BYTES
from ingest_project.sources.source import Claim, Source
from ingest_project.sources.sqs.message import Message
from ingest_project.sources.sqs.queue import Queue

log = logging.getLogger(__name__)

LONG_POLL_SECONDS = 10
"""How long a tick waits for the first message if it has no other work. SQS allows 20 s; a tick has 60 s."""

DRAIN_SECONDS = 30.0
"""How long a tick goes on receiving while messages keep coming."""

CLAIM_SECONDS = 15.0
"""How long a tick goes on claiming what it received, after it has stopped receiving."""
CLAIM_OBJECTS = 10_000
"""About how many object versions one transaction claims; the largest message names some 5,000."""
CLAIM_MESSAGES = 2_000
"""How many messages are claimed at once while others are received: enough that the commit costs little."""
LONG_BODY_CHARACTERS = 8_000
"""A message of S3 with one object has about 1,000. Longer ones are claimed after all others."""
CLAIM_BODY_CHARACTERS = 16 * 1024**2
"""About how much text of messages one transaction claims; 10,000 ordinary messages of S3 have less."""
LOGGED_MESSAGES = 10
"""How many of a tick's rejected messages are logged with their reasons; the ledger has all reasons."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Drains one queue into the ledger, for the tables of the queue."""

    settings: QueueSettings
    rules: tuple[PlanningRules, ...]
    queue: Queue
    source: Source
    ledger: Ledger

    def drain(self) -> ClaimResult:
        """Receive messages up to the tick's limit, claim them and plan batches of all that waits.

        Does not receive while as many objects wait as one tick may receive: they had better wait in SQS.
        Raises QueueUnavailable or LedgerUnavailable; both leave all messages in the queue.
        """
        # Objects of a table that the settings no longer have cannot be planned, and must not delay others.
        waiting = self.ledger.waiting_objects(self.settings.name, [rule.table for rule in self.rules])
        until = utc_now() + timedelta(seconds=self.settings.visibility_timeout_seconds)
        result = ClaimResult()
        if self.settings.source == "s3_events":
            result, messages = self._claim_while_receiving(waiting, until)
        else:  # their order counts, which is known when all are there
            messages = self._receive(waiting)
        deadline = time.monotonic() + CLAIM_SECONDS
        result, left = self._claim(messages, result, until, deadline=deadline, plans=True)
        if self.settings.source != "s3_events":
            self._back_off(messages)
        if left:
            log.warning(
                "%d messages wait for their next delivery: they name too much for one tick", len(left)
            )
        if (more := result.rejected_messages - LOGGED_MESSAGES) > 0:
            log.warning("%d more messages stay in the queue; `ingest history --rejected` says why", more)
        return result

    def _claim_while_receiving(
        self, waiting: int, invisible_until: datetime
    ) -> tuple[ClaimResult, list[Message]]:
        """Claim messages while later ones are received; returns those that are left for the end.

        Left are the last ones, and long ones: these name so many objects that all others had better go first.
        """
        result, left = ClaimResult(), list[Message]()
        deadline = time.monotonic() + DRAIN_SECONDS
        with closing(self._received_parts(waiting)) as parts:
            for part in parts:
                short = [one for one in left if len(one.body) <= LONG_BODY_CHARACTERS]
                left = [one for one in left if len(one.body) > LONG_BODY_CHARACTERS] + part
                if short and time.monotonic() < deadline:
                    result, short = self._claim(short, result, invisible_until, deadline=deadline)
                left += short
        return result, left

    def _claim(
        self,
        messages: Sequence[Message],
        result: ClaimResult,
        invisible_until: datetime,
        *,
        deadline: float,
        plans: bool = False,
    ) -> tuple[ClaimResult, list[Message]]:
        """Claim the messages in portions until the time is over, in the source's order.

        Returns the result with that of these messages, and the messages for which there was no time.
        """
        ordered, before = self.source.in_order(messages), result.messages
        portions = self._portions(ordered)
        following = next(portions, None)
        while (claims := following) is not None:
            following = next(portions, None) if time.monotonic() < deadline else None
            # The last portion plans all that was claimed.
            result = self._claim_portion(claims, result, invisible_until, plans=plans and not following)
        return result, ordered[result.messages - before :]

    def _claim_portion(
        self, claims: Sequence[Claim], result: ClaimResult, invisible_until: datetime, *, plans: bool
    ) -> ClaimResult:
        """The result with that of these claims."""
        in_flight = self.settings.max_batches_in_flight
        if plans and self.settings.source == "jobs":
            in_flight += self.ledger.jobs.waiting(self.settings.name)
        _log_rejected(claims, LOGGED_MESSAGES - result.rejected_messages)
        return result + self.ledger.claim_and_plan(
            self.settings.name,
            claims,
            rules=self.rules if plans else (),
            max_in_flight=in_flight,
            invisible_until=invisible_until,
        )

    def _back_off(self, messages: Sequence[Message]) -> None:
        """Hide messages that were received before, twice as long each time.

        Most of them could not be ingested. They wait for a person, or until SQS moves them to the DLQ. If SQS
        refuses the change, they are only delivered earlier.
        """
        by_timeout: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            if message.receive_count > 1:
                by_timeout[backoff_seconds(self.settings, message.receive_count)].append(message)
        for seconds, again in by_timeout.items():
            done = self.queue.change_visibility([one.receipt for one in again], timeout_seconds=seconds)
            until = utc_now() + timedelta(seconds=seconds)
            self.ledger.messages_extended(self.settings.name, done.succeeded, invisible_until=until)

    def _portions(self, messages: Sequence[Message]) -> Iterator[list[Claim]]:
        """The claims of all messages, at least one portion."""
        portion: list[Claim] = []
        objects = characters = 0
        for message in messages:
            item = self.source.claim(message)
            portion.append(item)
            objects += len(item.objects)
            characters += len(message.body)
            if objects >= CLAIM_OBJECTS or characters >= CLAIM_BODY_CHARACTERS:
                yield portion
                portion, objects, characters = [], 0, 0
        if portion or not messages:
            yield portion

    def _receive(self, waiting: int) -> list[Message]:
        limit = self.settings.max_messages_per_tick - waiting
        if limit <= 0:
            return []
        return self.queue.receive(
            limit=limit,
            wait_seconds=1 if waiting else LONG_POLL_SECONDS,
            visibility_timeout_seconds=self.settings.visibility_timeout_seconds,
            seconds=DRAIN_SECONDS,
        )

    def _received_parts(self, waiting: int) -> Generator[list[Message], None, None]:
        limit = self.settings.max_messages_per_tick - waiting
        if limit > 0:
            yield from self.queue.receive_parts(
                limit=limit,
                wait_seconds=1 if waiting else LONG_POLL_SECONDS,
                visibility_timeout_seconds=self.settings.visibility_timeout_seconds,
                seconds=DRAIN_SECONDS,
                part=CLAIM_MESSAGES,
            )


def backoff_seconds(settings: QueueSettings, receive_count: int) -> int:
    """How long to hide a message that was received so often: 1, 2, 4, ... visibility timeouts."""
    longest = int((LONGEST_INVISIBLE - timedelta(hours=1)).total_seconds())  # SQS counts from the receive
    return min(settings.visibility_timeout_seconds << min(receive_count - 1, 16), longest)


def planning_rules(tables: list[TableSettings]) -> tuple[PlanningRules, ...]:
    """What the planner has to know about the tables of a queue."""
    return tuple(
        PlanningRules(
            table=table.name,
            max_objects=table.batch.max_objects,
            max_bytes=table.batch.max_bytes,
            on_overwrite=table.on_overwrite,
            takes_away=table.after.takes_away,
        )
        for table in tables
    )


def job_rules(jobs: JobsSettings) -> tuple[PlanningRules, ...]:
    """The same for the jobs' queue: each job is a batch of its own."""
    return tuple(
        PlanningRules(table=job_table(kind), max_objects=1, max_bytes=MAX_INPUT_BYTES, on_overwrite="append")
        for kind in jobs.names
    )


def _log_rejected(claims: Sequence[Claim], at_most: int) -> None:
    rejected = [item for item in claims if item.rejected]
    for item in rejected[: max(at_most, 0)]:
        log.warning("message %s stays in the queue: %s", item.message.message_id, item.reason)
