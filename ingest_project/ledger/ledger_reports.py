"""What people ask of the ledger: reports and histories. Nothing here changes it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from ingest_project.ledger import report
from ingest_project.ledger.database import Database
from ingest_project.ledger.history import (
    HistoryQuery,
    ObjectRecord,
    RejectedMessage,
    history,
    rejected_messages,
)
from ingest_project.ledger.model import BatchKind
from ingest_project.ledger.report import BatchMembers, BatchMessages, batch_members, batch_messages
from ingest_project.ledger.unread_objects import UnreadObjects, lately_unread, unread_objects


class LedgerReports:
    """The part of the ledger that reads for people; each method is one transaction."""

    _database: Database

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

    def failures(self) -> list[report.FailureReport]:
        """What failed and needs a person, with reasons."""
        with self._database.reading() as connection:
            return report.failures(connection)
