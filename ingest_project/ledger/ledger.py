"""The ledger: the SQL database of messages, object versions and batches that makes "exactly once" true.

Each method is one transaction, safe to call from many processes and threads at once, and again after a crash:
what it did is there in full or not at all, and a second call has no further effect.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ingest_project.errors import IngestError
from ingest_project.ledger import (
    attempts,
    message_contents,
    open_messages,
    poison,
    reconcile,
    report,
    source_actions,
)  # fmt: skip
from ingest_project.ledger.claim import claim
from ingest_project.ledger.database import Database
from ingest_project.ledger.dead_letters import KnownLetter, known_letters
from ingest_project.ledger.dismiss import Dismissed, dismiss
from ingest_project.ledger.history import (
    HistoryQuery,
    ObjectRecord,
    RejectedMessage,
    history,
    rejected_messages,
)
from ingest_project.ledger.job_ledger import JobLedger
from ingest_project.ledger.listed_write import ListedWrite, Standing
from ingest_project.ledger.model import (
    Batch,
    BatchKind,
    BatchOutcome,
    BatchWork,
    ClaimResult,
    OpenMessage,
    PlanningRules,
    RowsToReplace,
)
from ingest_project.ledger.plan import plan
from ingest_project.ledger.prune import MINIMUM_AGE, Pruned, prune
from ingest_project.ledger.rebuild import HeldKeys, partitions_of, plan_rebuild
from ingest_project.ledger.reconcile import CommittedVersion, TableSource
from ingest_project.ledger.recover import Recovered, RecoveredObject, recover
from ingest_project.ledger.replay import Replayed, ReplaySelection, plan_replay
from ingest_project.ledger.report import BatchMembers, BatchMessages, batch_members, batch_messages
from ingest_project.ledger.retry import Retried, retry
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.settle import settle
from ingest_project.ledger.unread_objects import UnreadObjects, lately_unread, unread_objects
from ingest_project.ledger.unreported import UnreportedBatch, remove_reported, unreported_batches
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.error_classes import Action
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim


class Ledger:
    """The ledger at a SQLAlchemy URL; its schema is brought up to date when it is opened.

    Raises LedgerUnavailable, which is transient, whenever the database cannot be reached or stays locked.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now) -> None:
        self._database = Database(url)
        try:
            self._database.upgrade()
        except IngestError:
            self._database.dispose()  # the caller gets no ledger that it could close
            raise
        self._clock = clock

    @property
    def jobs(self) -> JobLedger:
        """What the ledger knows of jobs on demand."""
        return JobLedger(self._database, self._clock)

    @property
    def location(self) -> str:
        """Where the ledger is, without a password."""
        return self._database.location

    def close(self) -> None:
        """Close its connections."""
        self._database.dispose()

    def claim_and_plan(
        self,
        queue: str,
        claims: Sequence[Claim],
        *,
        rules: Sequence[PlanningRules],
        max_in_flight: int,
        invisible_until: datetime,
    ) -> ClaimResult:
        """Record messages and the object versions that they name, and plan batches of all that waits."""
        with self._database.writing() as connection:
            now = self._clock()
            result = claim(connection, queue, claims, now=now, invisible_until=invisible_until)
            plan(connection, queue, rules, max_in_flight=max_in_flight, now=now)
            return result

    def plan_rebuild(
        self,
        *,
        queue: str,
        rule: PlanningRules,
        partition_key: str | None,
        listed: Sequence[RoutedObject],
        run_id: str,
        listed_at: datetime | None = None,
        held: HeldKeys | None = None,
    ) -> str:
        """Make a batch, owned by this run, that rebuilds one partition from these objects; returns its id.

        `listed_at` is when the listing began: without it, what was written and claimed since then counts as
        gone. `held` are all keys of the listing: without it, no failure is settled because S3 does not hold
        its object.
        """
        with self._database.writing() as connection:
            return plan_rebuild(
                connection, queue=queue, rule=rule, partition_key=partition_key, listed=listed,
                run_id=run_id, now=self._clock(), listed_at=listed_at, held=held,
            )  # fmt: skip

    def partitions_of(self, listed: Sequence[RoutedObject]) -> dict[str, str | None]:
        """The partitions that the ledger has recorded for these writes, by URI."""
        with self._database.reading() as connection:
            return partitions_of(connection, listed)

    def plan_replay(self, queue: str, rule: PlanningRules, selection: ReplaySelection) -> Replayed:
        """Make batches that read object versions of a table again, because they have rows in quarantine."""
        with self._database.writing() as connection:
            return plan_replay(connection, queue, rule, selection, now=self._clock())

    def open_batches(self, queue: str) -> list[Batch]:
        """The batches of a queue that are not settled, oldest first: the outbox."""
        with self._database.reading() as connection:
            return attempts.open_batches(connection, queue)

    def abandoned_rebuilds(self, queue: str) -> list[Batch]:
        """The latest rebuilds of a queue that another rebuild of their partition has replaced."""
        with self._database.reading() as connection:
            return attempts.abandoned_rebuilds(connection, queue)

    def batch(self, batch_id: str) -> Batch:
        """One batch, whatever its state; raises BatchNotFound."""
        with self._database.reading() as connection:
            return attempts.batch(connection, batch_id)

    def waiting_objects(self, queue: str, tables: Collection[str] | None = None) -> int:
        """How many object versions of the queue wait for a batch, of these tables (None: of all)."""
        with self._database.reading() as connection:
            return attempts.waiting_objects(connection, queue, tables, now=self._clock())

    def message_contents(self, table: str, objects: Sequence[ObjectVersion]) -> dict[ObjectVersion, bytes]:
        """What is kept of these messages, which are rows of the table themselves."""
        with self._database.reading() as connection:
            return message_contents.kept(connection, table, objects)

    def start(self, batch_id: str, *, run_id: str) -> BatchWork | None:
        """Make this run the owner of the batch and return its work; None if the batch is settled already."""
        with self._database.writing() as connection:
            return attempts.start(connection, batch_id, run_id=run_id, now=self._clock())

    def heartbeat(self, batch_id: str, *, run_id: str) -> bool:
        """Keep the run's lease on the batch; False if the batch is no longer this run's."""
        with self._database.writing() as connection:
            return attempts.heartbeat(connection, batch_id, run_id=run_id, now=self._clock())

    def release(self, batch_id: str, *, run_id: str, error_class: str, error: str) -> None:
        """Give up the lease after a failure, with its reason, so that the next attempt need not wait."""
        with self._database.writing() as connection:
            attempts.release(
                connection, batch_id, run_id=run_id, error_class=error_class, error=error, now=self._clock()
            )

    def next_attempt(
        self, batch_id: str, *, attempt: int, error: str, on_unknown: Action = "release",
        lost_attempts: int = poison.LOST_ATTEMPTS,
    ) -> bool:  # fmt: skip
        """After attempt number `attempt` ended without settling the batch, allow another one after a backoff.

        A batch of which `lost_attempts` runs died is divided instead; `on_unknown` is the action for an
        object that kills a run by itself. Returns False if another attempt was allowed already, or the batch
        is settled.
        """
        with self._database.writing() as connection:
            return poison.next_attempt(
                connection, batch_id, attempt=attempt, now=self._clock(), error=error,
                on_unknown=on_unknown, lost_attempts=lost_attempts,
            )  # fmt: skip

    def confirm(self, batch_id: str, *, run_id: str, object_ids: Collection[str]) -> RowsToReplace | None:
        """Confirm that this run owns the batch and these objects, and return the rows that they replace.

        None means that no rows are replaced. Raises BatchSuperseded if they are not this run's.
        """
        with self._database.writing() as connection:
            return attempts.confirm(
                connection, batch_id, run_id=run_id, object_ids=object_ids, now=self._clock()
            )

    def rows_replaced(
        self, batch_id: str, *, run_id: str, object_ids: Collection[str]
    ) -> RowsToReplace | None:
        """The rows that the batch's commit, already made, took out; raises BatchSuperseded."""
        with self._database.writing() as connection:
            return attempts.rows_replaced(connection, batch_id, run_id=run_id, object_ids=object_ids)

    def settle(self, batch_id: str, *, run_id: str, outcome: BatchOutcome) -> int:
        """Record how the batch ended; returns how many failures it settled because S3 lacks the object."""
        with self._database.writing() as connection:
            return settle(connection, batch_id, run_id=run_id, outcome=outcome, now=self._clock())

    def unreported_batches(self, queue: str) -> list[UnreportedBatch]:
        """Committed batches of the queue that Dagster may not know of yet, oldest first."""
        with self._database.reading() as connection:
            return unreported_batches(connection, queue)

    def reported(self, queue: str, batch_id: str) -> None:
        """Record that Dagster knows of the batch."""
        with self._database.writing() as connection:
            remove_reported(connection, queue, batch_id)

    def deletable_messages(self, queue: str, *, limit: int = 10_000) -> list[OpenMessage]:
        """Messages whose object versions are all settled."""
        with self._database.reading() as connection:
            return open_messages.deletable(connection, queue, limit=limit)

    def messages_to_extend(self, queue: str, *, timeout: timedelta) -> list[OpenMessage]:
        """Messages with work in progress whose visibility timeout is more than half over."""
        with self._database.reading() as connection:
            return open_messages.to_extend(connection, queue, timeout=timeout, now=self._clock())

    def messages_extended(self, queue: str, ids: Iterable[str], *, invisible_until: datetime) -> None:
        """Record that these messages stay invisible until then."""
        with self._database.writing() as connection:
            open_messages.extended(connection, queue, ids, invisible_until=invisible_until)

    def messages_deleted(self, queue: str, ids: Iterable[str], *, refused: Iterable[str] = ()) -> None:
        """Record which messages SQS has deleted, and which receipt handles it refused."""
        with self._database.writing() as connection:
            open_messages.deleted(connection, queue, ids, now=self._clock())
            open_messages.handle_refused(connection, queue, refused)

    def due_actions(self, queue: str, *, limit: int) -> list[source_actions.SourceAction]:
        """What may be done now to objects of the queue whose rows are in their tables, oldest first."""
        with self._database.reading() as connection:
            return source_actions.due(connection, queue, limit=limit, now=self._clock())

    def actions_ended(self, results: Iterable[source_actions.ActionResult]) -> None:
        """Record what came of actions on objects; one that failed is due again after a while."""
        with self._database.writing() as connection:
            source_actions.ended(connection, results, now=self._clock())

    def queue_report(self, queue: str) -> report.QueueReport:
        """The messages of one queue by their state."""
        with self._database.reading() as connection:
            return report.queue_report(connection, queue)

    def table_report(self, table: str) -> report.TableReport:
        """One table's objects and batches by state, its rows and its last commit."""
        with self._database.reading() as connection:
            return report.table_report(connection, table)

    def partition_rows(self, table: str, partition_keys: Iterable[str]) -> dict[str, int]:
        """The number of rows in the table for each of these Dagster partitions."""
        with self._database.reading() as connection:
            return report.partition_rows(connection, table, partition_keys)

    def last_commit(self, table: str) -> report.CommittedRows | None:
        """What the table's last committed batch brought; None before the first."""
        with self._database.reading() as connection:
            return report.last_commit(connection, table)

    def committed_rows(
        self, table: str, since: datetime, until: datetime, kind: BatchKind | None = None
    ) -> report.RowTotals:
        """What batches of this kind (None: all) brought to the table in `[since, until)`."""
        with self._database.reading() as connection:
            return report.committed_rows(connection, table, since, until, kind)

    def history(self, query: HistoryQuery) -> list[ObjectRecord]:
        """The object versions of the query, the newest claims first, with their messages and attempts."""
        with self._database.reading() as connection:
            return history(connection, query)

    def rejected_messages(
        self, queues: Collection[str], *, since: datetime | None = None, limit: int = 50
    ) -> list[RejectedMessage]:
        """The messages of these queues that are left to the DLQ, last received first."""
        with self._database.reading() as connection:
            return rejected_messages(connection, queues, since=since, limit=limit)

    def known_letters(self, queue: str, claims: Sequence[Claim]) -> dict[str, KnownLetter]:
        """What is known of each of these messages of the queue's DLQ, by message id."""
        with self._database.reading() as connection:
            return known_letters(connection, queue, claims)

    def has_rows(self, table: str) -> bool:
        """Whether a committed object version of the table has a row."""
        with self._database.reading() as connection:
            return report.has_rows(connection, table)

    def unread_objects(self, queue: str, table: str, *, limit: int) -> UnreadObjects:
        """The table's object versions that failed or were parked: their numbers, and the newest of them."""
        with self._database.reading() as connection:
            return unread_objects(connection, queue, table, limit=limit)

    def lately_unread(
        self, queue: str, table: str, *, after: datetime, until: datetime, limit: int
    ) -> UnreadObjects:
        """Those of `unread_objects` whose batch was settled in `(after, until]`."""
        with self._database.reading() as connection:
            return lately_unread(connection, queue, table, after=after, until=until, limit=limit)

    def batch_members(self, batch_id: str, *, limit: int) -> BatchMembers:
        """What became of the batch's object versions: those that failed first, then by key."""
        with self._database.reading() as connection:
            return batch_members(connection, batch_id, limit=limit)

    def batch_messages(self, batch_id: str) -> BatchMessages:
        """How many messages named object versions of the batch, and how many of these are deleted."""
        with self._database.reading() as connection:
            return batch_messages(connection, batch_id)

    def retry(self, selection: Selection) -> Retried:
        """Put failed work back, so that the next tick of its queue's sensor plans it."""
        with self._database.writing() as connection:
            return retry(connection, selection, now=self._clock())

    def dismiss(self, selection: Selection) -> Dismissed:
        """Settle failed work as skipped, so that its messages may be deleted."""
        with self._database.writing() as connection:
            return dismiss(connection, selection, now=self._clock())

    def prune(
        self, *, older_than: timedelta, policies: Mapping[str, OnOverwrite], dry_run: bool = False
    ) -> Pruned:
        """Forget what was settled longer ago than that and what no redelivery needs.

        `policies` are the tables' `on_overwrite`. Works in many short transactions: if it is interrupted, run
        it again. Raises ValueError below `MINIMUM_AGE`.
        """
        if older_than < MINIMUM_AGE:
            days = MINIMUM_AGE.days
            raise ValueError(f"SQS may redeliver a message for {days} days; keep at least {days} days")
        before = self._clock() - older_than
        return prune(self._database, before=before, policies=policies, dry_run=dry_run)

    def recover(
        self, queue: str, on_overwrite: OnOverwrite, objects: Sequence[RecoveredObject], *,
        dry_run: bool = False,
    ) -> Recovered:  # fmt: skip
        """Record these object versions of a table again; what is settled already stays as it is."""
        with self._database.reading() if dry_run else self._database.writing() as connection:
            return recover(connection, queue, on_overwrite, objects, now=self._clock(), dry_run=dry_run)

    def standings(self, policy: OnOverwrite, listed: Sequence[ListedWrite]) -> list[Standing]:
        """What the ledger knows of each of these writes that S3 lists, in their order."""
        with self._database.reading() as connection:
            return reconcile.standings(connection, policy, listed)

    def claim_listed(
        self, queue: str, policy: OnOverwrite, listed: Sequence[ListedWrite], *, for_job: str | None = None
    ) -> int:
        """Claim those of these writes that are unknown; returns their number. The sensor plans them."""
        with self._database.writing() as connection:
            return reconcile.claim_listed(connection, queue, policy, listed, now=self._clock(), job=for_job)

    def pending_objects(self, queue: str) -> int:
        """How many object versions of the queue wait for a batch, for whatever reason."""
        with self._database.reading() as connection:
            return reconcile.pending_objects(connection, queue)

    def committed_versions(
        self, table: str, *, after: CommittedVersion | None = None, claimed_since: datetime | None = None,
        partition: str | None = None, limit: int = 1_000,
    ) -> list[CommittedVersion]:  # fmt: skip
        """The versions in the table, or in one of its partitions, in the order of their claims."""
        with self._database.reading() as connection:
            return reconcile.committed_versions(
                connection, table, after=after, claimed_since=claimed_since, partition=partition, limit=limit
            )

    def unknown_sources(self, table: str, sources: Collection[TableSource]) -> list[TableSource]:
        """Those of the sources of a table's rows that the ledger does not know."""
        with self._database.reading() as connection:
            return reconcile.unknown_sources(connection, table, sources)

    def failures(self) -> list[report.FailureReport]:
        """What failed and needs a person, with reasons."""
        with self._database.reading() as connection:
            return report.failures(connection)
