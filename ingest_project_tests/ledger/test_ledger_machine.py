"""Whatever happens in whatever order, no version is in the table twice, and all work ends."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from ingest_project.ledger.model import SETTLED, UNREAD, ObjectState
from ingest_project.ledger.poison import LOST_ATTEMPTS
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.tables import message_objects, object_versions
from ingest_project.ledger.versions_of_key import UNDER_WAY
from ingest_project.settings.error_classes import ANY, Action
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import QUEUE, TABLE, rules
from ingest_project_tests.ledger.machine_world import Faults, LedgerWorld
from ingest_project_tests.ledger.simulation import (
    BUCKET,
    Identity,
    Row,
    SimulatedBucket,
)

# Ten examples find plain faults; a thousand, on a memory disk (TMPDIR=/dev/shm), take five minutes.
EXAMPLES = int(os.environ.get("INGEST_TEST_EXAMPLES", "10"))
KEYS = ("p0/a", "p1/b")
CONTENTS = ("one", "two", "empty")
PARTITIONS = ("p0", "p1")
some = st.integers(min_value=0, max_value=1000)
steps = st.sampled_from([2, 5, 3, 1])  # two end between confirm and commit, three between commit and settle
faults = st.sampled_from([(), KEYS, KEYS[:1], ("P0/A",)])
FORGED = ("00000000", "00000002", "FFFFFFF0", "FFFFFFFF")
NOT_IN_TABLE = (None, ObjectState.FAILED, ObjectState.QUARANTINED, ObjectState.SKIPPED)


class LedgerMachine(LedgerWorld):
    """The events that may happen in any order, and what must be true at each moment and at the end."""

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

    @rule(key=st.sampled_from(KEYS), sequencer=st.sampled_from(FORGED), hours=st.integers(-3, 3))
    def forge(self, key: str, sequencer: str, hours: int) -> None:
        """A message of a write that S3 never had, with any claim about its order."""
        self.send(self.route(self.bucket.invent(key, sequencer, self.clock.now + timedelta(hours=hours))))

    @precondition(lambda self: self.bucket.writes and self.planning.on_overwrite == "replace")
    @rule(choice=some, sequencer=st.sampled_from(FORGED), hours=st.integers(-3, 3))
    def lie(self, choice: int, sequencer: str, hours: int) -> None:
        """A message of a real write, with a false claim about its order."""
        write = self.bucket.writes[choice % len(self.bucket.writes)]
        at = self.clock.now + timedelta(hours=hours)
        self.send(self.route(replace(write, sequencer=sequencer, event_time=at)))

    @rule(
        minutes=st.sampled_from([0, 1, 60]),
        kept_back=st.lists(some, max_size=2),
        reject=st.integers(0, 9),
        max_in_flight=st.integers(1, 4),
    )
    def tick(self, minutes: int, kept_back: list[int], reject: int, max_in_flight: int) -> None:
        """Some minutes later: delete what may be deleted, receive almost all messages, claim and plan."""
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
        """Runs that stop without a report, one after the other; they are only frozen, and may go on later."""
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

    @rule(key=st.sampled_from(KEYS), all_of_them=st.booleans())
    def dismiss(self, key: str, all_of_them: bool) -> None:
        """A person settles what failed."""
        self.ledger.dismiss(
            Selection(table=TABLE) if all_of_them else Selection(uris=(f"s3://{BUCKET}/{key}",))
        )

    @rule(key=st.sampled_from(KEYS))
    def put_back(self, key: str) -> None:
        """A person wants it tried again, also what was dismissed."""
        self.ledger.retry(Selection(uris=(f"s3://{BUCKET}/{key}",)))

    @invariant()
    def what_s3_holds_is_not_called_gone(self) -> None:
        if not hasattr(self, "bucket"):
            return
        held = {(one.key, one.version) for one in self.bucket.current.values()}
        gone = sa.and_(
            object_versions.c.state == ObjectState.SKIPPED,
            object_versions.c.reason.startswith("S3 did not list"),
        )
        called_gone = {
            (one.key, one.version_id or one.sequencer or one.etag)
            for one in self.fetch(sa.select(object_versions).where(gone))
        }
        assert not called_gone & held

    @invariant()
    def no_version_is_in_the_table_twice(self) -> None:
        versions = [(row.uri, row.version) for row in self.table.rows]
        assert len(versions) == len(set(versions)), self.table.rows

    @invariant()
    def rows_are_where_the_ledger_says(self) -> None:
        """Except for keys of batches that are committed and not settled: the next look corrects them.

        The table has no row that shows that an empty object was committed. If two attempts at a batch did not
        read the same objects, it is ingested again; until then the ledger counts the rows that it replaced.
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
        """Without faults, deliver each message until it is gone or what it names has failed for good."""
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
        """Rebuild all partitions: after that the table has what S3 holds."""
        for partition in PARTITIONS:
            listing = self.listing(partition)
            batch_id = self.ledger.plan_rebuild(
                queue=QUEUE, rule=self.planning, partition_key=partition, listed=listing.objects,
                run_id="last",
                held=listing.held,
            )  # fmt: skip
            self.run_through(batch_id)
        self.check()
        self.check_failures_left()
        if self.by_time and self.planning.on_overwrite == "append":
            return  # a key's rows in another partition have the same URI as those to take out
        held = sorted((row.uri, row.etag) for row in self.table.rows)
        current = sorted((one.uri, one.etag or "") for one in self.bucket.current.values())
        assert held == [one for one in current if not one[1].startswith("empty")]

    def check_failures_left(self) -> None:
        """After all is rebuilt, failures of objects that S3 does not hold are settled."""
        query = sa.select(object_versions.c.key).where(object_versions.c.state.in_(UNREAD))
        assert {one.key for one in self.fetch(query)} <= set(self.bucket.current)

    def check_messages_left(self) -> None:
        """Only messages that were rejected, or name a failed version, are left to the queue."""
        query = (
            sa.select(message_objects.c.message_id)
            .join(object_versions, object_versions.c.object_id == message_objects.c.object_id)
            .where(object_versions.c.state == ObjectState.FAILED)
        )
        failed = {one.message_id for one in self.fetch(query)}
        assert set(self.sent) <= failed

    def check_newest_writes(self) -> None:
        """With `replace`, a key's current write is in the table if its event came and it did not fail."""
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


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=40)
