"""The fenced commit: a batch becomes one snapshot of its table, and never two.

    load the table -> is the batch among the ancestors of main, or, if they were expired, are its rows in the table?
        yes: it is committed, go on
        no:  confirm with the ledger, stage, and commit against the very snapshot that was looked at

The catalog refuses the commit if main has moved since the look (`assert-ref-snapshot-id` in Iceberg's REST
specification; "no snapshot yet" is a position like any other). Whoever was overtaken comes back to the look, so an
attempt that slept through its own replacement finds the batch committed. When the answer to a commit is lost, the
next look is the answer.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from ingest_project.errors import CatalogUnavailable, CommitConflict
from ingest_project.iceberg.attempt import Attempt, Batch, stage
from ingest_project.iceberg.batch_rows import has_rows
from ingest_project.iceberg.batch_snapshot import (
    committed_at,
    find_snapshot,
    goes_back_to,
    oldest_if_expired_since,
)
from ingest_project.iceberg.orphans import delete_unless_added_by
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.replacement import Replacement

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a batch. `snapshot_id` is None if there was nothing to write and nothing to replace, or if the
    batch's snapshot has expired.

    `already_committed`: another attempt at this batch had committed it; this one changed nothing.
    `rows_replaced` counts the older rows that this very call took out.
    """

    snapshot_id: int | None
    committed_at: datetime
    already_committed: bool
    rows_replaced: int = 0


@dataclass(frozen=True, slots=True)
class CommitRetry:
    """How long to go on against other writers, with full jitter below a doubling bound, and against outages.

    `unknown_outcomes` bounds the attempts whose answer was lost: unlike a conflict, that does not mean that somebody
    else got on. `look_pauses_seconds` are the pauses between attempts to load the table.
    """

    attempts: int = 20
    unknown_outcomes: int = 3
    first_pause_seconds: float = 0.1
    longest_pause_seconds: float = 3.0
    look_pauses_seconds: tuple[float, ...] = (0.2, 1.0, 5.0)

    def pauses(self) -> Iterator[float]:
        """Seconds to wait before each attempt; none before the first."""
        yield 0.0
        for attempt in range(self.attempts - 1):
            bound = min(self.longest_pause_seconds, self.first_pause_seconds * 2**attempt)
            yield random.uniform(0, bound)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class FencedCommit:
    """Commits batches to one table, which `load` loads afresh for each look."""

    name: str
    load: Callable[[], Table]
    outages: Outages
    retry: CommitRetry

    def find(self, batch_id: str, planned_at: datetime | None) -> Commit | None:
        """The commit of this batch, if main's history or, where that was cut, main's rows tell of one."""
        table = self._look()
        if (snapshot := find_snapshot(table.metadata, batch_id)) is not None:
            return _commit(snapshot, already_committed=True)
        return self._expired(table, batch_id, planned_at)

    def commit(self, batch: Batch, confirm: Callable[[], Replacement]) -> Commit:
        """See LakeTable.commit."""
        tried: list[Attempt] = []
        failure: Exception | None = None
        unknown_outcomes = 0
        doubtful: Attempt | None = None
        for pause in self.retry.pauses():
            time.sleep(pause)
            table = self._look()
            if (snapshot := find_snapshot(table.metadata, batch.batch_id)) is not None:
                return _found(table, snapshot, batch, tried)
            if (expired := self._expired(table, batch.batch_id, batch.planned_at)) is not None:
                return expired
            self._refuse_to_guess(table, batch, doubtful)
            if isinstance(failure, CommitFailedException):
                tried[-1].tidy_up(table)
            if unknown_outcomes == self.retry.unknown_outcomes:
                break
            attempt = self._stage(table, batch, confirm())
            if attempt is None:
                return Commit(None, datetime.now(UTC), already_committed=False)
            tried.append(attempt)
            failure = self._send(attempt, batch)
            if failure is None:
                return _own(attempt)
            if not isinstance(failure, CommitFailedException):
                unknown_outcomes += 1
                doubtful = doubtful or attempt
        return self._last_look(batch, tried, failure)

    def _look(self) -> Table:
        """The table as it is now. An outage is waited out for a while, then raised: an outcome is never guessed."""
        for pause in self.retry.look_pauses_seconds:
            try:
                return self._load()
            except CatalogUnavailable as error:
                _log.warning("%s; looking again in %.1f s", error, pause)
                time.sleep(pause)
        return self._load()

    def _expired(self, table: Table, batch_id: str, planned_at: datetime | None) -> Commit | None:
        """The commit of a batch whose snapshot somebody has expired meanwhile: its rows are there all the same.

        When it was made is known only as no later than the oldest snapshot that is left.
        """
        oldest = None if planned_at is None else oldest_if_expired_since(table.metadata, planned_at)
        if oldest is None:
            return None
        with self.outages.translated(self.name):
            committed = has_rows(table, batch_id)
        return Commit(None, committed_at(oldest), already_committed=True) if committed else None

    def _refuse_to_guess(self, table: Table, batch: Batch, doubtful: Attempt | None) -> None:
        """Raises if an attempt's answer was lost, and the history that would tell its outcome was expired since.

        Where a batch's rows bear its name, they have told already.
        """
        if doubtful is None or batch.planned_at is not None or not batch.written:
            return
        if not goes_back_to(table.metadata, doubtful.parent_id):
            raise self.outages.unavailable(self.name, ConnectionError("a commit's answer was lost"))

    def _load(self) -> Table:
        with self.outages.translated(self.name):
            return self.load()

    def _stage(self, table: Table, batch: Batch, replacement: Replacement) -> Attempt | None:
        with self.outages.translated(self.name):
            return stage(table, batch, replacement, name=self.name)

    def _send(self, attempt: Attempt, batch: Batch) -> Exception | None:
        try:
            attempt.send()
        except CommitFailedException as error:
            _log.info("batch %s: table %s moved on before the commit", batch.batch_id, self.name)
            return error
        except Exception as error:  # whatever it was, the catalog may have committed before it
            _log.warning(
                "batch %s: commit to %s has an unknown outcome (%s); looking",
                batch.batch_id,
                self.name,
                type(error).__name__,
            )
            return error
        return None

    def _last_look(self, batch: Batch, tried: Sequence[Attempt], failure: Exception | None) -> Commit:
        table = self._look()
        if (snapshot := find_snapshot(table.metadata, batch.batch_id)) is not None:
            return _found(table, snapshot, batch, tried)
        if (expired := self._expired(table, batch.batch_id, batch.planned_at)) is not None:
            return expired
        if failure is None or isinstance(failure, CommitFailedException):
            reason = f"{len(tried)} attempts lost the race for the next snapshot; nothing was committed"
            raise CommitConflict(self.name, reason) from failure
        raise self.outages.unavailable(self.name, failure) from failure


def _found(table: Table, snapshot: Snapshot, batch: Batch, tried: Sequence[Attempt]) -> Commit:
    own = next((attempt for attempt in tried if attempt.snapshot.snapshot_id == snapshot.snapshot_id), None)
    if own is not None:
        return _own(own)
    delete_unless_added_by(table, snapshot, batch.data_files)
    return _commit(snapshot, already_committed=True)


def _own(attempt: Attempt) -> Commit:
    return _commit(attempt.snapshot, already_committed=False, rows_replaced=attempt.rewrite.rows_removed)


def _commit(snapshot: Snapshot, *, already_committed: bool, rows_replaced: int = 0) -> Commit:
    return Commit(snapshot.snapshot_id, committed_at(snapshot), already_committed, rows_replaced)
