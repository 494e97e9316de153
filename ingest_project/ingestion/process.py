"""Processes a batch: fetch, read, commit, settle.

The second half of an object's journey, up to the deletion of its messages. A run may die anywhere in here and
be started again: it finds the batch's commit in the table, or makes it.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import polars as pl

from ingest_project.errors import LedgerUnavailable, ObjectsTaken, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import Commit
from ingest_project.iceberg.replacement import Replacement
from ingest_project.ingestion.after_processing import after_rule
from ingest_project.ingestion.commit_bad_rows import add_bad_rows, summary_properties, take_out_replaced
from ingest_project.ingestion.lease import Lease
from ingest_project.ingestion.write import BatchWriter, Written
from ingest_project.ingestion.write_order import write_order
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import (
    BatchKind,
    BatchObject,
    BatchOutcome,
    BatchWork,
    FailedObject,
    RowsToReplace,
)
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.sources.source import ContentStore
from ingest_project.sources.sqs.queue import Queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What a batch brought to one Dagster partition of its table. Bytes are as stored in S3.

    `rows` are those of this batch, `rejected_rows` those that it set aside, `rows_in_partition` all that the
    table now has in the partition (None if unknown). `lag_seconds` is the longest time from an object's event
    to the commit, None unless the batch came from messages. `sample` is None if another attempt had committed
    the batch, or if there are no rows.
    """

    partition_key: str | None
    objects: int
    failed_objects: int
    rows: int
    rejected_rows: int
    rows_in_partition: int | None
    size_bytes: int
    lag_seconds: float | None
    sample: pl.DataFrame | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended, for people: totals, the partitions that it changed, and what failed.

    A rebuild changes exactly its own partition, even if S3 holds no objects of it. `snapshot_id` is None if
    there was nothing to commit. `rows_in_table` are all rows of the table now (None if unknown),
    `rows_replaced` those that this attempt's commit took out, `rejected_rows_replaced` the same of the
    quarantine. `new_columns` were added or widened by the batch, `column_docs` are the table's comments on
    its columns. `objects_gone` counts failures that this rebuild settled because S3 does not hold the
    objects.
    """

    batch_id: str
    table: str
    kind: BatchKind
    snapshot_id: int | None
    rows_in_table: int | None
    partitions: tuple[PartitionResult, ...]
    failures: tuple[FailedObject, ...]
    columns: dict[str, str]
    new_columns: dict[str, str] = field(default_factory=dict)
    rows_replaced: int = 0
    rejected_rows_replaced: int = 0
    column_docs: dict[str, str] = field(default_factory=dict)
    objects_gone: int = 0

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
    store: ContentStore

    def process(self, batch_id: str, *, queue: Queue, run_id: str) -> BatchResult | None:
        """Ingest a batch and settle it; None if it was settled before.

        Raises BatchNotFound; BatchSuperseded if another run took the batch over; and TableError,
        LedgerUnavailable or any other exception that stopped it: then the batch stays open for another
        attempt. Objects that cannot be read do not stop it: they are in the result, and in the ledger with
        their error class, and the table's action for that class is applied to each.
        """
        table = self._table(self.ledger.batch(batch_id).table)
        work = self.ledger.start(batch_id, run_id=run_id)
        if work is None:
            return None
        visibility = timedelta(seconds=self.settings.queue(table.queue).visibility_timeout_seconds)
        lease = timedelta(seconds=self.settings.ledger.lease_seconds)
        with Lease(self.ledger, queue, batch_id=batch_id, run_id=run_id, lease=lease, visibility=visibility):
            while work is not None:
                try:
                    return self._process(work, table, run_id)
                except ObjectsTaken as error:  # it ends: the batch has fewer objects each time
                    log.info("%s", error)
                work = self.ledger.start(batch_id, run_id=run_id)
        return None

    def _process(self, work: BatchWork, table: TableSettings, run_id: str) -> BatchResult:
        order = write_order(work, self.store)
        writer = BatchWriter(work, table, self.lake, self.store)
        batch = work.batch
        earlier = writer.table.find_commit(batch.batch_id, batch.planned_at) if writer.table else None
        if earlier is None:
            writer.note_failures(order.untold.items())
            writer.write(without=order.left_out(work))
            commit = self._commit(work, writer, run_id)
        else:
            log.info("batch %s was committed before as snapshot %s", batch.batch_id, earlier.snapshot_id)
            commit = earlier
        if commit.already_committed:
            writer.written = self._read_back(work, writer, commit)
        taken_out = take_out_replaced(work, writer, lambda: self._replaced(work, writer, run_id))
        gone = self._settle(
            work, writer.written, commit, run_id, superseded=order.superseded(work, writer.written.rows)
        )
        result = self._result(work, writer, commit)
        return replace(result, rejected_rows_replaced=taken_out, objects_gone=gone)

    def _table(self, name: str) -> TableSettings:
        try:
            return self.settings.table(name)
        except KeyError:
            reason = "it has an open batch, but it is not in ingest.yaml any more"
            remedy = "put it back until its batches are settled"
            raise TableMismatch(name, f"{reason}; {remedy}") from None

    def _commit(self, work: BatchWork, writer: BatchWriter, run_id: str) -> Commit:
        """Commits the bad rows, then the good ones, each after the ledger has confirmed the batch."""

        def confirm() -> Replacement:
            objects = set(writer.written.rows)
            return _replacement(self.ledger.confirm(work.batch.batch_id, run_id=run_id, object_ids=objects))

        if (earlier := add_bad_rows(work, writer, confirm)) is not None:
            return earlier
        if writer.table is None:  # there is no table, and there are no rows to create one for
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
        """The rows that the commit, whichever attempt made it, took out of the table."""
        objects = set(writer.written.rows)
        return _replacement(self.ledger.rows_replaced(work.batch.batch_id, run_id=run_id, object_ids=objects))

    def _read_back(self, work: BatchWork, writer: BatchWriter, commit: Commit) -> Written:
        """What an earlier attempt committed, read from the table and its quarantine.

        An object with rows in the quarantine only was committed without good rows. An object without rows in
        either was empty, which the ledger knows from the confirmation, or failed and goes back to the
        planner.
        """
        by_source = {(member.object.uri, member.object.version): member.object_id for member in work.objects}
        batch_id = work.batch.batch_id
        found = writer.table.rows_by_source(batch_id, commit.snapshot_id) if writer.table else {}
        rejected = writer.quarantine.rows_by_source(batch_id) if writer.quarantine else {}
        rejected_rows = {by_source[one]: count for one, count in rejected.items() if one in by_source}
        rows = {by_source[one]: count for one, count in found.items() if one in by_source}
        return Written(rows=dict.fromkeys(rejected_rows, 0) | rows, rejected_rows=rejected_rows)

    def _settle(
        self, work: BatchWork, written: Written, commit: Commit, run_id: str, *, superseded: Mapping[str, str]
    ) -> int:
        outcome = BatchOutcome(
            rows=written.rows,
            failures=tuple(written.failures),
            snapshot_id=commit.snapshot_id,
            committed_at=commit.committed_at,
            rejected_rows=written.rejected_rows,
            superseded=superseded,
            after=after_rule(self._table(work.batch.table)),
        )
        return self.ledger.settle(work.batch.batch_id, run_id=run_id, outcome=outcome)

    def _partition_rows(self, table: str, partition_keys: Iterable[str | None]) -> dict[str, int]:
        """The numbers of rows; empty if the ledger is unavailable: the batch is settled, so go on."""
        try:
            return self.ledger.partition_rows(table, [key for key in partition_keys if key is not None])
        except LedgerUnavailable as error:
            log.warning("%s", error)
            return {}

    def _result(self, work: BatchWork, writer: BatchWriter, commit: Commit) -> BatchResult:
        progress = writer.written
        partitions = _members_by_partition(work, progress)
        failed = {failure.object_id for failure in progress.failures}
        failed_by_partition = Counter(
            _partition_key(work, member) for member in work.objects if member.object_id in failed
        )
        rows_in_table = _rows_in_table(writer, commit)
        totals = self._partition_rows(work.batch.table, partitions)
        return BatchResult(
            batch_id=work.batch.batch_id,
            table=work.batch.table,
            kind=work.batch.kind,
            snapshot_id=commit.snapshot_id,
            rows_in_table=rows_in_table,
            partitions=tuple(
                _partition(
                    key,
                    members,
                    progress,
                    # The objects of a rebuild may be years old, which is not a lag of the ingestion.
                    committed_at=commit.committed_at if work.batch.kind == BatchKind.INGEST else None,
                    failed_objects=failed_by_partition[key],
                    # Without partitions, the snapshot has the number that the ledger would have to count.
                    rows_in_partition=rows_in_table if key is None else totals.get(key),
                )
                for key, members in partitions.items()
            ),
            failures=tuple(progress.failures),
            columns=writer.table.columns if writer.table else {},
            new_columns=writer.new_columns,
            rows_replaced=commit.rows_replaced,
            column_docs=writer.table.column_docs if writer.table else {},
        )


def _must_leave_a_mark(work: BatchWork) -> bool:
    """Whether the batch must move the table's head even if it neither brings nor takes out rows.

    It gives objects back that an earlier attempt, frozen between its look and its commit, may still hold:
    that one is refused only if the head has moved. A rebuild takes objects from other batches in the same
    way.
    """
    return work.batch.starts > 1 or work.batch.kind != BatchKind.INGEST


def _rows_in_table(writer: BatchWriter, commit: Commit) -> int | None:
    """The table's rows after this attempt's commit, or now if an earlier attempt made the commit."""
    if commit.rows_in_table is not None and not commit.already_committed:
        return commit.rows_in_table
    current = None if writer.table is None else writer.table.current_snapshot
    return 0 if current is None else current.rows_in_table


def _replacement(rows: RowsToReplace | None) -> Replacement:
    return Replacement() if rows is None else Replacement(rows.source_uris, rows.batch_ids, rows.writes)


def _members_by_partition(work: BatchWork, progress: Written) -> dict[str | None, list[BatchObject]]:
    partitions: dict[str | None, list[BatchObject]] = {}
    if work.batch.kind == BatchKind.REBUILD:
        partitions[work.batch.partition_key] = []
    for member in work.objects:
        if member.object_id in progress.rows:
            partitions.setdefault(_partition_key(work, member), []).append(member)
    return partitions


def _partition_key(work: BatchWork, member: BatchObject) -> str | None:
    """In a rebuild, its own partition: the ledger may have recorded an object with an earlier pattern's."""
    return work.batch.partition_key if work.batch.kind == BatchKind.REBUILD else member.partition_key


def _partition(
    key: str | None,
    members: Sequence[BatchObject],
    progress: Written,
    *,
    committed_at: datetime | None,
    failed_objects: int,
    rows_in_partition: int | None,
) -> PartitionResult:
    return PartitionResult(
        partition_key=key,
        objects=len(members),
        failed_objects=failed_objects,
        rows=sum(progress.rows[member.object_id] for member in members),
        rejected_rows=sum(progress.rejected_rows.get(member.object_id, 0) for member in members),
        rows_in_partition=rows_in_partition,
        size_bytes=sum(member.object.size_bytes for member in members),
        lag_seconds=_lag_seconds(members, committed_at),
        sample=progress.samples.get(key),
    )


def _lag_seconds(members: Sequence[BatchObject], committed_at: datetime | None) -> float | None:
    if committed_at is None or not members:
        return None
    return max((committed_at - member.object.event_time).total_seconds() for member in members)
