"""Whatever happens in whatever order, no version is in the table twice, and everything comes to an end."""

import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ingest_project.batches.ledger import Ledger
from ingest_project.batches.model import SETTLED, BatchState, Claim, ObjectState
from ingest_project.batches.poison import LOST_ATTEMPTS
from ingest_project.batches.tables import batch_objects, batches, message_objects, object_versions
from ingest_project.batches.versions_of_key import UNDER_WAY
from ingest_project.events.routing import RoutedObject
from ingest_project.settings.error_classes import ANY, Action
from ingest_project.settings.model import OnOverwrite
from ingest_project.sqs.message import Message
from ingest_project_tests.batches.factories import QUEUE, TABLE, Clock, rules
from ingest_project_tests.batches.simulation import (
    Identity,
    Row,
    SimulatedBucket,
    SimulatedRun,
    SimulatedTable,
    Stage,
)

# Ten find what is plainly broken; a thousand, on a memory disk (TMPDIR=/dev/shm), take five minutes.
EXAMPLES = int(os.environ.get("INGEST_TEST_EXAMPLES", "10"))
KEYS = ("p0/a", "p1/b")
CONTENTS = ("one", "two", "empty")
PARTITIONS = ("p0", "p1")
some = st.integers(min_value=0, max_value=1000)
steps = st.sampled_from([2, 5, 3, 1])  # two end between confirm and commit, three between commit and settle
faults = st.sampled_from([(), KEYS, KEYS[:1], ("P0/A",)])
Faults = tuple[str, ...]
NOT_IN_TABLE = (None, ObjectState.FAILED, ObjectState.QUARANTINED, ObjectState.SKIPPED)


