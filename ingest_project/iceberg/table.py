"""One Iceberg table, as the rest of the project sees it: write rows, commit a batch, read what `status` shows."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.table import CreateTableTransaction, Table
from pyiceberg.table.snapshots import Snapshot

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.attempt import Batch
from ingest_project.iceberg.batch_rows import rows_by_source
from ingest_project.iceberg.batch_snapshot import batch_id_of, committed_at, oldest_if_expired_since
from ingest_project.iceberg.commit import Commit, CommitRetry, FencedCommit
from ingest_project.iceberg.data_files import WrittenFiles, write_data_files
from ingest_project.iceberg.orphans import delete_files
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.partition_spec import entries_of, partition_difference
from ingest_project.iceberg.provenance import BatchCommit, Sources, batch_commits, sources_of
from ingest_project.iceberg.quarantined_rows import QuarantinedRow, quarantined_rows
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.schema import columns_in, columns_of, schema_difference, widens
from ingest_project.iceberg.schema_changes import SchemaChanges
from ingest_project.iceberg.schema_history import ColumnChange, column_changes
from ingest_project.settings.model import TableSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TableSnapshot:
    """One snapshot, from its summary alone: nothing was read. Row counts are None if its writer gave none."""

    snapshot_id: int
    committed_at: datetime
    operation: str
    batch_id: str | None
    rows_added: int | None
    rows_removed: int | None
    rows_in_table: int | None


class LakeTable:
    """A table as it was when last loaded; `refresh` and every commit load it afresh. Not for sharing among threads.

    A draft is in no catalog yet: rows may be written for it, and before their commit `create` makes the table.
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
        self._creation = creation
        self._fence = FencedCommit(name, self._load, outages, retry)

    @property
    def columns(self) -> dict[str, str]:
        """Names and Iceberg type names, in order, without the provenance columns, as the next commit leaves them."""
        return columns_in(self._changes.metadata(self._table).schema())

    @property
    def committed_columns(self) -> dict[str, str]:
        """The same as the table has them now."""
        return columns_in(self._table.schema())

    @property
    def partition_spec(self) -> tuple[str, ...]:
        """The partition spec as ingest.yaml would write it."""
        return entries_of(self._table.spec(), self._table.schema())

    @property
    def partition_names(self) -> frozenset[str]:
        """Names of partition fields, past ones too, that are no columns: Iceberg lets no column have one of them."""
        specs = self._table.specs().values()
        named = {field.name for spec in specs for field in spec.fields}
        return frozenset(named - set(self._table.schema().column_names))

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
        return None if snapshot is None else _table_snapshot(snapshot)

    def snapshot(self, snapshot_id: int) -> TableSnapshot | None:
        """The snapshot of this id; None if the table never had it or it has expired."""
        snapshot = self._table.snapshot_by_id(snapshot_id)
        return None if snapshot is None else _table_snapshot(snapshot)

    def row_count(self) -> int:
        """Rows of the current snapshot: from its summary, or from its manifests if the writer summed up nothing."""
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
        """A line for people for each thing that the settings declare otherwise than the table has it."""
        columns = schema_difference(settings.column_types or {}, self.columns)
        return columns + partition_difference(
            settings.partition_spec, self._table.spec(), self._table.schema()
        )

    def column_changes(self, since: datetime) -> tuple[ColumnChange, ...]:
        """The columns that commits since then have added or widened, oldest first."""
        return column_changes(self._table.metadata, since)

    @property
    def is_draft(self) -> bool:
        return self._creation is not None

    def create(self) -> None:
        """Makes the table that was a draft; if somebody else made one meanwhile, the commit tells whether the files fit it.

        Raises CatalogUnavailable.
        """
        if self._creation is None:
            return
        with self._outages.translated(self.name):
            try:
                self._creation.commit_transaction()
            except (CommitFailedException, TableAlreadyExistsError):
                _log.info("table %s was made by another process meanwhile", self.name)
            except Exception:  # of whichever class the catalog's is: it may have made the table before it
                if not self._catalog.table_exists(self.name):
                    raise
            self._load()
        self._creation = None

    @property
    def changes(self) -> SchemaChanges:
        """What the next commit changes about the columns so far, to give to `go_back_to`."""
        return self._changes.copy()

    def go_back_to(self, changes: SchemaChanges) -> None:
        """Forgets what was asked of the columns since; files that were written since are to be discarded."""
        self._changes = changes

    def change_columns(self, columns: Mapping[str, str]) -> None:
        """Has the next commit add the columns that the table lacks and widen those that it has narrower; idempotent.

        Raises TableMismatch if a type cannot become the one that is asked for.
        """
        self._changes.add(self._table, columns, name=self.name)

    def write(self, frame: pa.Table) -> WrittenFiles:
        """Writes the rows as data files and commits nothing; may be called many times for one batch.

        Columns that the table lacks, or has narrower, become part of the commit, so a caller whose policy is another
        leaves them out. Raises TableMismatch if a column does not fit the table, CatalogUnavailable if the warehouse
        fails; data files of a failed call are orphans, which no reader sees.
        """
        try:
            self.change_columns(self._changed(columns_of(frame.schema)))
        except ValueError as error:
            raise TableMismatch(self.name, str(error)) from error
        metadata = self._changes.metadata(self._table)
        self._changes.note_written(metadata.schema())
        with self._outages.translated(self.name):
            return write_data_files(metadata, self._table.io, frame, name=self.name)

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
        """Makes the written files, and the replacement that `confirm` names, one snapshot of the table: once.

        Idempotent by batch id, whoever calls it, however often and at the same time. `confirm` is called before every
        attempt, after the look at the table on which the attempt then depends: it raises to stop the commit (nothing
        is committed then), and returns which older rows to replace. `properties` join `ingest.batch-id` in
        the snapshot's summary. Files that turn out not to be needed, because another attempt committed, are deleted.
        A batch that changes no row commits nothing, unless `even_if_empty`: then its snapshot moves the table's head,
        so that any other attempt that stands on the old one is refused.
        With `planned_at`, before which nobody can have committed the batch, a commit is found by its rows if its
        snapshot has expired.

        Raises CommitConflict after too many lost races, and CatalogUnavailable if the outcome cannot be looked up:
        only then may the batch have been committed or not, and calling again with the same files is safe.
        """
        return self._fence.commit(
            Batch(batch_id, tuple(written), properties or {}, planned_at, even_if_empty, self._changes),
            confirm,
        )

    def move_head(
        self, mark: str, confirm: Callable[[], Replacement], properties: Mapping[str, str] | None = None
    ) -> None:
        """Commits a snapshot without rows: every attempt at a commit that stands on an older one is refused then.

        Raises what `commit` raises.
        """
        self._fence.commit(Batch(mark, (), properties or {}, even_if_empty=True), confirm)

    def find_commit(self, batch_id: str, planned_at: datetime | None = None) -> Commit | None:
        """The commit of this batch, looked up afresh as `commit` does; None if there is none."""
        return self._fence.find(batch_id, planned_at)

    def rows_by_source(self, batch_id: str, snapshot_id: int | None = None) -> dict[tuple[str, str], int]:
        """How many rows of each `(_source_uri, _source_version)` a snapshot, without an id the current one, holds of the batch."""
        with self._outages.translated(self.name):
            return rows_by_source(self._load(), batch_id, snapshot_id)

    def sources(self) -> Sources:
        """Where all rows of the table, loaded afresh, come from. Raises CatalogUnavailable."""
        with self._outages.translated(self.name):
            return sources_of(self._load())

    def quarantined_rows(self, batch_id: str, *, limit: int) -> list[QuarantinedRow]:
        """Some of the rows that the batch set aside; only for a quarantine table. Raises CatalogUnavailable."""
        with self._outages.translated(self.name):
            return quarantined_rows(self._table, batch_id, limit)

    def shows_all_since(self, time: datetime) -> bool:
        """Whether no snapshot that was made since then has been expired, in the table as last loaded."""
        return oldest_if_expired_since(self._table.metadata, time) is None

    def batch_commits(self) -> dict[str, BatchCommit]:
        """The snapshots that the table, as last loaded, still has of batches, by batch id."""
        return batch_commits(self._table)

    def discard(self, written: Sequence[WrittenFiles]) -> None:
        """Deletes written files, best effort. Only for files that were never handed to `commit`."""
        delete_files(self._table, [file for files in written for file in files.data_files])

    def _changed(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Those of the columns that the table lacks, or must widen to take."""
        known = self.columns
        return {
            name: found for name, found in columns.items() if name not in known or widens(known[name], found)
        }

    def _load(self) -> Table:
        try:
            self._table = self._catalog.load_table(self.name)
        except NoSuchTableError as error:
            raise TableMismatch(
                self.name, "it was dropped while we worked on it; the next run creates it anew"
            ) from error
        return self._table


def _table_snapshot(snapshot: Snapshot) -> TableSnapshot:
    summary = {} if snapshot.summary is None else snapshot.summary.additional_properties
    counts = (summary.get(key) for key in ("added-records", "deleted-records", "total-records"))
    added, removed, total = (None if count is None else int(count) for count in counts)
    return TableSnapshot(
        snapshot_id=snapshot.snapshot_id,
        committed_at=committed_at(snapshot),
        operation="unknown" if snapshot.summary is None else snapshot.summary.operation.value,
        batch_id=batch_id_of(snapshot),
        rows_added=added,
        rows_removed=removed,
        rows_in_table=total,
    )
