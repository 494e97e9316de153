"""Processes a batch: fetch, read, commit, settle.

The second half of an object's journey, up to the deletion of its messages. A run may die anywhere in here and be
started again: the batch's commit is found in the table if it was made, and made if it was not.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from ingest_project.batch_writer import BatchWriter, Written
from ingest_project.batches.ledger import Ledger
from ingest_project.batches.model import (
    BatchKind,
    BatchObject,
    BatchOutcome,
    BatchWork,
    FailedObject,
    RowsToReplace,
)
from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import Commit
from ingest_project.iceberg.replacement import Replacement
from ingest_project.lease import Lease
from ingest_project.objects.fetch.store import ObjectStore
from ingest_project.quarantine_commit import add_bad_rows, summary_properties, take_out_replaced
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What a batch brought to one Dagster partition of its table. Bytes are as S3 stores them.

    `lag_seconds` is the longest time from an object's event to the commit. `rows_in_partition` are all that the
    table now holds of the partition, `rows` those of this batch, `rejected_rows` those that it set aside. `sample` is None if another attempt had committed
    the batch, or no row was brought.
    """

    partition_key: str | None
    objects: int
    failed_objects: int
    rows: int
    rejected_rows: int
    rows_in_partition: int
    size_bytes: int
    lag_seconds: float
    sample: pl.DataFrame | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended, for people: totals, the partitions that it touched, and what failed.

    `snapshot_id` is None if there was nothing to commit. `new_columns` are those that the batch added or widened.
    """

    batch_id: str
    table: str
    kind: BatchKind
    snapshot_id: int | None
    partitions: tuple[PartitionResult, ...]
    failures: tuple[FailedObject, ...]
    columns: dict[str, str]
    new_columns: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    @property
    def rejected_rows(self) -> int:
        return sum(partition.rejected_rows for partition in self.partitions)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Processes batches of any table of the settings."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    store: ObjectStore

    def process(self, batch_id: str, *, queue: Queue, run_id: str) -> BatchResult | None:
        """Ingest a batch and settle it; None if it was settled before.

        Raises BatchNotFound; BatchSuperseded if another run took the batch over; and TableError, LedgerUnavailable
        or whatever else stopped it, in which case the batch stays open for another attempt. Objects that cannot be
        read do not stop it: they are in the result, and in the ledger with their error class, and what follows for
        each is the action that its table has for that class.
        """
        table = self._table(self.ledger.batch(batch_id).table)
        work = self.ledger.start(batch_id, run_id=run_id)
        if work is None:
            return None
        visibility = timedelta(seconds=self.settings.queue(table.queue).visibility_timeout_seconds)
        lease = timedelta(seconds=self.settings.ledger.lease_seconds)
        with Lease(self.ledger, queue, batch_id=batch_id, run_id=run_id, lease=lease, visibility=visibility):
            return self._process(work, table, run_id)

    def _process(self, work: BatchWork, table: TableSettings, run_id: str) -> BatchResult:
        writer = BatchWriter(work, table, self.lake, self.store)
        batch = work.batch
        earlier = writer.table.find_commit(batch.batch_id, batch.planned_at) if writer.table else None
        if earlier is None:
            writer.write()
            commit = self._commit(work, writer, run_id)
        else:
            log.info("batch %s was committed before as snapshot %s", batch.batch_id, earlier.snapshot_id)
            commit = earlier
        if commit.already_committed:
            writer.written = self._read_back(work, writer, commit)
        take_out_replaced(work, writer, lambda: self._replaced(work, writer, run_id))
        self._settle(work, writer.written, commit, run_id)
        return self._result(work, writer, commit)

    def _table(self, name: str) -> TableSettings:
        try:
            return self.settings.table(name)
        except KeyError:
            reason = "it has an open batch, and ingest.yaml has it no longer; put it back until its batches are settled"
            raise TableMismatch(name, reason) from None

    def _commit(self, work: BatchWork, writer: BatchWriter, run_id: str) -> Commit:
        """Commits the bad rows, then the table; both stand on the ledger's word that the batch is this run's."""

        def confirm() -> Replacement:
            objects = set(writer.written.rows)
            return _replacement(self.ledger.confirm(work.batch.batch_id, run_id=run_id, object_ids=objects))

        if (earlier := add_bad_rows(work, writer, confirm)) is not None:
            return earlier
        if writer.table is None:  # no table, no columns, no rows: there is nothing that a commit could change
            return Commit(None, datetime.now(UTC), already_committed=False)
        return writer.table.commit(
            work.batch.batch_id,
            writer.written.files,
            confirm,
            properties=summary_properties(work),
            planned_at=work.batch.planned_at,
            even_if_empty=_must_leave_a_mark(work) or bool(writer.written.rejected_rows),
        )

    def _replaced(self, work: BatchWork, writer: BatchWriter, run_id: str) -> Replacement:
        """What the commit, whichever attempt made it, took out of the table."""
        objects = set(writer.written.rows)
        return _replacement(self.ledger.rows_replaced(work.batch.batch_id, run_id=run_id, object_ids=objects))

    def _read_back(self, work: BatchWork, writer: BatchWriter, commit: Commit) -> Written:
        """What an earlier attempt committed, as the tables themselves tell it.

        An object of which only the quarantine holds rows was committed without a good one. One of which neither does
        was empty, which the ledger knows from the confirmation, or failed; the failed ones go back to the planner.
        """
        by_source = {(member.object.uri, member.object.version): member.object_id for member in work.objects}
        batch_id = work.batch.batch_id
        found = writer.table.rows_by_source(batch_id, commit.snapshot_id) if writer.table else {}
        rejected = writer.quarantine.rows_by_source(batch_id) if writer.quarantine else {}
        rejected_rows = {by_source[one]: count for one, count in rejected.items() if one in by_source}
        rows = {by_source[one]: count for one, count in found.items() if one in by_source}
        return Written(rows=dict.fromkeys(rejected_rows, 0) | rows, rejected_rows=rejected_rows)

    def _settle(self, work: BatchWork, written: Written, commit: Commit, run_id: str) -> None:
        outcome = BatchOutcome(
            rows=written.rows,
            failures=tuple(written.failures),
            snapshot_id=commit.snapshot_id,
            committed_at=commit.committed_at,
            rejected_rows=written.rejected_rows,
        )
        self.ledger.settle(work.batch.batch_id, run_id=run_id, outcome=outcome)

    def _result(self, work: BatchWork, writer: BatchWriter, commit: Commit) -> BatchResult:
        progress = writer.written
        partitions = _members_by_partition(work, progress)
        failed = {failure.object_id for failure in progress.failures}
        failed_by_partition = Counter(
            member.partition_key for member in work.objects if member.object_id in failed
        )
        totals = self.ledger.partition_rows(work.batch.table, partitions)
        return BatchResult(
            batch_id=work.batch.batch_id,
            table=work.batch.table,
            kind=work.batch.kind,
            snapshot_id=commit.snapshot_id,
            partitions=tuple(
                _partition(
                    key,
                    members,
                    progress,
                    commit,
                    failed_objects=failed_by_partition[key],
                    rows_in_partition=totals[key],
                )
                for key, members in partitions.items()
            ),
            failures=tuple(progress.failures),
            columns=writer.table.columns if writer.table else {},
            new_columns=writer.new_columns,
        )


def _must_leave_a_mark(work: BatchWork) -> bool:
    """Whether the batch must move the table's head even if it brings no row and takes none out.

    It gives objects back that an earlier attempt, frozen between its look and its commit, may still hold: only a head
    that has moved refuses that one. A rebuild takes objects from other batches in the same way.
    """
    return work.batch.starts > 1 or work.batch.kind != BatchKind.INGEST


def _replacement(rows: RowsToReplace | None) -> Replacement:
    return Replacement() if rows is None else Replacement(rows.source_uris, rows.batch_ids, rows.writes)


def _members_by_partition(work: BatchWork, progress: Written) -> dict[str | None, list[BatchObject]]:
    partitions: dict[str | None, list[BatchObject]] = {}
    for member in work.objects:
        if member.object_id in progress.rows:
            partitions.setdefault(member.partition_key, []).append(member)
    return partitions


def _partition(
    key: str | None,
    members: Sequence[BatchObject],
    progress: Written,
    commit: Commit,
    *,
    failed_objects: int,
    rows_in_partition: int,
) -> PartitionResult:
    return PartitionResult(
        partition_key=key,
        objects=len(members),
        failed_objects=failed_objects,
        rows=sum(progress.rows[member.object_id] for member in members),
        rejected_rows=sum(progress.rejected_rows.get(member.object_id, 0) for member in members),
        rows_in_partition=rows_in_partition,
        size_bytes=sum(member.object.size_bytes for member in members),
        lag_seconds=max(
            (commit.committed_at - member.object.event_time).total_seconds() for member in members
        ),
        sample=progress.samples.get(key),
    )
