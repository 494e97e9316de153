"""The ledger: the SQL database of messages, object versions and batches that makes "exactly once" true.

Each method is one transaction. They may be called from many processes and threads at once, and each may be called
again after a crash: what it did is either all there or not at all, and doing it twice does it once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ingest_project.batches import attempts, open_messages, poison, recent, report
from ingest_project.batches.batch_members import BatchMember, batch_members
from ingest_project.batches.claim import claim
from ingest_project.batches.database import Database
from ingest_project.batches.history import (
    HistoryQuery,
    ObjectRecord,
    RejectedMessage,
    history,
    rejected_messages,
)
from ingest_project.batches.model import (
    Batch,
    BatchKind,
    BatchOutcome,
    BatchWork,
    Claim,
    ClaimResult,
    OpenMessage,
    PlanningRules,
    RowsToReplace,
)
from ingest_project.batches.plan import plan
from ingest_project.batches.prune import MINIMUM_AGE, Portion, Pruned, steps
from ingest_project.batches.rebuild import partitions_of, plan_rebuild
from ingest_project.batches.replay import Replayed, ReplaySelection, plan_replay
from ingest_project.batches.restore import Restored, RestoredObject, restore
from ingest_project.batches.retry import Retried, RetrySelection, retry
from ingest_project.batches.settle import settle
from ingest_project.events.routing import RoutedObject
from ingest_project.settings.error_classes import Action
from ingest_project.settings.model import OnOverwrite

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, as the ledger keeps it."""
    return datetime.now(UTC)


