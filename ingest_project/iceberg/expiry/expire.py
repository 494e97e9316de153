"""Expires the snapshots of one table, and deletes the files that only they reach.

    complete what earlier calls have left -> choose the snapshots -> write a record of what they name
    -> commit: remove the snapshots, set a property that names the record
    -> delete what the record reaches and the table does not -> delete the record -> remove the property

Files are deleted only after the commit that removes their snapshots, by what the table reaches after that
commit. No later snapshot can reach them: its files are those of a snapshot that was left, or new ones. A
process may die at any point: the property shows the next call what is left to be deleted. Calls may run at
the same time, beside writers too: to delete a file that is gone is no error.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.io import FileIO
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    RemovePartitionStatisticsUpdate,
    RemovePropertiesUpdate,
    RemoveSnapshotsUpdate,
    SetPropertiesUpdate,
    TableUpdate,
)
from pyiceberg.utils.properties import property_as_bool

from ingest_project.errors import CatalogUnavailable, CommitConflict
from ingest_project.iceberg.batch_snapshot import committed_at
from ingest_project.iceberg.expiry.reach import File, Kind, roots_of, unreachable
from ingest_project.iceberg.expiry.record import Record, read_record, records_of, write_record
from ingest_project.iceberg.expiry.retention import Retention, expirable
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.transaction import commit_once

_log = logging.getLogger(__name__)

DELETERS = 16
"""How many files are deleted at once: PyIceberg's FileIO deletes them one by one."""

PORTION = 1_000
_GC_ENABLED = "gc.enabled"


@dataclass(frozen=True, slots=True)
class Expired:
    """What went, or with `dry_run` would go, from one table.

    `files` and `bytes` count the deleted files by their kind. `kept` is the number of snapshots that are
    left; the newest and the oldest of them were committed at `newest_kept` and `oldest_kept`.
    `completed` is how many earlier calls had died before they had deleted everything. `refused` says why
    nothing was done.
    """

    table: str
    snapshots: int = 0
    kept: int = 0
    newest_kept: datetime | None = None
    oldest_kept: datetime | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    bytes: Mapping[str, int] = field(default_factory=dict)
    completed: int = 0
    refused: str | None = None

    @property
    def file_count(self) -> int:
        return sum(self.files.values())

    @property
    def size_bytes(self) -> int:
        """The bytes of all deleted files."""
        return sum(self.bytes.values())


