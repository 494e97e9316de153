"""Deleting data files that no snapshot refers to. Best effort: an orphan costs storage and nothing else."""

import logging
from collections.abc import Iterable

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

_log = logging.getLogger(__name__)


def delete_files(table: Table, files: Iterable[DataFile]) -> None:
    """Deletes the files from the warehouse; one that cannot be deleted is logged and left."""
    for file in files:
        try:
            table.io.delete(file.file_path)
        except Exception as error:  # storage raises what it likes, and an orphan is no reason to fail a batch
            _log.warning("cannot delete orphan %s (%s)", file.file_path, type(error).__name__)


def delete_unless_added_by(table: Table, snapshot: Snapshot, files: Iterable[DataFile]) -> None:
    """Deletes those of a batch's files that the batch's commit, `snapshot`, does not refer to.

    They may also be the committed ones, when an earlier call lost its answer; so the snapshot is asked.
    If it cannot be, the files are left to the maintenance of orphans.
    """
    try:
        added = {
            entry.data_file.file_path
            for manifest in snapshot.manifests(table.io)
            if manifest.added_snapshot_id == snapshot.snapshot_id
            for entry in manifest.fetch_manifest_entry(table.io)
        }
    except Exception as error:  # the batch is committed; tidying up must not make it fail
        _log.warning(
            "table %s: cannot read snapshot %d (%s)", table.name(), snapshot.snapshot_id, type(error).__name__
        )
        return
    delete_files(table, (file for file in files if file.file_path not in added))
