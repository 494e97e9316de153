"""One attempt at a batch's commit: a snapshot staged on top of another, sent once, and tidied away if refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import _SnapshotProducer

from ingest_project.errors import CommitConflict
from ingest_project.iceberg.batch_snapshot import BATCH_ID_PROPERTY
from ingest_project.iceberg.data_files import WrittenFiles
from ingest_project.iceberg.orphans import delete_files
from ingest_project.iceberg.replacement import Replacement, Rewrite, rewrite
from ingest_project.iceberg.schema_changes import SchemaChanges
from ingest_project.iceberg.transaction import OneShotTransaction


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to become one snapshot: the batch's id, its data files, and more for the snapshot's summary.

    `planned_at`: no commit of the batch can be older. `even_if_empty`: a batch that changes no row becomes a snapshot all the same.
    `changes` are what its rows ask of the table's columns.
    """

    batch_id: str
    written: Sequence[WrittenFiles]
    properties: Mapping[str, str]
    planned_at: datetime | None = None
    even_if_empty: bool = False
    changes: SchemaChanges = field(default_factory=SchemaChanges)

    @property
    def data_files(self) -> list[DataFile]:
        return [file for written in self.written for file in written.data_files]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A staged snapshot, its manifests written, and the snapshot of main that it stands on (None: an empty table)."""

    snapshot: Snapshot
    parent_id: int | None
    rewrite: Rewrite
    transaction: OneShotTransaction = field(repr=False)
    producer: "_SnapshotProducer[Any]" = field(repr=False)

    def send(self) -> None:
        """Commits, once. CommitFailedException: refused. Any other error: the outcome is unknown."""
        self.transaction.commit_transaction()

    def tidy_up(self, table: Table) -> None:
        """After a refusal, deletes what the attempt wrote for itself, if nothing can refer to it any more.

        That is certain once main has left the snapshot that the attempt stood on without the attempt being in the
        history: if its request were still under way, it would be refused as well. The batch's files stay.
        """
        metadata = table.metadata
        if (
            metadata.snapshot_by_id(self.snapshot.snapshot_id) is None
            and metadata.current_snapshot_id != self.parent_id
        ):
            self.producer._clean_all_uncommitted()
            delete_files(table, self.rewrite.remainders)


def stage(table: Table, batch: Batch, replacement: Replacement, *, name: str) -> Attempt | None:
    """Writes the manifests, and the remainders of files that lose rows, on top of the table's current snapshot.

    None if there is nothing to add and nothing to take out, and the batch need not leave a mark. Raises CommitConflict if the table was partitioned
    anew, or given other columns, since the files were written: they would have to be written again.
    """
    # Not the id alone: of a table that was dropped and made anew, or made by two at once, it is that of another spec.
    if any(files.data_files and files.spec != table.spec() for files in batch.written):
        raise CommitConflict(
            name, "its partition spec changed while the batch was written; nothing was committed"
        )
    taken_out = rewrite(table, replacement, name=name)
    added = [*batch.data_files, *taken_out.remainders]
    if not added and not taken_out.removed and not batch.even_if_empty:
        return None
    transaction = OneShotTransaction(table)
    batch.changes.apply(transaction, name=name)
    update = transaction.update_snapshot({**batch.properties, BATCH_ID_PROPERTY: batch.batch_id})
    producer = update.overwrite() if taken_out.removed else update.merge_append()
    for file in added:
        producer.append_data_file(file)
    for file in taken_out.removed:
        producer.delete_data_file(file)
    producer.commit()
    snapshot = transaction.table_metadata.current_snapshot()
    assert snapshot is not None  # noqa: S101 - just staged
    return Attempt(snapshot, table.metadata.current_snapshot_id, taken_out, transaction, producer)