class _Deleted:
    """Counts files and bytes by kind."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def add(self, kind: Kind, files: int, size_bytes: int) -> None:
        self.files[kind.name.lower()] += files
        self.bytes[kind.name.lower()] += size_bytes


@dataclass(frozen=True, slots=True)
class Expiry:
    """Expires snapshots of one table, which `load` loads again for each attempt.

    `unsettled_since` tells when the oldest unsettled batch of the table was planned (None: there is none). It
    is asked after the table was loaded: a batch whose snapshot the table has then was planned before, so that
    it is known, or settled. `pauses` are the waits before each attempt to commit.
    """

    name: str
    load: Callable[[], Table]
    outages: Outages
    pauses: Callable[[], Iterable[float]]
    retention: Retention
    unsettled_since: Callable[[], datetime | None]
    now: datetime

    def run(self, *, dry_run: bool = False) -> Expired:
        """Expires what may go; raises CatalogUnavailable, CommitConflict and TableMismatch.

        If files cannot be deleted, that is CatalogUnavailable, and the next call begins with them.
        """
        with self._translated():
            table = self.load()
            if not property_as_bool(table.properties, _GC_ENABLED, True):
                reason = f"its property {_GC_ENABLED} is false: its files may belong to other tables too"
                return Expired(self.name, kept=len(table.metadata.snapshots), refused=reason)
            return self._dry_run(table) if dry_run else self._run(table)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self.outages.translated(self.name), refusals(self.name, "its snapshots cannot be expired"):
            yield

    def _run(self, table: Table) -> Expired:
        deleted = _Deleted()
        left = records_of(table.metadata)
        for record in left:
            _log.info("table %s: an earlier expiry was not completed; deleting its files", self.name)
            self._complete(table, record, deleted)
        committed = self._commit()
        if committed is None:
            return _result(self.name, self.load().metadata, 0, deleted, len(left))
        table, record, snapshots = committed
        self._complete(table, record, deleted)
        return _result(self.name, table.metadata, snapshots, deleted, len(left))

    def _dry_run(self, table: Table) -> Expired:
        metadata, left = table.metadata, records_of(table.metadata)
        ids = {one.snapshot_id for one in self._expirable(metadata)}
        gone = roots_of(metadata, ids)
        for record in left:
            gone += read_record(table.io, metadata, record)
        kept = [one for one in metadata.snapshots if one.snapshot_id not in ids]
        deleted = _Deleted()
        with unreachable(table.io, gone, roots_of(metadata, _ids(kept))) as found:
            for kind, (files, size_bytes) in found.totals().items():
                deleted.add(kind, files, size_bytes)
        after = metadata.model_copy(update={"snapshots": kept})
        return _result(self.name, after, len(ids), deleted, len(left))

    def _expirable(self, metadata: TableMetadata) -> list[Snapshot]:
        return expirable(
            metadata, self.retention, now=self.now, unsettled_since=self.unsettled_since(), name=self.name
        )

    def _commit(self) -> tuple[Table, Record, int] | None:
        """Removes the snapshots from the metadata; None if there are none to remove.

        The references are those that the choice saw: a catalog would remove a branch or tag with its
        snapshot.
        """
        failure: Exception | None = None
        for pause in self.pauses():
            time.sleep(pause)
            table = self.load()
            gone = self._expirable(table.metadata)
            if not gone:
                return None
            record = write_record(table.io, table.metadata, _ids(gone))
            failure = self._send(table, record, gone)
            if failure is None:
                return table, record, len(gone)
            table = self.load()
            if record.key in table.properties:  # the answer was lost, or was the one to a second request
                return table, record, len(gone)
            if not _ids(gone) <= _ids(table.metadata.snapshots):  # another call, or engine, was first
                _delete_quietly(table.io, record.location)
            elif not isinstance(failure, CommitFailedException):
                raise failure
        reason = "its snapshots were not expired: other writers were first each time"
        raise CommitConflict(self.name, reason) from failure

    def _send(self, table: Table, record: Record, gone: Iterable[Snapshot]) -> Exception | None:
        ids = _ids(gone)
        # A catalog removes statistics of the table itself with their snapshot, but PyIceberg's leave those of
        # partitions.
        of_partitions = (one.snapshot_id for one in table.metadata.partition_statistics)
        updates: tuple[TableUpdate, ...] = (
            *(RemovePartitionStatisticsUpdate(snapshot_id=one) for one in of_partitions if one in ids),
            RemoveSnapshotsUpdate(snapshot_ids=sorted(ids)),
            SetPropertiesUpdate(updates={record.key: record.location}),
        )
        unchanged = tuple(
            AssertRefSnapshotId(ref=ref, snapshot_id=one.snapshot_id)
            for ref, one in table.metadata.refs.items()
        )
        try:
            commit_once(table, updates, unchanged)
        except Exception as error:  # of any class: the catalog may have committed before it failed
            _log.info("table %s: removing snapshots failed (%s); looking", self.name, type(error).__name__)
            return error
        return None

    def _complete(self, table: Table, record: Record, deleted: _Deleted) -> None:
        """Deletes the files of a record, then the record. Raises CatalogUnavailable if a file stays."""
        gone = read_record(table.io, table.metadata, record)
        with unreachable(table.io, gone, roots_of(table.metadata, _ids(table.metadata.snapshots))) as found:
            for kind in Kind:
                for portion in found.portions(kind, PORTION):
                    self._delete(table.io, portion, deleted)
        with suppress(FileNotFoundError):
            table.io.delete(record.location)
        self._forget(record)

    def _delete(self, storage: FileIO, files: list[File], deleted: _Deleted) -> None:
        def delete(file: File) -> Exception | bool:
            try:
                storage.delete(file.path)
            except FileNotFoundError:
                return False
            except Exception as error:  # of any class: the others may be deleted
                return error
            return True

        with ThreadPoolExecutor(DELETERS, thread_name_prefix="expiry") as deleters:
            answers = list(zip(files, deleters.map(delete, files), strict=True))
        for file, answer in answers:
            if answer is True:
                deleted.add(file.kind, 1, file.size_bytes)
        failed = [(file.path, answer) for file, answer in answers if isinstance(answer, Exception)]
        if failed:
            (path, error), count = failed[0], len(failed)
            reason = self.outages.unavailable(self.name, error).reason
            raise CatalogUnavailable(
                self.name, f"{count} files of expired snapshots could not be deleted, like {path}: {reason}"
            ) from error

    def _forget(self, record: Record) -> None:
        """Removes the property that names the record; another call may have done so."""
        failure: Exception | None = None
        for pause in self.pauses():
            time.sleep(pause)
            table = self.load()
            if record.key not in table.properties:
                return
            try:
                commit_once(table, (RemovePropertiesUpdate(removals=[record.key]),))
            except (CommitFailedException, KeyError) as error:
                failure = error
            else:
                return
        reason = f"its property {record.key} was not removed: other writers were first each time"
        raise CommitConflict(self.name, reason) from failure


def _ids(snapshots: Iterable[Snapshot]) -> set[int]:
    return {one.snapshot_id for one in snapshots}


def _delete_quietly(storage: FileIO, location: str) -> None:
    try:
        storage.delete(location)
    except Exception as error:  # of any class: it is an orphan of some kilobytes
        _log.warning("cannot delete orphan %s (%s)", location, type(error).__name__)


def _result(name: str, metadata: TableMetadata, snapshots: int, deleted: _Deleted, completed: int) -> Expired:
    times = [committed_at(one) for one in metadata.snapshots]
    return Expired(
        table=name,
        snapshots=snapshots,
        kept=len(times),
        newest_kept=max(times, default=None),
        oldest_kept=min(times, default=None),
        files=dict(deleted.files),
        bytes=dict(deleted.bytes),
        completed=completed,
    )
