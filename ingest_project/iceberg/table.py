"""One Iceberg table, as the rest of the project sees it: write rows, commit a batch, read what `status` shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.attempt import Batch
from ingest_project.iceberg.batch_rows import rows_by_source
from ingest_project.iceberg.batch_snapshot import batch_id_of, committed_at
from ingest_project.iceberg.commit import Commit, CommitRetry, FencedCommit
from ingest_project.iceberg.data_files import WrittenFiles, write_data_files
from ingest_project.iceberg.evolution import evolve
from ingest_project.iceberg.orphans import delete_files
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.partition_spec import entries_of, partition_difference
from ingest_project.iceberg.provenance import BatchCommit, Sources, batch_commits, sources_of
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.schema import columns_in, columns_of, schema_difference
from ingest_project.settings.model import TableSettings


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
    """A table as it was when last loaded; `refresh` and every commit load it afresh. Not for sharing among threads."""

    def __init__(
        self, catalog: Catalog, table: Table, *, name: str, outages: Outages, retry: CommitRetry
    ) -> None:
        self.name = name
        self._catalog = catalog
        self._table = table
        self._outages = outages
        self._fence = FencedCommit(name, self._load, outages, retry)

    @property
    def columns(self) -> dict[str, str]:
        """Names and Iceberg type names, in order, without the provenance columns."""
        return columns_in(self._table.schema())

    @property
    def partition_spec(self) -> tuple[str, ...]:
        """The partition spec as ingest.yaml would write it."""
        return entries_of(self._table.spec(), self._table.schema())

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
        columns = schema_difference(settings.columns or {}, self.columns)
        return columns + partition_difference(
            settings.partition_spec, self._table.spec(), self._table.schema()
        )

    def evolve(self, columns: Mapping[str, str]) -> None:
        """Adds the columns that the table lacks and widens those that are declared wider; idempotent.

        Raises TableMismatch if a type cannot become the declared one, CommitConflict, CatalogUnavailable.
        """
        with self._outages.translated(self.name):
            evolve(self._load, columns, name=self.name)

    def write(self, frame: pa.Table) -> WrittenFiles:
        """Writes the rows as data files and commits nothing; may be called many times for one batch.

        Columns that the table lacks are added to it first, so a caller whose policy is another leaves them out.
        Raises TableMismatch if a column does not fit the table, CatalogUnavailable if the warehouse fails; data files
        of a failed call are orphans, which no reader sees.
        """
        missing = [name for name in frame.column_names if name not in self._table.schema().column_names]
        if missing:
            try:
                self.evolve(columns_of(frame.select(missing).schema))
            except ValueError as error:
                raise TableMismatch(self.name, str(error)) from error
        with self._outages.translated(self.name):
            return write_data_files(self._table, frame, name=self.name)

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
            Batch(batch_id, tuple(written), properties or {}, planned_at, even_if_empty), confirm
        )

    def find_commit(self, batch_id: str, planned_at: datetime | None = None) -> Commit | None:
        """The commit of this batch, looked up afresh as `commit` does; None if there is none."""
        return self._fence.find(batch_id, planned_at)

    def rows_by_source(self, commit: Commit, batch_id: str) -> dict[tuple[str, str], int]:
        """How many rows of each `(_source_uri, _source_version)` the batch's own snapshot holds of the batch.

        The current one's answer stands in for a snapshot that has expired.
        """
        with self._outages.translated(self.name):
            return rows_by_source(self._load(), batch_id, commit.snapshot_id)

    def sources(self) -> Sources:
        """Where all rows of the table, loaded afresh, come from. Raises CatalogUnavailable."""
        with self._outages.translated(self.name):
            return sources_of(self._load())

    def batch_commits(self) -> dict[str, BatchCommit]:
        """The snapshots that the table, as last loaded, still has of batches, by batch id."""
        return batch_commits(self._table)

    def discard(self, written: Sequence[WrittenFiles]) -> None:
        """Deletes written files, best effort. Only for files that were never handed to `commit`."""
        delete_files(self._table, [file for files in written for file in files.data_files])

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
