"""Drains a queue into the ledger: receive, parse, route, claim, plan.

The first half of an object's journey, up to the batches that runs then work on. Nothing is deleted here, and nothing
that is received can be lost: until its claim is in the ledger a message simply becomes visible again.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from ingest_project.batches.ledger import Ledger, utc_now
from ingest_project.batches.model import Claim, ClaimResult, PlanningRules
from ingest_project.errors import NotAnS3Event, UnroutableObject
from ingest_project.events.notification import parse_notification
from ingest_project.events.routing import RoutedObject, Router
from ingest_project.objects.markers import is_marker
from ingest_project.settings.model import QueueSettings, TableSettings
from ingest_project.sqs.message import Message
from ingest_project.sqs.queue import Queue

log = logging.getLogger(__name__)

LONG_POLL_SECONDS = 10
"""How long a tick waits for the first message while nothing else is to be done. SQS allows 20; a tick 60 in all."""

DRAIN_SECONDS = 30.0
"""How long a tick goes on receiving while messages keep coming."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Drains one queue for the tables that it feeds."""

    settings: QueueSettings
    rules: tuple[PlanningRules, ...]
    queue: Queue
    router: Router
    ledger: Ledger

    def drain(self) -> ClaimResult:
        """Receive what the queue holds, up to the tick's limit, claim it and plan batches of all that waits.

        Nothing is received while as many objects wait as one tick may bring: SQS is the better place to wait in.
        Raises QueueUnavailable or LedgerUnavailable; either leaves all messages in the queue.
        """
        # What waits for a table that the settings have no longer waits in vain, and must hold nothing else up.
        waiting = self.ledger.waiting_objects(self.settings.name, [rule.table for rule in self.rules])
        received_from = utc_now()
        messages = self._receive(waiting)
        claims = [claim_of(message, queue=self.settings.name, router=self.router) for message in messages]
        result = self.ledger.claim_and_plan(
            self.settings.name,
            claims,
            rules=self.rules,
            max_in_flight=self.settings.max_batches_in_flight,
            invisible_until=received_from + timedelta(seconds=self.settings.visibility_timeout_seconds),
        )
        for item in claims:
            if item.rejected:
                log.warning(
                    "message %s stays in the queue: %s", item.message.message_id, "; ".join(item.rejected)
                )
        return result

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


def planning_rules(tables: list[TableSettings]) -> tuple[PlanningRules, ...]:
    """What the planner has to know of the tables of a queue."""
    return tuple(
        PlanningRules(
            table=table.name,
            max_objects=table.batch.max_objects,
            max_bytes=table.batch.max_bytes,
            on_overwrite=table.on_overwrite,
        )
        for table in tables
    )


def claim_of(message: Message, *, queue: str, router: Router) -> Claim:
    """What a message names, with the reason for each part of it that names nothing of ours.

    Folder markers and marks of success that no table takes are passed over.
    """
    try:
        notification = parse_notification(message.body)
    except NotAnS3Event as error:
        return Claim(message, (), (str(error),))
    routed: list[RoutedObject] = []
    rejected = [record.reason for record in notification.rejected]
    for item in notification.objects:
        try:
            routed.append(router.route(queue, item))
        except UnroutableObject as error:
            if not is_marker(item.key, item.size_bytes):  # which has no rows, wherever it lies
                rejected.append(str(error))
    return Claim(message, tuple(routed), tuple(rejected))
