"""Bounds the ledger: forgets what no message needs any more, and keeps all that a late message would need.

A redelivered event is judged by the versions of its own key. So an object version is forgotten only if the
planner would refuse it again with what is kept: `choose` gets it as if it were new, together with the
committed versions of its key, and must not choose it. This holds for every redelivery, however late.

- Kept: every committed version, with or without rows; all that is pending, planned, failed or parked; a
  superseded version without a committed one that would supersede it again (a rebuild took its key out, or its
  table appends); and what belongs to an open batch.
- Forgotten: superseded versions that would be superseded, or skipped by policy, again. Skipped versions:
  those skipped by policy would be skipped again; those skipped by rule, dismissed or not held by S3 would be
  tried again, with the same result or a visible failure, and none of their rows was ever in the table.
  Messages that SQS cannot hold any more, with their links. Settled batches, with their attempts. Contents of
  messages whose rows are in quarantine. Jobs that have ended, however they did, with their object versions
  and the list of the work that they waited for; requests for jobs that were never accepted.

No decision depends on a message or a settled batch: a message that comes nevertheless is claimed as a new
one, and the object versions that it names are settled, or are judged as above. A run of a forgotten batch
that wakes up does not find the batch and is refused.

SQS holds a message for at most 14 days, in a queue and its DLQ together
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html),
hence `MINIMUM_AGE`. Only a redrive by hand starts that time again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.database import Database
from ingest_project.ledger.job_records import ENDED_AT, IS_ACCEPTED, JOINED
from ingest_project.ledger.known_versions import counting_for, versions_of_keys
from ingest_project.ledger.model import SETTLED, BatchState, MessageState, ObjectState
from ingest_project.ledger.needed import (
    came_lately,
    has_an_open_action,
    is_gone_from_sqs,
    is_in_an_open_batch,
    is_named_by_a_kept_message,
    is_of_a_kept_job,
)
from ingest_project.ledger.sql import chunks, distinct_values, exclusively
from ingest_project.ledger.tables import (
    attempts,
    batch_objects,
    batches,
    job_work,
    jobs,
    message_contents,
    message_objects,
    messages,
    object_versions,
    source_actions,
    unreported,
)
from ingest_project.ledger.versions_of_key import KeyVersion, choose, is_behind
from ingest_project.settings.job_settings import kind_of_table
from ingest_project.settings.model import OnOverwrite

MINIMUM_AGE = timedelta(days=14)
PORTION = 2_000
"""Rows of one kind that one transaction forgets: a sensor's tick waits for it only some milliseconds."""

MEMBERS = 5_000
"""Members of batches that one transaction forgets: a batch may have 100,000."""

