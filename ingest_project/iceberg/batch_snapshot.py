"""A batch in the history of its table: the snapshot whose summary has the batch's id."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from ingest_project.settings.clocks import CLOCK_SKEW

BATCH_ID_PROPERTY = "ingest.batch-id"
"""The property of the snapshot summary that names the batch."""


def find_snapshot(metadata: TableMetadata, batch_id: str) -> Snapshot | None:
    """The snapshot of this batch among main's head and its ancestors; rolled back ones do not count."""
    return next((one for one in main_history(metadata) if batch_id_of(one) == batch_id), None)


def oldest_if_expired_since(metadata: TableMetadata, planned_at: datetime) -> Snapshot | None:
    """The oldest remaining snapshot of main's history, if snapshots since `planned_at` may have expired.

    None: the history shows every commit that was made since.
    """
    history = list(main_history(metadata))
    if not history or is_first(history[-1]):
        return None
    oldest = history[-1]
    return oldest if committed_at(oldest) >= planned_at - CLOCK_SKEW else None


def goes_back_to(metadata: TableMetadata, snapshot_id: int | None) -> bool:
    """Whether main's history still shows all commits since this snapshot (None: since the first)."""
    history = list(main_history(metadata))
    if snapshot_id is None:
        return not history or is_first(history[-1])
    return any(one.snapshot_id == snapshot_id for one in history)


def is_first(snapshot: Snapshot) -> bool:
    """Whether it is the table's first snapshot.

    Expiry may remove the parent's id with the parent (PyIceberg's does); the first snapshot has the number 1.
    """
    return snapshot.parent_snapshot_id is None and snapshot.sequence_number == 1


def batch_id_of(snapshot: Snapshot) -> str | None:
    """The batch that this snapshot commits; None if another writer made it."""
    return None if snapshot.summary is None else snapshot.summary.additional_properties.get(BATCH_ID_PROPERTY)


def committed_at(snapshot: Snapshot) -> datetime:
    """When the snapshot was made, UTC."""
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def total_records(snapshot: Snapshot) -> int | None:
    """The rows of the table at this snapshot, by its summary; None if that lacks the number."""
    told = None if snapshot.summary is None else snapshot.summary.additional_properties.get("total-records")
    return None if told is None else int(told)


def main_history(metadata: TableMetadata) -> Iterator[Snapshot]:
    """Main's head and those of its ancestors that have not expired."""
    # PyIceberg's ancestors_of searches the whole list of snapshots for each step.
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        yield snapshot
        snapshot = None if snapshot.parent_snapshot_id is None else by_id.get(snapshot.parent_snapshot_id)
