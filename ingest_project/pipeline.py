"""Processes a batch: fetch, read, commit, settle.

The second half of an object's journey, up to the deletion of its messages. A run may die anywhere in here and be
started again: the batch's commit is found in the table if it was made, and made if it was not.
"""

import io
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from ingest_project.batches.ledger import Ledger
from ingest_project.batches.model import BatchKind, BatchObject, BatchOutcome, BatchWork, FailedObject
from ingest_project.errors import ObjectError, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import Commit
from ingest_project.iceberg.data_files import WrittenFiles
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.schema import columns_of
from ingest_project.iceberg.table import LakeTable
from ingest_project.lease import Lease
from ingest_project.objects.format_options import format_options
from ingest_project.objects.read import read_objects
from ingest_project.objects.store import ObjectStore
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.sqs.queue import Queue

log = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024 * 1024
"""How many stored bytes are fetched, parsed and written at a time: it bounds a run's memory, whatever the batch."""

SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What a batch brought to one Dagster partition of its table. Bytes are as S3 stores them.

    `lag_seconds` is the longest time from an object's event to the commit. `rows_in_partition` are all that the
    table now holds of the partition, `rows` those of this batch. `sample` is None if another attempt had committed
    the batch, or no row was brought.
    """

    partition_key: str | None
    objects: int
    failed_objects: int
    rows: int
    rows_in_partition: int
    size_bytes: int
    lag_seconds: float
    sample: pl.DataFrame | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended, for people: totals, the partitions that it touched, and what failed.

    `snapshot_id` is None if there was nothing to commit.
    """

    batch_id: str
    table: str
    kind: BatchKind
    snapshot_id: int | None
    partitions: tuple[PartitionResult, ...]
    failures: tuple[FailedObject, ...]
    columns: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)


@dataclass(slots=True)
class _Progress:
    """What the chunks of a batch have come to so far."""

    written: list[WrittenFiles] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)
    samples: dict[str | None, pl.DataFrame] = field(default_factory=dict)


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
        lake_table = self._open_table(table)
        earlier = lake_table.find_commit(work.batch.batch_id, work.batch.planned_at) if lake_table else None
        if lake_table is not None and earlier is not None:
            log.info("batch %s was committed before as snapshot %s", work.batch.batch_id, earlier.snapshot_id)
            progress, commit = self._read_back(work, lake_table, earlier), earlier
        else:
            progress = _Progress()
            lake_table = self._write(work, table, lake_table, progress)
            commit = self._commit(work, lake_table, progress, run_id)
            if lake_table is not None and commit.already_committed:
                progress = self._read_back(work, lake_table, commit)
        self._settle(work, progress, commit, run_id)
        return self._result(work, lake_table, progress, commit)

    def _table(self, name: str) -> TableSettings:
        try:
            return self.settings.table(name)
        except KeyError:
            reason = "it has an open batch, and ingest.yaml has it no longer; put it back until its batches are settled"
            raise TableMismatch(name, reason) from None

    def _open_table(self, table: TableSettings) -> LakeTable | None:
        """The table; None if it does not exist and only the first rows can tell its columns."""
        return (
            self.lake.find(table.name)
            if table.columns is None
            else self.lake.table(table, columns=table.columns)
        )

    def _write(
        self, work: BatchWork, table: TableSettings, lake_table: LakeTable | None, progress: _Progress
    ) -> LakeTable | None:
        ingested_at = datetime.now(UTC)
        try:
            for chunk in _chunks(work.objects):
                frame = self._read(chunk, table, lake_table, progress)
                if frame is None or frame.is_empty():
                    continue
                frame = frame.with_columns(
                    pl.lit(work.batch.batch_id).alias("_batch_id"),
                    pl.lit(ingested_at).cast(pl.Datetime("us", "UTC")).alias("_ingested_at"),
                )
                rows = frame.to_arrow()
                lake_table = lake_table or self.lake.table(table, columns=columns_of(rows.schema))
                progress.written.append(lake_table.write(rows))
                progress.samples = _samples(chunk, frame, progress.rows) | progress.samples
        except Exception:  # whatever stops the attempt, its files are of no use; it is raised on
            if lake_table is not None:
                lake_table.discard(progress.written)  # the next attempt writes its own
            raise
        return lake_table

    def _read(
        self,
        chunk: Sequence[BatchObject],
        table: TableSettings,
        lake_table: LakeTable | None,
        progress: _Progress,
    ) -> pl.DataFrame | None:
        """The rows of a chunk's objects; what failed, and how many rows each object had, goes to `progress`."""
        members = {member.object: member for member in chunk}
        fetched = self.store.fetch(list(members), max_object_bytes=table.batch.max_object_bytes)
        try:
            result = read_objects(
                fetched.fetched,
                format=table.format,
                columns=lake_table.columns if lake_table else table.columns,
                allow_new_columns=table.schema_evolution == "add_columns",
                options=format_options(table),
            )
        except ValueError as error:  # a type that no file can be read into is a fault of the table's
            raise TableMismatch(table.name, str(error)) from error
        for failure in (*fetched.failures, *result.failures):
            progress.failures.append(_failed(members[failure.object], failure.error, table))
        progress.rows |= {members[item].object_id: rows for item, rows in result.rows.items()}
        return result.frame

    def _commit(
        self, work: BatchWork, lake_table: LakeTable | None, progress: _Progress, run_id: str
    ) -> Commit:
        def confirm() -> Replacement:
            replaced = self.ledger.confirm(work.batch.batch_id, run_id=run_id, object_ids=set(progress.rows))
            if replaced is None:
                return Replacement()
            return Replacement(replaced.source_uris, replaced.batch_ids)

        if lake_table is None:  # no table, no columns, no rows: there is nothing that a commit could change
            return Commit(None, datetime.now(UTC), already_committed=False)
        return lake_table.commit(
            work.batch.batch_id,
            progress.written,
            confirm,
            properties={"ingest.queue": work.batch.queue, "ingest.kind": work.batch.kind},
            planned_at=work.batch.planned_at,
            even_if_empty=_must_leave_a_mark(work),
        )

    def _read_back(self, work: BatchWork, lake_table: LakeTable, commit: Commit) -> _Progress:
        """What an earlier attempt committed, as the table itself tells it.

        Objects of which the table holds no row were empty, which the ledger knows from the confirmation, or failed;
        the failed ones go back to the planner.
        """
        rows = lake_table.rows_by_source(commit, work.batch.batch_id)
        by_source = {(member.object.uri, member.object.version): member.object_id for member in work.objects}
        return _Progress(
            rows={by_source[source]: count for source, count in rows.items() if source in by_source}
        )

    def _settle(self, work: BatchWork, progress: _Progress, commit: Commit, run_id: str) -> None:
        outcome = BatchOutcome(
            rows=progress.rows,
            failures=tuple(progress.failures),
            snapshot_id=commit.snapshot_id,
            committed_at=commit.committed_at,
        )
        self.ledger.settle(work.batch.batch_id, run_id=run_id, outcome=outcome)

    def _result(
        self, work: BatchWork, lake_table: LakeTable | None, progress: _Progress, commit: Commit
    ) -> BatchResult:
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
            columns=lake_table.columns if lake_table else {},
        )