FORGETTABLE = (ObjectState.SUPERSEDED, ObjectState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows of each kind were forgotten, or with `dry_run` would be."""

    messages: int = 0
    batches: int = 0
    object_versions: int = 0
    message_contents: int = 0
    jobs: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(
            self.messages + other.messages,
            self.batches + other.batches,
            self.object_versions + other.object_versions,
            self.message_contents + other.message_contents,
            self.jobs + other.jobs,
        )


@dataclass(frozen=True, slots=True)
class Portion:
    """One step's work: the key after which the next step begins (None: the end), and what was forgotten."""

    after: tuple[Any, ...] | None
    pruned: Pruned


Step = Callable[[sa.Connection, tuple[Any, ...] | None], Portion]
"""Works on one portion, which begins after the key that the last one ended with; one transaction each."""


def prune(
    database: Database, *, before: datetime, policies: Mapping[str, OnOverwrite], dry_run: bool
) -> Pruned:
    """Forgets all that was settled before this time and may be forgotten, portion by portion."""
    transaction = database.reading if dry_run else database.writing
    with database.reading() as connection:
        todo = steps(connection, before=before, policies=policies, dry_run=dry_run)
    pruned = Pruned()
    for step in todo:
        after: tuple[Any, ...] | None = None
        while True:
            with transaction() as connection:
                portion = step(connection, after)
            pruned += portion.pruned
            after = portion.after
            if after is None:
                break
    return pruned


def steps(
    connection: sa.Connection, *, before: datetime, policies: Mapping[str, OnOverwrite], dry_run: bool
) -> list[Step]:
    """The steps that forget all that was settled before this time, in order.

    `policies` are the tables' `on_overwrite`; superseded versions of a table that they do not name are kept.
    """
    of_messages = [
        _Messages(queue, state, before, dry_run)
        for state in MessageState
        for queue in distinct_values(connection, messages.c.queue, messages.c.state == state)
    ]
    of_versions = [
        _Versions(queue, table, state, policies.get(table), before, dry_run)
        for state, queue, table in _forgettable_versions(connection)
    ]
    batches_ = _Batches(_last_commits(connection), before, dry_run)
    # Jobs come first: when they ended is what their batches say.
    return [_Jobs(before, dry_run), *of_messages, batches_, *of_versions, _Contents(before, dry_run)]


@dataclass(frozen=True, slots=True)
class _Jobs:
    """The jobs that have ended, the oldest first, and the requests for jobs that were never accepted.

    SQS holds no message of theirs any more, so that none can bring them again.
    """

    before: datetime
    dry_run: bool

    def __call__(self, connection: sa.Connection, after: tuple[Any, ...] | None) -> Portion:
        key = (jobs.c.submitted_at, jobs.c.job_id)
        query = (
            sa.select(*key, jobs.c.object_id, jobs.c.queue)
            .select_from(JOINED)
            .where(
                jobs.c.submitted_at < self.before,
                sa.or_(self.before > ENDED_AT, sa.not_(IS_ACCEPTED)),
                ~came_lately(self.before),
                ~is_in_an_open_batch(),
                _comes_after(key, after),
            )
            .order_by(*key)
            .limit(PORTION)
        )
        rows = connection.execute(query).all()
        if rows and not self.dry_run:
            for queue in sorted({row.queue for row in rows}):
                exclusively(connection, queue)
            rows = connection.execute(query).all()  # without those that a person put back meanwhile
        for chunk in () if self.dry_run else chunks(row.job_id for row in rows):
            for table in (job_work, jobs):
                connection.execute(sa.delete(table).where(table.c.job_id.in_(chunk)))
        for chunk in () if self.dry_run else chunks(row.object_id for row in rows):
            for table in (message_objects, batch_objects, object_versions):
                connection.execute(sa.delete(table).where(table.c.object_id.in_(chunk)))
        return Portion(_last(rows), Pruned(jobs=len(rows)))


@dataclass(frozen=True, slots=True)
class _Messages:
    """The messages of one queue in one state."""

    queue: str
    state: MessageState
    before: datetime
    dry_run: bool

    def __call__(self, connection: sa.Connection, after: tuple[Any, ...] | None) -> Portion:
        if not self.dry_run:
            exclusively(connection, self.queue)
        key = (messages.c.received_at, messages.c.message_id)
        query = (
            sa.select(*key)
            .where(
                messages.c.state == self.state,
                messages.c.queue == self.queue,
                is_gone_from_sqs(self.before),
                _comes_after(key, after),
            )
            .order_by(*key)
            .limit(PORTION)
        )
        rows = connection.execute(query).all()
        for chunk in () if self.dry_run else chunks(row.message_id for row in rows):
            for table in (message_objects, messages):
                connection.execute(
                    sa.delete(table).where(table.c.queue == self.queue, table.c.message_id.in_(chunk))
                )
        return Portion(_last(rows), Pruned(messages=len(rows)))


@dataclass(frozen=True, slots=True)
class _Batches:
    """The settled batches of all queues, oldest first; `kept` are the batches of the tables' last commits."""

    kept: frozenset[str]
    before: datetime
    dry_run: bool

    def __call__(self, connection: sa.Connection, after: tuple[Any, ...] | None) -> Portion:
        key = (batches.c.batch_id,)
        query = (
            sa.select(*key)
            .where(
                batches.c.batch_id < f"{self.before:%Y%m%dT%H%M%S}",  # a batch's id begins with its time
                batches.c.state != BatchState.PLANNED,
                batches.c.settled_at < self.before,
                ~is_of_a_kept_job(),
                _comes_after(key, after),
            )
            .order_by(*key)
            .limit(PORTION)
        )
        rows = connection.execute(query).all()
        forgotten = [row.batch_id for row in rows if row.batch_id not in self.kept]
        if self.dry_run:
            return Portion(_last(rows), Pruned(batches=len(forgotten)))
        whole = _forget_members(connection, forgotten)
        for chunk in chunks(whole):
            for table in (attempts, unreported, batches):
                connection.execute(sa.delete(table).where(table.c.batch_id.in_(chunk)))
        last = _last(rows) if whole == forgotten else after or ("",)
        return Portion(last, Pruned(batches=len(whole)))


@dataclass(frozen=True, slots=True)
class _Versions:
    """The object versions of one queue and table in one state."""

    queue: str
    table: str
    state: ObjectState
    policy: OnOverwrite | None
    before: datetime
    dry_run: bool

    def __call__(self, connection: sa.Connection, after: tuple[Any, ...] | None) -> Portion:
        if not self.dry_run:
            exclusively(connection, self.queue)
        key = (object_versions.c.claimed_at, object_versions.c.object_id)
        query = (
            sa.select(*key, object_versions.c.key_id)
            .where(
                object_versions.c.state == self.state,
                object_versions.c.queue == self.queue,
                object_versions.c.table_name == self.table,
                object_versions.c.claimed_at < self.before,
                object_versions.c.settled_at < self.before,
                object_versions.c.event_time < self.before,
                ~is_named_by_a_kept_message(self.before),
                ~is_in_an_open_batch(),
                ~has_an_open_action(),
                _comes_after(key, after),
            )
            .order_by(*key)
            .limit(PORTION)
        )
        rows = connection.execute(query).all()
        forgotten = self._forgettable(connection, rows)
        for chunk in () if self.dry_run else chunks(forgotten):
            for table in (message_objects, batch_objects, source_actions, object_versions):
                connection.execute(sa.delete(table).where(table.c.object_id.in_(chunk)))
        return Portion(_last(rows), Pruned(object_versions=len(forgotten)))

    def _forgettable(self, connection: sa.Connection, rows: Sequence[Any]) -> list[str]:
        """Those that the planner would refuse again, given the committed versions of their keys."""
        if self.state is ObjectState.SKIPPED:
            return [row.object_id for row in rows]
        if self.policy is None:
            return []
        keys = {row.key_id for row in rows}
        in_table = sa.and_(object_versions.c.state == ObjectState.COMMITTED, counting_for(self.policy))
        committed = versions_of_keys(connection, keys, in_table)
        ids = [row.object_id for row in rows]
        known = versions_of_keys(connection, keys, object_versions.c.object_id.in_(ids))
        return [
            one.object_id
            for key, versions in known.items()
            for one in versions
            if _is_refused(one, committed.get(key, []), self.policy)
        ]


@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of messages that were settled: a replay of those in quarantine is no longer possible."""

    before: datetime
    dry_run: bool

    def __call__(self, connection: sa.Connection, after: tuple[Any, ...] | None) -> Portion:
        key = (message_contents.c.object_id,)
        is_needed = (
            sa.select(object_versions.c.object_id)
            .where(
                object_versions.c.object_id == message_contents.c.object_id,
                sa.or_(object_versions.c.state.not_in(SETTLED), object_versions.c.settled_at >= self.before),
            )
            .exists()
        )
        query = sa.select(*key).where(~is_needed, _comes_after(key, after)).order_by(*key).limit(PORTION)
        rows = connection.execute(query).all()
        for chunk in () if self.dry_run else chunks(row.object_id for row in rows):
            connection.execute(sa.delete(message_contents).where(message_contents.c.object_id.in_(chunk)))
        return Portion(_last(rows), Pruned(message_contents=len(rows)))


def _forgettable_versions(connection: sa.Connection) -> Iterator[tuple[ObjectState, str, str]]:
    """The state, queue and table of all versions that may be forgotten."""
    for state in FORGETTABLE:
        in_state = object_versions.c.state == state
        for queue in distinct_values(connection, object_versions.c.queue, in_state):
            of_queue = sa.and_(in_state, object_versions.c.queue == queue)
            for table in distinct_values(connection, object_versions.c.table_name, of_queue):
                if kind_of_table(table) is None:
                    yield state, queue, table


def _is_refused(version: KeyVersion, committed: Sequence[KeyVersion], policy: OnOverwrite) -> bool:
    """Whether the planner would not choose this version if it were claimed again."""
    again = replace(version, state=ObjectState.PENDING)
    if policy == "replace" and is_behind(again, committed):
        return True  # a run would try it, and S3 would show that it is older than what is in the table
    return not choose([*committed, again], policy, now=again.not_before).ingest


def _last_commits(connection: sa.Connection) -> frozenset[str]:
    """The batch of each table's last commit, which `ingest status` shows."""
    found: set[str] = set()
    newest_first = (batches.c.committed_at.desc(), batches.c.batch_id.desc())
    for table in distinct_values(connection, batches.c.table_name):
        query = sa.select(batches.c.batch_id).where(
            batches.c.table_name == table,
            batches.c.state == BatchState.COMMITTED,
            batches.c.snapshot_id.is_not(None),
        )
        found.update(connection.scalars(query.order_by(*newest_first).limit(1)))
    return frozenset(found)


def _forget_members(connection: sa.Connection, batch_ids: Sequence[str]) -> list[str]:
    """Forget at most `MEMBERS` members of these batches; returns the batches that have no members left."""
    room = MEMBERS
    whole: list[str] = []
    for batch_id in batch_ids:
        query = sa.select(batch_objects.c.object_id).where(batch_objects.c.batch_id == batch_id).limit(room)
        ids = list(connection.scalars(query))
        for chunk in chunks(ids):
            connection.execute(
                sa.delete(batch_objects).where(
                    batch_objects.c.batch_id == batch_id, batch_objects.c.object_id.in_(chunk)
                )
            )
        room -= len(ids)
        if room == 0:
            break
        whole.append(batch_id)
    return whole


def _comes_after(key: Sequence[sa.Column[Any]], after: tuple[Any, ...] | None) -> sa.ColumnElement[bool]:
    if after is None:
        return sa.true()
    first, *rest = zip(key, after[: len(key)], strict=True)
    condition: sa.ColumnElement[bool] = first[0] > first[1]
    for column, value in rest:
        condition = sa.and_(first[0] >= first[1], sa.or_(condition, column > value))
    return condition


def _last(rows: Sequence[Any]) -> tuple[Any, ...] | None:
    return tuple(rows[-1]) if rows else None
