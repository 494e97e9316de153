"""Writes the rows of a batch: its objects are read portion by portion, and become data files that wait for a commit.

Good rows are for the table, bad ones for its quarantine. Nothing is committed here; what stops the writing half way
leaves files that no reader sees, and that `discard` deletes.
"""

import io
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from ingest_project.batches.model import BatchObject, BatchWork, FailedObject
from ingest_project.errors import (
    ObjectError,
    PartitionMismatch,
    SchemaMismatch,
    TableMismatch,
    TooManyBadRows,
)
from ingest_project.events.object_version import ObjectVersion
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.data_files import WrittenFiles
from ingest_project.iceberg.quarantine import quarantine_settings
from ingest_project.iceberg.schema import columns_of
from ingest_project.iceberg.table import LakeTable
from ingest_project.objects.columns.mapping import Target, target_of
from ingest_project.objects.content import Content
from ingest_project.objects.fetch.store import ObjectStore
from ingest_project.objects.format_options import format_options
from ingest_project.objects.parse import Reading
from ingest_project.objects.portions import Bounds, Streamed, Together, portions
from ingest_project.objects.read import ReadResult, read_contents
from ingest_project.objects.tolerant import too_many
from ingest_project.settings.model import TableSettings

log = logging.getLogger(__name__)

BOUNDS = Bounds()
"""What bounds a run's memory, whatever the batch."""
SAMPLE_ROWS = 5


@dataclass(slots=True)
class Written:
    """What a batch, or a part of it, has come to: files, rows by object id, samples by partition, failures."""

    files: list[WrittenFiles] = field(default_factory=list)
    quarantine_files: list[WrittenFiles] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    rejected_rows: dict[str, int] = field(default_factory=dict)
    samples: dict[str | None, pl.DataFrame] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)

    def add(self, other: "Written") -> None:
        """Takes in what another part has come to."""
        self.files += other.files
        self.quarantine_files += other.quarantine_files
        for mine, theirs in ((self.rows, other.rows), (self.rejected_rows, other.rejected_rows)):
            for object_id, count in theirs.items():
                mine[object_id] = mine.get(object_id, 0) + count
        self.samples = other.samples | self.samples
        self.failures += other.failures


