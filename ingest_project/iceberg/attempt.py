"""One attempt at a batch's commit: a snapshot staged on top of another, sent once, and removed if refused."""

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
from ingest_project.iceberg.writer_properties import manifest_codec


@dataclass(frozen=True, slots=True)
class Changeset:
    """What is to become one snapshot: the batch's id, its data files, and properties of the summary.

    `planned_at`: a commit of the batch cannot be older. `even_if_empty`: a batch that changes no rows becomes
    a snapshot too. `changes` are the changes of the table's columns that its rows need.
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
    """A staged snapshot with its manifests. `parent_id` is main's snapshot below it (None: none yet)."""

    snapshot: Snapshot
    parent_id: int | None
    rewrite: Rewrite
    transaction: OneShotTransaction = field(repr=False)
    producer: "_SnapshotProducer[Any]" = field(repr=False)

    def send(self) -> None:
        """Commits, once. CommitFailedException: refused. After any other error the outcome is unknown."""
        self.transaction.commit_transaction()

    def tidy_up(self, table: Table) -> None:
        """After a refusal, deletes the attempt's manifests and remainders if nothing can refer to them.

        That is certain if main has moved from the attempt's parent and the attempt is not in the history: if
        its request were still under way, it would be refused as well. The batch's files stay.
        """
        metadata = table.metadata
        if (
            metadata.snapshot_by_id(self.snapshot.snapshot_id) is None
            and metadata.current_snapshot_id != self.parent_id
        ):
            self.producer._clean_all_uncommitted()
            delete_files(table, self.rewrite.remainders)


def stage(table: Table, changeset: Changeset, replacement: Replacement, *, name: str) -> Attempt | None:
    """Writes manifests, and remainders of files that lose rows, on top of the table's current snapshot.

    None if there is nothing to add or take out, unless `even_if_empty`. Raises CommitConflict if the table's
    partition spec or columns were changed since the files were written: they would have to be written again.
    """
    # Specs are compared, not their ids: a table that was dropped and created again may use an id for another
    # spec.
    if any(files.data_files and files.spec != table.spec() for files in changeset.written):
        raise CommitConflict(
            name, "its partition spec changed while the batch was written; nothing was committed"
        )
    taken_out = rewrite(table, replacement, name=name)
    if not changeset.data_files and not taken_out.removed and not changeset.even_if_empty:
        return None
    try:
        return _staged(table, changeset, taken_out, name=name)
    except BaseException:
        delete_files(table, taken_out.remainders)
        raise


def _staged(table: Table, changeset: Changeset, taken_out: Rewrite, *, name: str) -> Attempt:
    transaction = OneShotTransaction(table)
    changeset.changes.apply(transaction, name=name)
    update = transaction.update_snapshot({**changeset.properties, BATCH_ID_PROPERTY: changeset.batch_id})
    producer: _SnapshotProducer[Any] = update.overwrite() if taken_out.removed else update.merge_append()
    producer._compression = manifest_codec(table.metadata)  # type: ignore[assignment] # one of its names
    for file in [*changeset.data_files, *taken_out.remainders]:
        producer.append_data_file(file)
    for file in taken_out.removed:
        producer.delete_data_file(file)
    try:
        producer.commit()
    except BaseException:
        producer._clean_all_uncommitted()
        raise
    snapshot = transaction.table_metadata.current_snapshot()
    assert snapshot is not None  # noqa: S101 - just staged
    return Attempt(snapshot, table.metadata.current_snapshot_id, taken_out, transaction, producer)