def _must_leave_a_mark(work: BatchWork) -> bool:
    """Whether the batch must move the table's head even if it brings no row and takes none out.

    It gives objects back that an earlier attempt, frozen between its look and its commit, may still hold: only a head
    that has moved refuses that one. A rebuild takes objects from other batches in the same way.
    """
    return work.batch.starts > 1 or work.batch.kind == BatchKind.REBUILD


def _chunks(members: Sequence[BatchObject]) -> Iterator[list[BatchObject]]:
    """Portions of at most `CHUNK_BYTES`; a larger object is one by itself."""
    chunk: list[BatchObject] = []
    size_bytes = 0
    for member in members:
        if chunk and size_bytes + member.object.size_bytes > CHUNK_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
        chunk.append(member)
        size_bytes += member.object.size_bytes
    if chunk:
        yield chunk


def _samples(
    chunk: Sequence[BatchObject], frame: pl.DataFrame, rows: Mapping[str, int]
) -> dict[str | None, pl.DataFrame]:
    """The first rows of each partition of a chunk, whose objects follow one another in the frame."""
    parts: dict[str | None, list[pl.DataFrame]] = {}
    offset = 0
    for member in chunk:
        count = rows.get(member.object_id, 0)
        of_partition = parts.setdefault(member.partition_key, [])
        missing = SAMPLE_ROWS - sum(part.height for part in of_partition)
        if count and missing:
            of_partition.append(frame.slice(offset, min(count, missing)))
        offset += count
    return {key: _copy(pl.concat(of_partition)) for key, of_partition in parts.items() if of_partition}


def _copy(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows alone: a slice, and its text however it is copied, would keep the whole chunk in memory."""
    return pl.DataFrame.deserialize(io.BytesIO(rows.serialize()))


def _failed(member: BatchObject, error: ObjectError, table: TableSettings) -> FailedObject:
    log.warning("%s", error)
    action = table.action_on(error.error_class)
    return FailedObject(member.object_id, error.error_class, str(error), error.transient, action)


def _members_by_partition(work: BatchWork, progress: _Progress) -> dict[str | None, list[BatchObject]]:
    partitions: dict[str | None, list[BatchObject]] = {}
    for member in work.objects:
        if member.object_id in progress.rows:
            partitions.setdefault(member.partition_key, []).append(member)
    return partitions


def _partition(
    key: str | None,
    members: Sequence[BatchObject],
    progress: _Progress,
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
        rows_in_partition=rows_in_partition,
        size_bytes=sum(member.object.size_bytes for member in members),
        lag_seconds=max(
            (commit.committed_at - member.object.event_time).total_seconds() for member in members
        ),
        sample=progress.samples.get(key),
    )
