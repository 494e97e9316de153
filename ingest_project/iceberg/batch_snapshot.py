"""A batch in the history of its table: the snapshot whose summary carries the batch's id."""

from datetime import UTC, datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

BATCH_ID_PROPERTY = "ingest.batch-id"
"""The key of the snapshot summary that says which batch the snapshot is."""


def find_snapshot(metadata: TableMetadata, batch_id: str) -> Snapshot | None:
    """The snapshot of this batch among main's head and its ancestors; one that was rolled back does not count."""
    # PyIceberg's ancestors_of searches the whole list of snapshots for each step.
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        if batch_id_of(snapshot) == batch_id:
            return snapshot
        snapshot = None if snapshot.parent_snapshot_id is None else by_id.get(snapshot.parent_snapshot_id)
    return None


def batch_id_of(snapshot: Snapshot) -> str | None:
    """The batch that this snapshot is; None for one of another writer."""
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(BATCH_ID_PROPERTY)


def committed_at(snapshot: Snapshot) -> datetime:
    """When the snapshot was made, UTC."""
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