class LedgerMachine(RuleBasedStateMachine):
    """One queue and one table; the bucket, the table and the runs are simulated, the ledger is real."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-machine-"))
        self.clock = Clock()
        self.ledger = Ledger(f"sqlite:///{self.folder}/ledger.db", clock=self.clock)
        self.database = sa.create_engine(f"sqlite:///{self.folder}/ledger.db")
        self.table = SimulatedTable()
        self.sent: dict[str, tuple[RoutedObject, ...]] = {}
        self.rejected: set[str] = set()
        self.runs: list[SimulatedRun] = []
        self.listings: list[tuple[str, list[RoutedObject], datetime]] = []
        self.serial = 0

    @initialize(
        policy=st.sampled_from(["replace", "append", "ignore"]),
        identity=st.sampled_from(Identity),
        by_time=st.booleans(),
        max_objects=st.integers(1, 3),
        on_broken=st.sampled_from(ANY),
    )
    def begin(
        self, policy: OnOverwrite, identity: Identity, by_time: bool, max_objects: int, on_broken: Action
    ) -> None:
        self.on_broken = on_broken
        self.bucket = SimulatedBucket(identity)
        self.by_time = by_time
        self.planning = rules(on_overwrite=policy, max_objects=max_objects)

    @rule(key=st.sampled_from(KEYS), content=st.sampled_from(CONTENTS), lost=st.integers(0, 4))
    def write(self, key: str, content: str, lost: int) -> None:
        write = self.bucket.put(key, content, self.clock.advance(seconds=7))
        if lost:
            self.send(self.route(write))

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        self.bucket.delete(key)

    @precondition(lambda self: self.bucket.writes)
    @rule(choice=some, other=some)
    def send_again(self, choice: int, other: int) -> None:
        """A notification that S3 sends twice, or that names two objects."""
        named = [self.bucket.writes[one % len(self.bucket.writes)] for one in (choice, other)]
        self.send(*[self.route(write) for write in dict.fromkeys(named)])

    @rule(
        minutes=st.sampled_from([0, 1, 60]),
        kept_back=st.lists(some, max_size=2),
        reject=st.integers(0, 9),
        max_in_flight=st.integers(1, 4),
    )
    def tick(self, minutes: int, kept_back: list[int], reject: int, max_in_flight: int) -> None:
        """Later, deletes what may be deleted, receives almost all that there is, claims it and plans."""
        self.clock.advance(minutes=minutes, seconds=1)
        self.acknowledge()
        ids = sorted(self.sent)
        for one in kept_back[: len(ids)]:
            ids.pop(one % len(ids))
        self.claim(ids, rejected=ids[:1] if reject == 0 else [], max_in_flight=max_in_flight)

    @precondition(lambda self: self.ledger.open_batches(QUEUE))
    @rule(choice=some, steps=steps, faults=faults)
    def launch(self, choice: int, steps: int, faults: Faults) -> None:
        """A run for any open batch, also for one that another run still works on."""
        open_batches = self.open_batches()
        self.advance(self.start_run(open_batches[choice % len(open_batches)]), steps, faults)

    @precondition(lambda self: self.runs)
    @rule(choice=some, steps=steps, faults=faults)
    def go_on(self, choice: int, steps: int, faults: Faults) -> None:
        self.advance(self.runs[choice % len(self.runs)], steps, faults)

    @precondition(lambda self: self.runs)
    @rule(choice=some)
    def kill(self, choice: int) -> None:
        self.runs.pop(choice % len(self.runs))

    @precondition(lambda self: self.ledger.open_batches(QUEUE))
    @rule(choice=some, steps=steps, times=st.sampled_from([1, LOST_ATTEMPTS]))
    def lose(self, choice: int, steps: int, times: int) -> None:
        """Runs that stop without a word, one after the other; they are only frozen, and may go on later."""
        open_batches = self.open_batches()
        batch_id = open_batches[choice % len(open_batches)]
        for _ in range(times):
            self.advance(self.start_run(batch_id), steps, ())
            attempt = self.ledger.batch(batch_id).attempt
            self.ledger.next_attempt(batch_id, attempt=attempt, error="lost", on_unknown="park")

    @rule(partition=st.sampled_from(PARTITIONS))
    def list_for_rebuild(self, partition: str) -> None:
        """A rebuild that takes its time between the listing and the plan."""
        listed_at = self.clock.now
        self.clock.advance(seconds=1)
        self.listings.append((partition, self.listing(partition), listed_at))

    @precondition(lambda self: self.listings)
    @rule(steps=steps, faults=faults)
    def rebuild_from_listing(self, steps: int, faults: Faults) -> None:
        self.rebuild(*self.listings.pop(0), steps=steps, faults=faults)

    @rule(partition=st.sampled_from(PARTITIONS), steps=steps, faults=faults)
    def rebuild_at_once(self, partition: str, steps: int, faults: Faults) -> None:
        self.rebuild(
            partition, self.listing(partition), self.clock.advance(seconds=1), steps=steps, faults=faults
        )

    @invariant()
    def no_version_is_in_the_table_twice(self) -> None:
        versions = [(row.uri, row.version) for row in self.table.rows]
        assert len(versions) == len(set(versions)), self.table.rows

    @invariant()
    def rows_are_where_the_ledger_says(self) -> None:
        """But for batches that are committed and not settled, whose keys the next look will mend.

        An empty object leaves no row by which a look could tell that it was committed. If two attempts at a batch did not
        read the same objects, it is ingested again, and until then the ledger counts the rows that it replaced.
        """
        unsettled = {batch.batch_id for batch in self.ledger.open_batches(QUEUE)} & set(self.table.snapshots)
        if unsettled:
            return
        known = self.fetch(sa.select(object_versions))
        expected = {
            Row(
                f"s3://{one.bucket}/{one.key}",
                one.version_id or one.sequencer or one.etag,
                one.etag,
                one.batch_id,
            )
            for one in known
            if one.state == ObjectState.COMMITTED and one.rows
        }
        looked_empty = {
            f"s3://{one.bucket}/{one.key}"
            for one in known
            if one.etag.startswith("empty") and one.state != ObjectState.COMMITTED
        }
        assert set(self.table.rows) <= expected
        assert {row.uri for row in expected - set(self.table.rows)} <= looked_empty

    @invariant()
    def no_key_is_in_two_open_batches(self) -> None:
        if not hasattr(self, "planning") or self.planning.on_overwrite == "append":
            return
        planned = self.fetch(
            sa.select(object_versions.c.key).where(object_versions.c.state == ObjectState.PLANNED)
        )
        assert len(planned) == len(set(planned))

    @invariant()
    def a_planned_version_is_in_an_open_batch_and_no_other_is(self) -> None:
        open_ids = {batch.batch_id for batch in self.ledger.open_batches(QUEUE)}
        for one in self.fetch(sa.select(object_versions.c.state, object_versions.c.batch_id)):
            if one.state == ObjectState.PLANNED:
                assert one.batch_id in open_ids
            elif one.state != ObjectState.COMMITTED:
                assert one.batch_id is None or one.state in SETTLED

    @invariant()
    def a_message_is_deletable_only_if_all_it_names_is_settled(self) -> None:
        query = (
            sa.select(message_objects.c.message_id)
            .join(object_versions, object_versions.c.object_id == message_objects.c.object_id)
            .where(object_versions.c.state.not_in(SETTLED))
        )
        unsettled = {one.message_id for one in self.fetch(query)}
        deletable = {one.message_id for one in self.ledger.deletable_messages(QUEUE)}
        assert not deletable & unsettled
        assert not deletable & self.rejected

    def teardown(self) -> None:
        try:
            if hasattr(self, "planning"):
                self.drive_to_an_end()
                self.rebuild_all()
        finally:
            self.ledger.close()
            self.database.dispose()
            shutil.rmtree(self.folder)

    def drive_to_an_end(self) -> None:
        """No more faults: every message is delivered until it is gone or what it names has failed for good."""
        self.runs.clear()
        under_way = sa.select(object_versions).where(object_versions.c.state.in_(UNDER_WAY))
        # With `ignore` an overwritten version is tried six times before the key's next one gets its turn.
        for _ in range(20 + 8 * len(self.bucket.writes)):
            self.clock.advance(hours=1)
            self.claim(sorted(self.sent), max_in_flight=3)
            for batch_id in self.open_batches():
                self.run_through(batch_id)
            self.acknowledge()
            if not self.fetch(under_way) and not self.ledger.open_batches(QUEUE):
                break
        else:
            raise AssertionError(f"work without end: {self.fetch(under_way)}")
        self.check()
        self.check_messages_left()
        self.check_newest_writes()

    def rebuild_all(self) -> None:
        """From then on the table is what S3 holds."""
        for partition in PARTITIONS:
            listing = self.listing(partition)
            batch_id = self.ledger.plan_rebuild(
                queue=QUEUE, rule=self.planning, partition_key=partition, listed=listing, run_id="last"
            )
            self.run_through(batch_id)
        self.check()
        if self.by_time and self.planning.on_overwrite == "append":
            return  # a key's rows in another partition cannot be told from the ones to take out
        held = sorted((row.uri, row.etag) for row in self.table.rows)
        current = sorted((one.uri, one.etag or "") for one in self.bucket.current.values())
        assert held == [one for one in current if not one[1].startswith("empty")]

    def check_messages_left(self) -> None:
        """Only what was rejected, or names a version that failed, is left to the queue."""
        query = (
            sa.select(message_objects.c.message_id)
            .join(object_versions, object_versions.c.object_id == message_objects.c.object_id)
            .where(object_versions.c.state == ObjectState.FAILED)
        )
        failed = {one.message_id for one in self.fetch(query)}
        assert set(self.sent) <= failed

    def check_newest_writes(self) -> None:
        """With `replace`, the current write of a key is in the table if its event came and it did not fail."""
        if self.planning.on_overwrite != "replace":
            return
        states = {
            (one.key, one.version_id or one.sequencer or one.etag): one.state
            for one in self.fetch(sa.select(object_versions))
        }
        in_table = {(row.uri, row.etag) for row in self.table.rows}
        for write in self.bucket.current.values():
            state = states.get((write.key, write.version))
            if state not in NOT_IN_TABLE and not (write.etag or "").startswith("empty"):
                assert (write.uri, write.etag) in in_table, (write, state)

    def check(self) -> None:
        self.no_version_is_in_the_table_twice()
        self.rows_are_where_the_ledger_says()
        self.a_message_is_deletable_only_if_all_it_names_is_settled()

    def route(self, item: Any) -> RoutedObject:
        partition = f"p{item.event_time.minute % 2}" if self.by_time else item.key[:2]
        return RoutedObject(item, TABLE, partition)

    def listing(self, partition: str) -> list[RoutedObject]:
        routed = [self.route(item) for item in self.bucket.listing()]
        known = self.ledger.partitions_of(routed) if self.by_time else {}
        moved = [
            RoutedObject(one.object, TABLE, known.get(one.object.uri, one.partition_key)) for one in routed
        ]
        return [one for one in moved if one.partition_key == partition]

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
            QUEUE, claims, rules=[self.planning], max_in_flight=max_in_flight, invisible_until=now + timedelta(minutes=5)
        )  # fmt: skip

    def open_batches(self) -> list[str]:
        """Their ids, in an order that is the same in each replay: the ids end in something random."""
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
        self, partition: str, listed: list[RoutedObject], listed_at: datetime, *, steps: int, faults: Faults
    ) -> None:
        self.serial += 1
        run_id = f"run-{self.serial}"
        batch_id = self.ledger.plan_rebuild(
            queue=QUEUE, rule=self.planning, partition_key=partition, listed=listed, run_id=run_id, listed_at=listed_at,
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
        """So many steps, or until the run ends; a run that lost a race for the table looks again."""
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


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
