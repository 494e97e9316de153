"""The steps of the ledger's state machine: claim messages, plan batches, start runs and move them on."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis.stateful import RuleBasedStateMachine

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchState, PlanningRules
from ingest_project.ledger.rebuild import HeldKeys
from ingest_project.ledger.tables import batch_objects, batches
from ingest_project.settings.error_classes import Action
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message
from ingest_project_tests.ledger.factories import QUEUE, TABLE, Clock
from ingest_project_tests.ledger.new_file import new_ledger_file
from ingest_project_tests.ledger.simulation import (
    BUCKET,
    SimulatedBucket,
    SimulatedRun,
    SimulatedTable,
    Stage,
)

Faults = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What S3 listed: the objects of a partition, and all keys."""

    objects: list[RoutedObject]
    held: HeldKeys


class LedgerWorld(RuleBasedStateMachine):
    """One queue and one table. The bucket, the table and the runs are simulated; the ledger is real."""

    bucket: SimulatedBucket
    planning: PlanningRules
    by_time: bool
    on_broken: Action

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-machine-"))
        self.clock = Clock()
        url = f"sqlite:///{new_ledger_file(self.folder / 'ledger.db')}"
        self.ledger = Ledger(url, clock=self.clock)
        self.database = sa.create_engine(url)
        self.table = SimulatedTable()
        self.sent: dict[str, tuple[RoutedObject, ...]] = {}
        self.rejected: set[str] = set()
        self.runs: list[SimulatedRun] = []
        self.listings: list[tuple[str, Listing, datetime]] = []
        self.serial = 0

    def route(self, item: Any) -> RoutedObject:
        partition = f"p{item.event_time.minute % 2}" if self.by_time else item.key[:2]
        return RoutedObject(item, TABLE, partition)

    def listing(self, partition: str) -> Listing:
        routed = [self.route(item) for item in self.bucket.listing()]
        known = self.ledger.partitions_of(routed) if self.by_time else {}
        moved = [
            RoutedObject(one.object, TABLE, known.get(one.object.uri, one.partition_key)) for one in routed
        ]
        held = HeldKeys(BUCKET, "", frozenset(self.bucket.current))
        return Listing([one for one in moved if one.partition_key == partition], held)

    def send(self, *objects: RoutedObject) -> None:
        self.serial += 1
        self.sent[f"message-{self.serial}"] = objects

    def claim(self, ids: list[str], *, rejected: list[str] | None = None, max_in_flight: int = 0) -> None:
        self.serial += 1
        now = self.clock.now
        claims = [
            Claim(
                Message(one, f"{one}/{self.serial}", "", 1, now, now),
                self.sent[one],
                ("no table takes a part of it",) if one in (rejected or ()) else (),
            )
            for one in ids
        ]
        self.rejected = (self.rejected - set(ids)) | set(rejected or ())
        self.ledger.claim_and_plan(
            QUEUE,
            claims,
            rules=[self.planning],
            max_in_flight=max_in_flight,
            invisible_until=now + timedelta(minutes=5),
        )

    def open_batches(self) -> list[str]:
        """Their ids, in an order that is the same in each replay, although the ids end in random text."""
        query = (
            sa.select(batches.c.batch_id)
            .join(batch_objects, batch_objects.c.batch_id == batches.c.batch_id, isouter=True)
            .where(batches.c.state == BatchState.PLANNED)
            .group_by(batches.c.batch_id)
            .order_by(batches.c.planned_at, batches.c.partition_key, sa.func.min(batch_objects.c.object_id))
        )
        return [one.batch_id for one in self.fetch(query)]

    def acknowledge(self) -> None:
        deletable = [one.message_id for one in self.ledger.deletable_messages(QUEUE)]
        self.ledger.messages_deleted(QUEUE, deletable)
        for message_id in deletable:
            self.sent.pop(message_id, None)

    def rebuild(
        self, partition: str, listing: Listing, listed_at: datetime, *, steps: int, faults: Faults
    ) -> None:
        self.serial += 1
        run_id = f"run-{self.serial}"
        batch_id = self.ledger.plan_rebuild(
            queue=QUEUE, rule=self.planning, partition_key=partition, listed=listing.objects, run_id=run_id,
            listed_at=listed_at, held=listing.held,
        )  # fmt: skip
        self.advance(self.start_run(batch_id, run_id), steps, faults)

    def start_run(self, batch_id: str, run_id: str | None = None) -> SimulatedRun | None:
        self.serial += 1
        run_id = run_id or f"run-{self.serial}"
        work = self.ledger.start(batch_id, run_id=run_id)
        if work is None:
            return None
        run = SimulatedRun(run_id, work, self.on_broken)
        self.runs.append(run)
        return run

    def advance(self, run: SimulatedRun | None, steps: int, faults: Faults) -> None:
        """Do so many steps, or until the run ends; a run that lost a race for the table looks again."""
        for _ in range(steps):
            if run is None or run not in self.runs:
                return
            run.step(self.ledger, self.bucket, self.table, now=self.clock.now, faults=faults)
            if run.stage is Stage.ENDED:
                self.runs.remove(run)

    def run_through(self, batch_id: str) -> None:
        self.advance(self.start_run(batch_id), 20, ())

    def fetch(self, query: sa.Select[Any]) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(query).all())