class BatchWriter:
    """Writes one batch. `table` and `quarantine` are opened when there are rows for them, unless they exist.

    If nobody declared the columns, the first rows tell those of a new table, which is made once all rows are written. An
    object from whose rows it cannot be made waits for another of the batch that it can be made from.
    """

    def __init__(self, work: BatchWork, settings: TableSettings, lake: Lake, store: ObjectStore) -> None:
        self._work = work
        self._settings = settings
        self._lake = lake
        self._store = store
        self._members = {member.object: member for member in work.objects}
        self._ingested_at = datetime.now(UTC)
        self.written = Written()
        self.table = self._open_table()
        self._columns_before = self.table.committed_columns if self.table is not None else {}
        self.quarantine: LakeTable | None = lake.find(settings.quarantine)

    @property
    def new_columns(self) -> dict[str, str]:
        """The columns that the batch's rows have added to the table or widened, by Iceberg's type names."""
        if self.table is None:
            return {}
        return {
            name: one for name, one in self.table.columns.items() if self._columns_before.get(name) != one
        }

    def write(self) -> None:
        """Reads and writes all objects. Raises TableError; the files written so far are deleted then."""
        try:
            waiting = self._write_objects(list(self._members))
            if waiting and self.table is not None:
                waiting = self._write_objects(list(waiting))
            self._note_failures(
                (object_, SchemaMismatch(object_.uri, f"no table can be made of it: {error.reason}"))
                for object_, error in waiting.items()
            )
            self._make_tables()
        except Exception:  # whatever stops the attempt, its files are of no use; it is raised on
            self.discard(self.written)  # the next attempt writes its own
            raise

    def discard(self, written: Written) -> None:
        """Deletes files that were never handed to a commit, best effort."""
        if self.table is not None:
            self.table.discard(written.files)
        if self.quarantine is not None:
            self.quarantine.discard(written.quarantine_files)

    def _open_table(self) -> LakeTable | None:
        """The table; None if it does not exist and only the first rows can tell its columns."""
        declared = self._settings.column_types
        if declared is None:
            return self._lake.find(self._settings.name)
        return self._lake.table(self._settings, columns=declared)

    def _make_tables(self) -> None:
        """Makes those of the two tables that are drafts so far, if there are rows for them."""
        self.table = _made(self.table, self.written.files)
        self.quarantine = _made(self.quarantine, self.written.quarantine_files)

    def _write_objects(self, objects: Sequence[ObjectVersion]) -> dict[ObjectVersion, PartitionMismatch]:
        """Writes these objects; gives those of whose rows no table can be made."""
        waiting: dict[ObjectVersion, PartitionMismatch] = {}
        for portion in self._portions(objects):
            if isinstance(portion, Together):
                self._note_failures((one.object, one.error) for one in portion.failures)
                waiting |= self._write_together(portion.contents)
            else:
                waiting |= self._write_streamed(portion)
            del portion  # before the next one is fetched
        return waiting

    def _write_together(self, contents: Sequence[Content]) -> dict[ObjectVersion, PartitionMismatch]:
        try:
            self.written.add(self._write(self._read(contents)))
        except PartitionMismatch as error:
            if len(contents) == 1:
                return {contents[0].object: error}
        else:
            return {}
        alone = (self._write_together([content]) for content in contents)
        return {object_: error for waiting in alone for object_, error in waiting.items()}

    def _portions(self, objects: Sequence[ObjectVersion]) -> Iterator[Together | Streamed]:
        return portions(
            objects, self._store, format=self._settings.format, options=format_options(self._settings),
            max_object_bytes=self._settings.batch.max_object_bytes, bounds=BOUNDS,
        )  # fmt: skip

    def _write_streamed(self, streamed: Streamed) -> dict[ObjectVersion, PartitionMismatch]:
        """Writes a large object in pieces: all of it counts, or nothing, nor what it would change of the columns."""
        part = Written()
        table, changes = self.table, None if self.table is None else self.table.changes
        try:
            for piece in streamed.pieces:
                part.add(self._write(_whole(self._read([piece], of_streamed=True))))
                del piece
            self._check_bad_rows(streamed.object, part)
        except (ObjectError, PartitionMismatch) as error:
            self.discard(part)
            self.table = table
            if table is not None and changes is not None:
                table.go_back_to(changes)
            if isinstance(error, PartitionMismatch):
                return {streamed.object: error}
            self._note_failures([(streamed.object, error)])
        except (
            Exception
        ):  # whatever stops the attempt: what is written of the object belongs to nobody yet; it is raised on
            self.discard(part)
            raise
        else:
            self.written.add(part)
        return {}

    def _check_bad_rows(self, object_: ObjectVersion, part: Written) -> None:
        limit = self._settings.row_limit
        bad, good = sum(part.rejected_rows.values()), sum(part.rows.values())
        if limit is not None and limit.is_exceeded(bad, bad + good):
            raise TooManyBadRows(object_.uri, too_many(bad, bad + good, str(limit)))

    def _read(self, contents: Sequence[Content], *, of_streamed: bool = False) -> ReadResult:
        settings = self._settings
        types = self.table.columns if self.table is not None else settings.column_types
        limit = None if of_streamed else settings.row_limit
        reading = Reading(
            settings.format, self._target(types), format_options(settings),
            quarantines=settings.bad_rows == "quarantine", row_limit=limit,
        )  # fmt: skip
        try:
            return read_contents(contents, reading)
        except ValueError as error:  # a type that no file can be read into is a fault of the table's
            raise TableMismatch(settings.name, str(error)) from error

    def _target(self, types: Mapping[str, str] | None) -> Target:
        taken = self.table.partition_names if self.table is not None else frozenset[str]()
        return replace(target_of(self._settings, types), taken=taken)

    def _write(self, result: ReadResult) -> Written:
        """Writes what was read. Failures are noted; the rest is given. Raises PartitionMismatch before any of that."""
        frame = None if result.frame is None or result.frame.is_empty() else self._stamped(result.frame)
        table = None if frame is None else self._table_of(frame)
        if result.failures:
            self._note_failures((one.object, one.error) for one in result.failures)
        part = Written(
            rows={self._members[item].object_id: count for item, count in result.rows.items()},
            rejected_rows={
                self._members[item].object_id: count for item, count in result.rejected_rows.items()
            },
        )
        if frame is not None and table is not None:
            part.files.append(table.write(frame.to_arrow()))
            part.samples = _samples([self._members[item] for item in result.rows], frame, part.rows)
        if result.rejected is not None:
            part.quarantine_files.append(self._write_rejected(result.rejected))
        return part

    def _table_of(self, frame: pl.DataFrame) -> LakeTable:
        if self.table is None:
            columns = columns_of(frame.to_arrow().schema)
            self.table = self._lake.draft(self._settings, columns=columns)
        return self.table

    def _write_rejected(self, rejected: pl.DataFrame) -> WrittenFiles:
        if self.quarantine is None:
            settings = quarantine_settings(self._settings)
            self.quarantine = self._lake.draft(settings, columns=settings.column_types or {})
        return self.quarantine.write(self._stamped(rejected).to_arrow())

    def _stamped(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.lit(self._work.batch.batch_id).alias("_batch_id"),
            pl.lit(self._ingested_at).cast(pl.Datetime("us", "UTC")).alias("_ingested_at"),
        )

    def _note_failures(self, failures: Iterable[tuple[ObjectVersion, ObjectError]]) -> None:
        for object_, error in failures:
            log.warning("%s", error)
            action = self._settings.action_on(error.error_class)
            failed = FailedObject(
                self._members[object_].object_id, error.error_class, str(error), error.transient, action
            )
            self.written.failures.append(failed)


def _made(table: LakeTable | None, files: Sequence[WrittenFiles]) -> LakeTable | None:
    """The table, which is no draft any more; None if it is one that no row is for."""
    if table is None or (table.is_draft and not files):
        return None
    table.create()
    return table


def _whole(result: ReadResult) -> ReadResult:
    """The result of a piece; raises the error of its object if that failed."""
    if result.failures:
        raise result.failures[0].error
    return result


def _samples(
    members: Sequence[BatchObject], frame: pl.DataFrame, rows: Mapping[str, int]
) -> dict[str | None, pl.DataFrame]:
    """The first rows of each partition; the objects follow one another in the frame."""
    parts: dict[str | None, list[pl.DataFrame]] = {}
    offset = 0
    for member in members:
        count = rows.get(member.object_id, 0)
        of_partition = parts.setdefault(member.partition_key, [])
        missing = SAMPLE_ROWS - sum(part.height for part in of_partition)
        if count and missing:
            of_partition.append(frame.slice(offset, min(count, missing)))
        offset += count
    return {key: _copy(pl.concat(of_partition)) for key, of_partition in parts.items() if of_partition}


def _copy(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows alone: a slice, and its text however it is copied, would keep the whole portion in memory."""
    return pl.DataFrame.deserialize(io.BytesIO(rows.serialize()))