class Ledger:
    """The ledger at a SQLAlchemy URL; its schema is brought up to date when it is opened.

    Raises LedgerUnavailable, which is transient, whenever the database cannot be reached or stays locked.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now) -> None:
        self._database = Database(url)
        self._database.upgrade()
        self._clock = clock

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
        """Record messages and the object versions that they name, and make batches of all that waits."""
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
    ) -> str:
        """Make a batch, owned by this run, that rebuilds one partition from these objects; gives its id.

        `listed_at` is when the listing began: without it, what was written and claimed since is taken for gone.
        """
        with self._database.writing() as connection:
            return plan_rebuild(
                connection, queue=queue, rule=rule, partition_key=partition_key, listed=listed,
                run_id=run_id, now=self._clock(), listed_at=listed_at,
            )  # fmt: skip

    def partitions_of(self, listed: Sequence[RoutedObject]) -> dict[str, str | None]:
        """The partitions under which the ledger knows these writes already, by URI."""
        with self._database.reading() as connection:
            return partitions_of(connection, listed)

    def plan_replay(self, queue: str, rule: PlanningRules, selection: ReplaySelection) -> Replayed:
        """Make batches that read object versions of a table of this queue again, for their rows in quarantine."""
        with self._database.writing() as connection:
            return plan_replay(connection, queue, rule, selection, now=self._clock())

    def open_batches(self, queue: str) -> list[Batch]:
        """The batches of a queue that are not settled, oldest first: the outbox."""
        with self._database.reading() as connection:
            return attempts.open_batches(connection, queue)

    def batch(self, batch_id: str) -> Batch:
        """One batch, whatever its state; raises BatchNotFound."""
        with self._database.reading() as connection:
            return attempts.batch(connection, batch_id)

    def waiting_objects(self, queue: str, tables: Collection[str] | None = None) -> int:
        """How many object versions of the queue, and of these tables (None: of all), could be in a batch and are in none."""
        with self._database.reading() as connection:
            return attempts.waiting_objects(connection, queue, tables, now=self._clock())

    def start(self, batch_id: str, *, run_id: str) -> BatchWork | None:
        """Make this run the owner of the batch and give its work; None if the batch is settled already."""
        with self._database.writing() as connection:
            return attempts.start(connection, batch_id, run_id=run_id, now=self._clock())

    def heartbeat(self, batch_id: str, *, run_id: str) -> bool:
        """Keep the run's lease on the batch; False if the batch is no longer this run's."""
        with self._database.writing() as connection:
            return attempts.heartbeat(connection, batch_id, run_id=run_id, now=self._clock())

    def release(self, batch_id: str, *, run_id: str, error_class: str, error: str) -> None:
        """Give the lease up after a failure, with its reason, so that the next attempt need not wait."""
        with self._database.writing() as connection:
            attempts.release(
                connection, batch_id, run_id=run_id, error_class=error_class, error=error, now=self._clock()
            )

    def next_attempt(
        self, batch_id: str, *, attempt: int, error: str, on_unknown: Action = "release"
    ) -> bool:
        """After attempt number `attempt` ended without settling the batch, allow another one after a backoff.

        A batch whose runs keep dying is divided instead; `on_unknown` is what follows for an object that alone does it.
        """
        with self._database.writing() as connection:
            return poison.next_attempt(
                connection, batch_id, attempt=attempt, now=self._clock(), error=error, on_unknown=on_unknown
            )

    def confirm(self, batch_id: str, *, run_id: str, object_ids: Collection[str]) -> RowsToReplace | None:
        """What the commit of these objects takes out of the table; BatchSuperseded if they are not this run's."""
        with self._database.writing() as connection:
            return attempts.confirm(
                connection, batch_id, run_id=run_id, object_ids=object_ids, now=self._clock()
            )

    def rows_replaced(
        self, batch_id: str, *, run_id: str, object_ids: Collection[str]
    ) -> RowsToReplace | None:
        """What the batch's commit, once it is made, took out of the table; BatchSuperseded if it is not this run's."""
        with self._database.writing() as connection:
            return attempts.rows_replaced(connection, batch_id, run_id=run_id, object_ids=object_ids)

    def settle(self, batch_id: str, *, run_id: str, outcome: BatchOutcome) -> None:
        """Record how the batch ended."""
        with self._database.writing() as connection:
            settle(connection, batch_id, run_id=run_id, outcome=outcome, now=self._clock())

    def deletable_messages(self, queue: str, *, limit: int = 10_000) -> list[OpenMessage]:
        """Messages all of whose object versions are settled."""
        with self._database.reading() as connection:
            return open_messages.deletable(connection, queue, limit=limit)

    def messages_to_extend(self, queue: str, *, timeout: timedelta) -> list[OpenMessage]:
        """Messages of waiting or working batches whose visibility timeout is more than half gone."""
        with self._database.reading() as connection:
            return open_messages.to_extend(connection, queue, timeout=timeout, now=self._clock())

    def messages_extended(self, queue: str, ids: Iterable[str], *, invisible_until: datetime) -> None:
        """Record that these messages stay invisible until then."""
        with self._database.writing() as connection:
            open_messages.extended(connection, queue, ids, invisible_until=invisible_until)

    def messages_deleted(self, queue: str, ids: Iterable[str], *, refused: Iterable[str] = ()) -> None:
        """Record which messages SQS has deleted, and whose receipt handles it refused."""
        with self._database.writing() as connection:
            open_messages.deleted(connection, queue, ids, now=self._clock())
            open_messages.handle_refused(connection, queue, refused)

    def queue_report(self, queue: str) -> report.QueueReport:
        """The messages of one queue by their state."""
        with self._database.reading() as connection:
            return report.queue_report(connection, queue)

    def table_report(self, table: str) -> report.TableReport:
        """One table's objects and batches by state, its rows and its last commit."""
        with self._database.reading() as connection:
            return report.table_report(connection, table)

    def partition_rows(self, table: str, partition_keys: Iterable[str | None]) -> dict[str | None, int]:
        """The rows that the table holds of each of these Dagster partitions."""
        with self._database.reading() as connection:
            return report.partition_rows(connection, table, partition_keys)

    def last_commit(self, table: str) -> recent.CommittedRows | None:
        """What the table's last committed batch brought; None before the first."""
        with self._database.reading() as connection:
            return recent.last_commit(connection, table)

    def committed_rows(
        self, table: str, since: datetime, until: datetime, kind: BatchKind | None = None
    ) -> recent.RowTotals:
        """What the table's batches, of this kind or of all, brought that were committed from `since` until before `until`."""
        with self._database.reading() as connection:
            return recent.committed_rows(connection, table, since, until, kind)

    def history(self, query: HistoryQuery) -> list[ObjectRecord]:
        """The object versions that the query asks for, the newest claims first, with their messages and attempts."""
        with self._database.reading() as connection:
            return history(connection, query)

    def rejected_messages(
        self, queues: Collection[str], *, since: datetime | None = None, limit: int = 50
    ) -> list[RejectedMessage]:
        """The messages of these queues that are left to the DLQ, the newest receipts first."""
        with self._database.reading() as connection:
            return rejected_messages(connection, queues, since=since, limit=limit)

    def batch_members(self, batch_id: str, *, limit: int) -> list[BatchMember]:
        """What a batch made of its object versions: those that failed first, then by key."""
        with self._database.reading() as connection:
            return batch_members(connection, batch_id, limit=limit)

    def retry(self, selection: RetrySelection) -> Retried:
        """Put failed work back, so that the next tick of its queue's sensor takes it."""
        with self._database.writing() as connection:
            return retry(connection, selection, now=self._clock())

    def prune(
        self, *, older_than: timedelta, policies: Mapping[str, OnOverwrite], dry_run: bool = False
    ) -> Pruned:
        """Forget what was settled longer ago and no redelivery can ask for; `policies` are the tables' `on_overwrite`.

        Works in short transactions; one that is interrupted has done a part, and is simply done again. Raises
        ValueError below `MINIMUM_AGE`.
        """
        if older_than < MINIMUM_AGE:
            raise ValueError(
                f"SQS may deliver a message again for {MINIMUM_AGE.days} days; keep at least as much"
            )
        before = self._clock() - older_than
        transaction = self._database.reading if dry_run else self._database.writing
        with self._database.reading() as connection:
            todo = steps(connection, before=before, policies=policies, dry_run=dry_run)
        pruned = Pruned()
        for step in todo:
            portion = Portion(None, Pruned())
            while True:
                with transaction() as connection:
                    portion = step(connection, portion.after)
                pruned += portion.pruned
                if portion.after is None:
                    break
        return pruned

    def restore(
        self,
        queue: str,
        on_overwrite: OnOverwrite,
        objects: Sequence[RestoredObject],
        *,
        dry_run: bool = False,
    ) -> Restored:
        """Make known again what the table of this queue holds; what is settled already stays as it is."""
        with self._database.reading() if dry_run else self._database.writing() as connection:
            return restore(connection, queue, on_overwrite, objects, now=self._clock(), dry_run=dry_run)

    def failures(self) -> list[report.FailureReport]:
        """What failed and is not settled, with reasons."""
        with self._database.reading() as connection:
            return report.failures(connection)
