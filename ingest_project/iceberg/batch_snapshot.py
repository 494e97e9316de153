"""A batch in the history of its table: the snapshot whose summary carries the batch's id."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

BATCH_ID_PROPERTY = "ingest.batch-id"
"""The key of the snapshot summary that says which batch the snapshot is."""

CLOCK_SKEW = timedelta(minutes=10)
"""How far the clocks of a table's writers may be apart."""


def find_snapshot(metadata: TableMetadata, batch_id: str) -> Snapshot | None:
    """The snapshot of this batch among main's head and its ancestors; one that was rolled back does not count."""
    return next((one for one in main_history(metadata) if batch_id_of(one) == batch_id), None)


def oldest_if_expired_since(metadata: TableMetadata, planned_at: datetime) -> Snapshot | None:
    """The oldest snapshot that main's history still has, if younger ones than `planned_at` may have been expired.

    None: the history goes back far enough to show every commit that was made since.
    """
    history = list(main_history(metadata))
    if not history or is_first(history[-1]):
        return None
    oldest = history[-1]
    return oldest if committed_at(oldest) >= planned_at - CLOCK_SKEW else None


def goes_back_to(metadata: TableMetadata, snapshot_id: int | None) -> bool:
    """Whether main's history still shows everything that was committed since this snapshot (None: since the first)."""
    history = list(main_history(metadata))
    if snapshot_id is None:
        return not history or is_first(history[-1])
    return any(one.snapshot_id == snapshot_id for one in history)


def is_first(snapshot: Snapshot) -> bool:
    """Whether no snapshot of the table was ever before it.

    Expiry may take the parent's id away with the parent (PyIceberg's does); the first snapshot has the number 1.
    """
    return snapshot.parent_snapshot_id is None and snapshot.sequence_number == 1


def batch_id_of(snapshot: Snapshot) -> str | None:
    """The batch that this snapshot is; None for one of another writer."""
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(BATCH_ID_PROPERTY)


def committed_at(snapshot: Snapshot) -> datetime:
    """When the snapshot was made, UTC."""
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def main_history(metadata: TableMetadata) -> Iterator[Snapshot]:
    """Main's head and its ancestors, as far as they have not expired."""
    # PyIceberg's ancestors_of searches the whole list of snapshots for each step.
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        yield snapshot
        snapshot = None if snapshot.parent_snapshot_id is None else by_id.get(snapshot.parent_snapshot_id)
