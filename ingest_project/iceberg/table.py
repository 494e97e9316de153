"""One Iceberg table for the rest of the project: write rows, commit a batch, read what `status` shows."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.table import CreateTableTransaction, Table

from ingest_project.errors import RowsRefused, TableMismatch
from ingest_project.iceberg.attempt import Changeset
from ingest_project.iceberg.batch_rows import rows_by_source
from ingest_project.iceberg.batch_snapshot import oldest_if_expired_since
from ingest_project.iceberg.commit import Commit, CommitRetry, FencedCommit
from ingest_project.iceberg.data_files import DataFiles, WrittenFiles, written_at_once
from ingest_project.iceberg.expiry.expire import Expired, Expiry
from ingest_project.iceberg.expiry.retention import Retention
from ingest_project.iceberg.fitted_rows import FittedRows, fit_rows
from ingest_project.iceberg.orphans import delete_files
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.partition_spec import entries_of, partition_difference
from ingest_project.iceberg.provenance import BatchCommit, Sources, batch_commits, source_portions, sources_of
from ingest_project.iceberg.quarantined_rows import QuarantinedRow, quarantined_rows
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.rows import RowSources, row_portions
from ingest_project.iceberg.schema import (
    columns_in,
    columns_of,
    docs_in,
    required_in,
    schema_difference,
    widens,
)
from ingest_project.iceberg.schema_changes import SchemaChanges
from ingest_project.iceberg.schema_history import ColumnChange, column_changes
from ingest_project.iceberg.snapshot_rows import RowQuery, SnapshotRows, snapshot_rows
from ingest_project.iceberg.sort_order import sort_difference
from ingest_project.iceberg.table_snapshot import TableSnapshot, table_snapshot
from ingest_project.iceberg.writable import Obstacle, obstacles_to
from ingest_project.settings.model import TableSettings
from ingest_project.settings.names import table_identifier

_log = logging.getLogger(__name__)


class LakeTable:
    """A table as it was last loaded; `refresh` and every commit load it again. Not safe to share by threads.

    A draft is not in the catalog yet: rows may be written for it, and `create` creates it before their
    commit.
    """

    def __init__(
        self,
        catalog: Catalog,
        table: Table,
        *,
        name: str,
        outages: Outages,
        retry: CommitRetry,
        creation: CreateTableTransaction | None = None,
    ) -> None:
        self.name = name
        self._catalog = catalog
        self._table = table
        self._outages = outages
        self._changes = SchemaChanges()
        self._is_writable = False
        self._creation = creation
        self._pauses = retry.pauses
        self._fence = FencedCommit(name, self._load, outages, retry)

    @property
    def columns(self) -> dict[str, str]:
        """Iceberg type names by column, in order, without the provenance columns, after the next commit."""
        return columns_in(self._changes.metadata(self._table).schema())

    @property
    def column_docs(self) -> dict[str, str]:
        """The table's descriptions of its columns, after the next commit."""
        return docs_in(self._changes.metadata(self._table).schema())

    @property
    def committed_columns(self) -> dict[str, str]:
        """The columns as the table has them now, without the changes of the next commit."""
        return columns_in(self._table.schema())

    @property
    def partition_spec(self) -> tuple[str, ...]:
        """The partition spec in the notation of ingest.yaml."""
        return entries_of(self._table.spec(), self._table.schema())

    @property
    def partition_names(self) -> frozenset[str]:
        """Partition fields, past ones too, that are not columns: Iceberg refuses columns of these names."""
        specs = self._table.specs().values()
        named = {field.name for spec in specs for field in spec.fields}
        return frozenset(named - set(self._table.schema().column_names))

    @property
    def required(self) -> frozenset[tuple[str, ...]]:
        """The paths of what must not be null, each a column's name and the steps below it.

        An example is `("lines", "element", "sku")`.
        """
        return required_in(self._table.schema())

    @property
    def location(self) -> str:
        """The folder of the table, a URI."""
        return self._table.location()

    @property
    def snapshot_id(self) -> int | None:
        """The id of the current snapshot; None before the first commit."""
        return self._table.metadata.current_snapshot_id

    @property
    def current_snapshot(self) -> TableSnapshot | None:
        snapshot = self._table.current_snapshot()
        return None if snapshot is None else table_snapshot(snapshot)

    def snapshot(self, snapshot_id: int) -> TableSnapshot | None:
        """The snapshot of this id; None if the table never had it or it has expired."""
        snapshot = self._table.snapshot_by_id(snapshot_id)
        return None if snapshot is None else table_snapshot(snapshot)

    def row_count(self) -> int:
        """Rows of the current snapshot: from its summary or, if that lacks the number, from its manifests."""
        current = self.current_snapshot
        if current is None:
            return 0
        if current.rows_in_table is not None:
            return current.rows_in_table
        with self._outages.translated(self.name):
            return self._table.scan().count()

    def refresh(self) -> None:
        """Loads the table as it is now. Raises CatalogUnavailable, or TableMismatch if it was dropped."""
        with self._outages.translated(self.name):
            self._load()

    def differences(self, settings: TableSettings) -> tuple[str, ...]:
        """One line for people for each difference between the declared and the actual table."""
        columns = schema_difference(settings.column_types or {}, self.columns)
        schema = self._table.schema()
        return (
            *columns,
            *partition_difference(settings.partition_spec, self._table.spec(), schema),
            *sort_difference(settings.sort_order, self._table.sort_order(), schema),
        )

    def column_changes(self, since: datetime) -> tuple[ColumnChange, ...]:
        """The columns that commits since then have added or widened, oldest first."""
        return column_changes(self._table.metadata, since)

    @property
    def is_draft(self) -> bool:
        return self._creation is not None

    def create(self) -> None:
        """Creates the table that was a draft. Raises CatalogUnavailable.

        If another process has created it meanwhile, the commit finds out whether the files fit that table.
        """
        if self._creation is None:
            return
        with self._outages.translated(self.name), refusals(self.name, "PyIceberg cannot create it"):
            try:
                self._creation.commit_transaction()
            except (CommitFailedException, TableAlreadyExistsError):
                _log.info("table %s was created by another process meanwhile", self.name)
            except Exception:  # of any class: the catalog may have created the table before it failed
                if not self._catalog.table_exists(table_identifier(self.name)):
                    raise
            self._load()
        self._creation = None

    @property
    def changes(self) -> SchemaChanges:
        """The changes of the columns that the next commit will make, for `go_back_to`."""
        return self._changes.copy()

    def go_back_to(self, changes: SchemaChanges) -> None:
        """Forgets later changes of the columns; the caller discards the files that were written since."""
        self._changes = changes

    def change_columns(self, columns: Mapping[str, str], docs: Mapping[str, str] | None = None) -> None:
        """Lets the next commit add missing columns and widen those of a narrower type; idempotent.

        `docs` describe some of the columns. Raises TableMismatch if a type cannot be widened to the requested
        one.
        """
        self._changes.add(self._table, columns, docs, name=self.name)

    def obstacles(self) -> tuple[Obstacle, ...]:
        """Why rows cannot be written to the table, after the next commit's changes; empty if they can.

        Does not write anything. Raises CatalogUnavailable if the storage does not answer.
        """
        with self._outages.translated(self.name):
            changes = self._changes.copy()
            changes.add(self._table, {}, name=self.name)  # adds provenance columns if it lacks them
            return obstacles_to(changes.metadata(self._table), self._table.io, name=self.name)

    def refuse_unwritable(self) -> None:
        """Raises TableMismatch, with reason and remedy, if rows cannot be written to the table.

        A writable table is checked only once.
        """
        if self._is_writable:
            return
        if obstacles := self.obstacles():
            reasons = " | ".join(map(str, obstacles))
            raise TableMismatch(self.name, f"rows cannot be written to it: {reasons}")
        self._is_writable = True

    def fit(self, frame: pa.Table) -> FittedRows:
        """The rows as the table's data files have them; nothing is written yet.

        The commit adds the columns that the table lacks and widens narrower ones, so a caller with another
        policy leaves them out. Raises TableMismatch if the table cannot be written or changed so, and
        RowsRefused if it cannot take the rows.
        """
        self.refuse_unwritable()
        try:
            self.change_columns(self._changed(columns_of(frame.schema)))
        except ValueError as error:
            raise RowsRefused(self.name, str(error)) from error
        metadata = self._changes.metadata(self._table)
        self._changes.note_written(metadata.schema())
        return fit_rows(metadata, frame, name=self.name)

    def new_files(self) -> DataFiles:
        """Data files for rows of this table, also if it is a draft."""
        return DataFiles(self._table.io, name=self.name, outages=self._outages)

    def write(self, frame: pa.Table) -> WrittenFiles:
        """Writes the rows into files of their own, without a commit; raises what `fit` and `add` raise."""
        return written_at_once(self.new_files(), self.fit(frame))

    def commit(
        self,
        batch_id: str,
        written: Sequence[WrittenFiles],
        confirm: Callable[[], Replacement],
        properties: Mapping[str, str] | None = None,
        *,
        planned_at: datetime | None = None,
        even_if_empty: bool = False,
    ) -> Commit:
        """Commits the files, and the replacement that `confirm` returns, as one snapshot, exactly once.

        Idempotent by batch id, also for several callers at the same time. `confirm` is called before every
        attempt, after the look at the table on which the attempt is based: it returns which older rows to
        replace, or raises to stop the commit. `properties` are added to the snapshot's summary, beside
        `ingest.batch-id`. If another attempt has committed the batch, the files are deleted. A batch that
        changes no rows is not committed, unless `even_if_empty`: then its snapshot moves the table's head, so
        that attempts based on the old head are refused. With `planned_at`, the earliest time of a commit of
        the batch, a commit whose snapshot has expired is found by its rows.

        Raises TableMismatch if the snapshot cannot be written (the files are deleted if no attempt was ever
        sent), CommitConflict after too many lost races, and CatalogUnavailable if the outcome cannot be
        looked up: only then the batch may or may not be committed, and calling again with the same files is
        safe.
        """
        return self._fence.commit(
            Changeset(batch_id, tuple(written), properties or {}, planned_at, even_if_empty, self._changes),
            confirm,
        )

    def move_head(
        self, mark: str, confirm: Callable[[], Replacement], properties: Mapping[str, str] | None = None
    ) -> None:
        """Commits a snapshot without rows, so that attempts at a commit that are based on an older one are
        refused.

        Raises what `commit` raises.
        """
        self._fence.commit(Changeset(mark, (), properties or {}, even_if_empty=True), confirm)

    def find_commit(self, batch_id: str, planned_at: datetime | None = None) -> Commit | None:
        """The commit of this batch in the table, which is loaded again; None if there is none."""
        return self._fence.find(batch_id, planned_at)

    def rows_by_source(self, batch_id: str, snapshot_id: int | None = None) -> dict[tuple[str, str], int]:
        """The batch's rows in a snapshot (None: the current one), by `(_source_uri, _source_version)`."""
        with self._outages.translated(self.name):
            return rows_by_source(self._load(), batch_id, snapshot_id)

    def sources(self) -> Sources:
        """Where all rows of the table, which is loaded again, come from. Raises CatalogUnavailable."""
        with self._outages.translated(self.name):
            return sources_of(self._load())

    def source_portions(self, since: datetime | None = None) -> Iterator[Mapping[tuple[str, str], int]]:
        """Rows by `(_source_uri, _source_version)`, in portions that fit in memory whatever the table has.

        A source may come again in a later portion. With `since`, files whose rows are all older are left out.
        Raises CatalogUnavailable.
        """
        with self._outages.translated(self.name):
            yield from source_portions(self._load(), since)

    def row_portions(
        self,
        columns: Sequence[str],
        *,
        sources: RowSources | None = None,
        prefixes: Mapping[str, str] | None = None,
    ) -> Iterator[pa.Table]:
        """Rows of the table, which is loaded again: these columns, in portions that fit in memory.

        With `sources`, those that come from one of these. Files that have no value with one of the `prefixes`
        of columns are left out; rows of the others may have none. Raises CatalogUnavailable.
        """
        with self._outages.translated(self.name):
            yield from row_portions(self._load(), columns, sources, prefixes or {})

    def quarantined_rows(self, batch_id: str, *, limit: int) -> list[QuarantinedRow]:
        """At most `limit` of the rows that the batch set aside, from a quarantine table."""
        with self._outages.translated(self.name):
            return quarantined_rows(self._table, batch_id, limit)

    def rows(self, query: RowQuery) -> SnapshotRows:
        """The rows of one snapshot that the query asks for, as a stream that is read when it is taken.

        Raises JobRefused, with the path of what is wrong in the query; while the rows are taken,
        CatalogUnavailable, and TableMismatch if PyIceberg cannot read the table.
        """
        with self._outages.translated(self.name):
            found = snapshot_rows(self._table, query)
        return replace(found, batches=self._read(found.batches))

    def _read(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with self._outages.translated(self.name), refusals(self.name, "PyIceberg cannot read its rows"):
            yield from batches

    @property
    def has_equality_deletes(self) -> bool:
        """Whether the current snapshot says that it has some: PyIceberg cannot replace rows then."""
        snapshot = self._table.current_snapshot()
        if snapshot is None or snapshot.summary is None:
            return False
        return snapshot.summary.additional_properties.get("total-equality-deletes", "0") != "0"

    def shows_all_since(self, time: datetime) -> bool:
        """Whether all snapshots that were made since then are still in the table as last loaded."""
        return oldest_if_expired_since(self._table.metadata, time) is None

    def batch_commits(self) -> dict[str, BatchCommit]:
        """The snapshots of batches that the table, as last loaded, still has, by batch id."""
        return batch_commits(self._table)

    @property
    def snapshots(self) -> int:
        """How many snapshots the table, as last loaded, has."""
        return len(self._table.metadata.snapshots)

    def expire(
        self,
        retention: Retention,
        unsettled_since: Callable[[], datetime | None],
        now: datetime,
        *,
        dry_run: bool = False,
    ) -> Expired:
        """Expires snapshots and deletes the files that only they reach; `Expiry` says how, and what is kept.

        If it dies, the next call completes it. Raises CatalogUnavailable, CommitConflict, TableMismatch.
        """
        return Expiry(
            self.name, self._load, self._outages, self._pauses, retention, unsettled_since, now
        ).run(dry_run=dry_run)

    def discard(self, written: Sequence[WrittenFiles]) -> None:
        """Tries to delete written files. Only for files that were never handed to `commit`."""
        delete_files(self._table, [file for files in written for file in files.data_files])

    def _changed(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Those of the columns that the table lacks, or must widen to take."""
        known = self.columns
        return {
            name: found for name, found in columns.items() if name not in known or widens(known[name], found)
        }

    def _load(self) -> Table:
        try:
            self._table = self._catalog.load_table(table_identifier(self.name))
        except NoSuchTableError as error:
            raise TableMismatch(
                self.name, "it was dropped while we worked on it; the next run creates it again"
            ) from error
        return self._table
