"""Writes the rows of a batch: its objects are read in portions and become data files that wait for a commit.

Good rows are for the table, bad ones for its quarantine. The commit is made elsewhere; if the writing stops
half way, it leaves files that readers do not see and that `discard` deletes.
"""

import io
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from ingest_project.errors import (
    ObjectError,
    PartitionMismatch,
    RowsRefused,
    SchemaMismatch,
    TableMismatch,
    TooManyBadRows,
)
from ingest_project.iceberg.case_twins import refuse_case_twins
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.data_files import WrittenFiles
from ingest_project.iceberg.fitted_rows import FittedRows
from ingest_project.iceberg.quarantine import quarantine_settings
from ingest_project.iceberg.schema import columns_of
from ingest_project.iceberg.schema_changes import SchemaChanges
from ingest_project.iceberg.table import LakeTable
from ingest_project.ingestion.batch_files import BatchFiles
from ingest_project.ledger.model import BatchObject, BatchWork, FailedObject
from ingest_project.reading.bad_rows.good_rows import too_many
from ingest_project.reading.content import Content
from ingest_project.reading.format_options import format_options
from ingest_project.reading.parse import Reading
from ingest_project.reading.portions import Streamed, Together, portions
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target, target_of
from ingest_project.settings.model import TableSettings
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.source import ContentStore

log = logging.getLogger(__name__)

SAMPLE_ROWS = 5


@dataclass(slots=True)
class Written:
    """The result of a batch, or a part of it: files, rows by object id, samples by partition, failures."""

    files: list[WrittenFiles] = field(default_factory=list)
    quarantine_files: list[WrittenFiles] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    rejected_rows: dict[str, int] = field(default_factory=dict)
    samples: dict[str | None, pl.DataFrame] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)

    @property
    def has_rows(self) -> bool:
        """Whether there are good or bad rows."""
        return any(self.rows.values()) or any(self.rejected_rows.values())

    def add(self, other: "Written") -> None:
        """Adds the result of another part."""
        self.files += other.files
        self.quarantine_files += other.quarantine_files
        for mine, theirs in ((self.rows, other.rows), (self.rejected_rows, other.rejected_rows)):
            for object_id, count in theirs.items():
                mine[object_id] = mine.get(object_id, 0) + count
        self.samples = other.samples | self.samples
        self.failures += other.failures


class _SharedFilesSpoiled(Exception):
    """Rows that must not come into the table are in a file with others."""


