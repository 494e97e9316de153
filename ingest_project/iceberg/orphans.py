"""Deletes data files that no snapshot refers to. Failures are logged: an orphan costs only storage."""

import logging
from collections.abc import Iterable

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

_log = logging.getLogger(__name__)


def delete_files(table: Table, files: Iterable[DataFile]) -> None:
    """Deletes the files from the warehouse; logs those that cannot be deleted."""
    for file in files:
        try:
            table.io.delete(file.file_path)
        except Exception as error:  # of any class: an orphan must not make a batch fail
            _log.warning("cannot delete orphan %s (%s)", file.file_path, type(error).__name__)


def delete_unless_added_by(table: Table, snapshot: Snapshot, files: Iterable[DataFile]) -> None:
    """Deletes those of a batch's files that the batch's commit, `snapshot`, does not refer to.

    If an earlier call lost its answer, they may be the committed ones, so the snapshot is read. If it cannot
    be read, the files are left to the maintenance of orphans.
    """
    try:
        added = {
            entry.data_file.file_path
            for manifest in snapshot.manifests(table.io)
            if manifest.added_snapshot_id == snapshot.snapshot_id
            for entry in manifest.fetch_manifest_entry(table.io)
        }
    except Exception as error:  # of any class: the batch is committed, and this must not make it fail
        _log.warning(
            "table %s: cannot read snapshot %d (%s)", table.name(), snapshot.snapshot_id, type(error).__name__
        )
        return
    delete_files(table, (file for file in files if file.file_path not in added))
