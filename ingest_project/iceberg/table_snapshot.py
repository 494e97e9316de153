"""A snapshot of a table, as `status` and the history show it."""

from dataclasses import dataclass
from datetime import datetime

from pyiceberg.table.snapshots import Snapshot

from ingest_project.iceberg.batch_snapshot import batch_id_of, committed_at


@dataclass(frozen=True, slots=True)
class TableSnapshot:
    """One snapshot, from its summary alone. Row counts are None if its writer did not record them."""

    snapshot_id: int
    committed_at: datetime
    operation: str
    batch_id: str | None
    rows_added: int | None
    rows_removed: int | None
    rows_in_table: int | None


def table_snapshot(snapshot: Snapshot) -> TableSnapshot:
    """What the summary of a snapshot says."""
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