class BatchWriter:
    """Writes one batch. `table` and `quarantine` are opened when there are rows for them, unless they exist.

    If the columns are not declared, a new table gets those of the first rows, and is created after all rows
    are written. An object from whose rows it cannot be created waits for another object of the batch.
    """

    def __init__(self, work: BatchWork, settings: TableSettings, lake: Lake, store: ContentStore) -> None:
        self._work = work
        self._settings = settings
        self._lake = lake
        self._store = store
        self._members = {member.object: member for member in work.objects}
        self._ingested_at = datetime.now(UTC)
        self.written = Written()
        self._files: BatchFiles | None = BatchFiles()
        """The files that all objects share; None if each portion has its own."""
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

    def write(self, without: Collection[ObjectVersion] = ()) -> None:
        """Reads and writes all objects except these.

        All objects share files, so that a partition has few. If one fails of which rows are in such a file,
        all is written once more, and then each portion has files of its own. Raises TableError, and deletes
        the files written so far. A table that cannot be written is reported before the first object is
        fetched.
        """
        for table in (self.table, self.quarantine):
            if table is not None:
                table.refuse_unwritable()
        objects = [one for one in self._members if one not in without]
        before = self.table, self._changes(), self.quarantine, [*self.written.failures]
        try:
            try:
                self._write_all(objects)
            except _SharedFilesSpoiled as error:
                log.info("batch %s is written again: %s", self._work.batch.batch_id, error)
                self._discard_all()
                self._files = None
                table, changes, self.quarantine, failures = before
                self._go_back_to(table, changes)
                self.written = Written(failures=failures)
                self._write_all(objects)
        except BaseException:  # after any exception the files are useless: the next attempt writes its own
            self._discard_all()
            raise

    def _write_all(self, objects: Sequence[ObjectVersion]) -> None:
        waiting = self._write_objects(objects)
        if waiting and self.table is not None:
            waiting = self._write_objects(list(waiting))
        self.note_failures(
            (object_, SchemaMismatch(object_.uri, f"no table can be created from it: {error.reason}"))
            for object_, error in waiting.items()
        )
        if self._files is not None:
            try:
                self._note_files(self.written, self._files.close())
            except RowsRefused as error:
                raise _SharedFilesSpoiled(error.reason) from error
        self._make_tables()

    def _discard_all(self) -> None:
        if self._files is not None:
            self._files.discard()
        self.discard(self.written)

    def discard(self, written: Written) -> None:
        """Deletes files that were not handed to a commit; failures are ignored."""
        if self.table is not None:
            self.table.discard(written.files)
        if self.quarantine is not None:
            self.quarantine.discard(written.quarantine_files)

    def _open_table(self) -> LakeTable | None:
        """The table; None if it does not exist and its columns are not declared."""
        declared = self._settings.column_types
        if declared is None:
            found = self._lake.find(self._settings.name)
            if found is not None:
                refuse_case_twins(self._settings, found.columns)
            return found
        return self._lake.table(self._settings, columns=declared)

    def _make_tables(self) -> None:
        """Creates those of the two tables that are still drafts, if there are rows for them."""
        self.table = _made(self.table, self.written.files)
        self.quarantine = _made(self.quarantine, self.written.quarantine_files)

    def _write_objects(self, objects: Sequence[ObjectVersion]) -> dict[ObjectVersion, PartitionMismatch]:
        """Writes these objects; returns those from whose rows no table can be created."""
        waiting: dict[ObjectVersion, PartitionMismatch] = {}
        for portion in self._portions(objects):
            if isinstance(portion, Together):
                self.note_failures((one.object, one.error) for one in portion.failures)
                waiting |= self._write_together(portion.contents)
            else:
                waiting |= self._write_streamed(portion)
            del portion  # before the next one is fetched
        return waiting

    def _write_together(self, contents: Sequence[Content]) -> dict[ObjectVersion, PartitionMismatch]:
        try:
            self._write_as_one(iter([self._read(contents)]))
        except PartitionMismatch as error:
            if len(contents) == 1:
                return {contents[0].object: error}
        except RowsRefused as error:
            if len(contents) == 1:
                self._note_refused(contents[0].object, error)
                return {}
        else:
            return {}
        alone = (self._write_together([content]) for content in contents)
        return {object_: error for waiting in alone for object_, error in waiting.items()}

    def _portions(self, objects: Sequence[ObjectVersion]) -> Iterator[Together | Streamed]:
        options = format_options(self._settings)
        return portions(
            objects, self._store, format=self._settings.format, options=options,
            max_object_bytes=self._settings.batch.max_object_bytes, limits=options.limits.portion,
        )  # fmt: skip

    def _write_streamed(self, streamed: Streamed) -> dict[ObjectVersion, PartitionMismatch]:
        """Writes a large object in pieces; if it fails, none of its rows or changes of the columns stay."""
        try:
            self._write_as_one(
                (_whole(self._read([piece], of_streamed=True)) for piece in streamed.pieces), streamed.object
            )
        except PartitionMismatch as error:
            return {streamed.object: error}
        except RowsRefused as error:
            self._note_refused(streamed.object, error)
        except ObjectError as error:
            self.note_failures([(streamed.object, error)])
        return {}

    def _write_as_one(self, results: Iterator[ReadResult], streamed: ObjectVersion | None = None) -> None:
        """Writes rows that come into the table all or not at all.

        If it raises PartitionMismatch, RowsRefused or ObjectError, it has recorded nothing and leaves no
        files or changed columns.
        """
        before = self.table, self._changes()
        part = Written()
        files = BatchFiles() if self._files is None else self._files
        try:
            for result in results:
                part.add(self._write(result, files))
                del result  # before the next one is read
            if streamed is not None:
                self._check_bad_rows(streamed, part)
            if self._files is None:
                self._note_files(part, files.close())
        except BaseException as error:
            self._go_back_to(*before)
            if self._files is None:
                files.discard()
            elif part.has_rows and isinstance(error, ObjectError | PartitionMismatch | RowsRefused):
                raise _SharedFilesSpoiled(str(error)) from error
            raise
        self.written.add(part)

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
        except ValueError as error:  # the table has a type into which no file can be read
            raise TableMismatch(settings.name, str(error)) from error

    def _target(self, types: Mapping[str, str] | None) -> Target:
        target = target_of(self._settings, types)
        if self.table is None:
            return target
        return replace(target, taken=self.table.partition_names, required=self.table.required)

    def _write(self, result: ReadResult, files: BatchFiles) -> Written:
        """Begins to write what was read, and returns what it is; the caller goes back if it raises."""
        frame = None if result.frame is None or result.frame.is_empty() else self._stamped(result.frame)
        part = Written(
            rows={self._members[item].object_id: count for item, count in result.rows.items()},
            rejected_rows={
                self._members[item].object_id: count for item, count in result.rejected_rows.items()
            },
        )
        fitted: list[tuple[LakeTable, FittedRows]] = []
        if frame is not None:
            table = self._table_of(frame)
            fitted.append((table, table.fit(frame.to_arrow())))
            part.samples = _samples([self._members[item] for item in result.rows], frame, part.rows)
        if result.rejected is not None:
            quarantine = self._quarantine_table()
            fitted.append((quarantine, quarantine.fit(self._stamped(result.rejected).to_arrow())))
        for table, rows in fitted:  # only now, when none of the rows is refused
            self._add(files, table, rows)
        part.failures = self._failed((one.object, one.error) for one in result.failures)
        return part

    def _add(self, files: BatchFiles, table: LakeTable, rows: FittedRows) -> None:
        try:
            files.add(table, rows)
        except RowsRefused as error:  # earlier rows, of any object
            if files is self._files:
                raise _SharedFilesSpoiled(error.reason) from error
            raise

    def _note_files(self, part: Written, files: Mapping[str, WrittenFiles]) -> None:
        for name, written in files.items():
            (part.quarantine_files if name == self._settings.quarantine else part.files).append(written)

    def _changes(self) -> SchemaChanges | None:
        return None if self.table is None else self.table.changes

    def _go_back_to(self, table: LakeTable | None, changes: SchemaChanges | None) -> None:
        self.table = table
        if table is not None and changes is not None:
            table.go_back_to(changes)

    def _table_of(self, frame: pl.DataFrame) -> LakeTable:
        if self.table is None:
            columns = columns_of(frame.to_arrow().schema)
            self.table = self._lake.draft(self._settings, columns=columns)
        return self.table

    def _quarantine_table(self) -> LakeTable:
        if self.quarantine is None:
            settings = quarantine_settings(self._settings)
            self.quarantine = self._lake.draft(settings, columns=settings.column_types or {})
        return self.quarantine

    def _stamped(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.lit(self._work.batch.batch_id).alias("_batch_id"),
            pl.lit(self._ingested_at).cast(pl.Datetime("us", "UTC")).alias("_ingested_at"),
        )

    def _note_refused(self, object_: ObjectVersion, error: RowsRefused) -> None:
        self.note_failures(
            [(object_, SchemaMismatch(object_.uri, f"its table cannot take it: {error.reason}"))]
        )

    def note_failures(self, failures: Iterable[tuple[ObjectVersion, ObjectError]]) -> None:
        """Records that these objects failed, each with the action that the table has for its error."""
        self.written.failures += self._failed(failures)

    def _failed(self, failures: Iterable[tuple[ObjectVersion, ObjectError]]) -> list[FailedObject]:
        failed = []
        for object_, error in failures:
            log.warning("%s", error)
            action = self._settings.action_on(error.error_class)
            object_id = self._members[object_].object_id
            failed.append(FailedObject(object_id, error.error_class, str(error), error.transient, action))
        return failed


def _made(table: LakeTable | None, files: Sequence[WrittenFiles]) -> LakeTable | None:
    """The table, created if it was a draft; None if it is a draft without rows."""
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
    """The rows alone: a slice, and any copy of its texts, would keep the whole portion in memory."""
    return pl.DataFrame.deserialize(io.BytesIO(rows.serialize()))
