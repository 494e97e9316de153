"""The fenced commit: a batch becomes one snapshot of its table, and never two.

    load the table -> is the batch among the ancestors of main or, if they have expired, are its rows there?
        yes: it is committed, go on
        no:  confirm with the ledger, stage, and commit against the same snapshot that was looked at

The catalog refuses the commit if main has moved since the look (`assert-ref-snapshot-id` in Iceberg's REST
specification; "no snapshot yet" is a position like any other). A refused attempt looks again, so one that was
frozen while another replaced it finds the batch committed. When the answer to a commit is lost, the next look
tells the outcome.
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

from ingest_project.errors import BatchSuperseded, CatalogUnavailable, CommitConflict, TableMismatch
from ingest_project.iceberg.attempt import Attempt, Changeset, stage
from ingest_project.iceberg.batch_rows import has_rows
from ingest_project.iceberg.batch_snapshot import (
    committed_at,
    find_snapshot,
    goes_back_to,
    oldest_if_expired_since,
    total_records,
)
from ingest_project.iceberg.orphans import delete_files, delete_unless_added_by
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.refusal import refusals
from ingest_project.iceberg.replacement import Replacement

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a batch.

    `snapshot_id` is None if there was nothing to write or replace, or if the batch's snapshot has expired.
    `already_committed`: another attempt at this batch had committed it; this one changed nothing.
    `rows_replaced` counts the older rows that this call took out. `rows_in_table` are the table's rows after
    this commit; None if unknown.
    """

    snapshot_id: int | None
    committed_at: datetime
    already_committed: bool
    rows_replaced: int = 0
    rows_in_table: int | None = None


@dataclass(frozen=True, slots=True)
class CommitRetry:
    """How long to go on against other writers, with full jitter below a doubling bound, and against outages.

    `unknown_outcomes` bounds the attempts whose answer was lost: unlike a conflict, that does not mean that
    another writer made progress. `look_pauses_seconds` are the pauses between attempts to load the table.
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
    """Commits batches to one table, which `load` loads again for each look."""

    name: str
    load: Callable[[], Table]
    outages: Outages
    retry: CommitRetry

    def find(self, batch_id: str, planned_at: datetime | None) -> Commit | None:
        """The commit of this batch, found in main's history or, where snapshots have expired, by its rows."""
        table = self._look()
        if (snapshot := find_snapshot(table.metadata, batch_id)) is not None:
            return _commit(snapshot, already_committed=True)
        return self._expired(table, batch_id, planned_at)

    def commit(self, changeset: Changeset, confirm: Callable[[], Replacement]) -> Commit:
        """Commits a batch's files and the rows that `confirm` says to replace, as one snapshot, exactly once.

        Each attempt looks for the batch in the table, then asks `confirm`, then commits only if the table's
        head is still the one that it looked at. LakeTable.commit documents the rest.
        """
        tried: list[Attempt] = []
        failure: Exception | None = None
        unknown_outcomes = 0
        doubtful: Attempt | None = None
        for pause in self.retry.pauses():
            time.sleep(pause)
            table = self._look()
            if (snapshot := find_snapshot(table.metadata, changeset.batch_id)) is not None:
                return _found(table, snapshot, changeset, tried)
            if (expired := self._expired(table, changeset.batch_id, changeset.planned_at)) is not None:
                return expired
            self._refuse_to_guess(table, changeset, doubtful)
            if isinstance(failure, CommitFailedException):
                tried[-1].tidy_up(table)
            if unknown_outcomes == self.retry.unknown_outcomes:
                break
            attempt = self._stage(table, changeset, confirm, is_first=not tried)
            if attempt is None:
                return Commit(None, datetime.now(UTC), already_committed=False)
            tried.append(attempt)
            failure = self._send(attempt, changeset)
            if failure is None:
                return _own(attempt)
            if not isinstance(failure, CommitFailedException):
                unknown_outcomes += 1
                doubtful = doubtful or attempt
        return self._last_look(changeset, tried, failure)

    def _look(self) -> Table:
        """The table as it is now. After a few tries an outage is raised: the outcome is never guessed."""
        for pause in self.retry.look_pauses_seconds:
            try:
                return self._load()
            except CatalogUnavailable as error:
                _log.warning("%s; looking again in %.1f s", error, pause)
                time.sleep(pause)
        return self._load()

    def _expired(self, table: Table, batch_id: str, planned_at: datetime | None) -> Commit | None:
        """The commit of a batch whose snapshot has expired, found by its rows.

        Its time is given as that of the oldest remaining snapshot: it was not made later.
        """
        oldest = None if planned_at is None else oldest_if_expired_since(table.metadata, planned_at)
        if oldest is None:
            return None
        with self.outages.translated(self.name), refusals(self.name, "PyIceberg cannot read its rows"):
            committed = has_rows(table, batch_id)
        return Commit(None, committed_at(oldest), already_committed=True) if committed else None

    def _refuse_to_guess(self, table: Table, changeset: Changeset, doubtful: Attempt | None) -> None:
        """Raises if an attempt's answer was lost and the snapshots that would show its outcome have expired.

        Not needed with `planned_at`: then the batch's rows have shown the outcome already.
        """
        if doubtful is None or changeset.planned_at is not None or not changeset.written:
            return
        if not goes_back_to(table.metadata, doubtful.parent_id):
            raise self.outages.unavailable(self.name, ConnectionError("a commit's answer was lost"))

    def _load(self) -> Table:
        with self.outages.translated(self.name):
            return self.load()

    def _stage(
        self, table: Table, changeset: Changeset, confirm: Callable[[], Replacement], *, is_first: bool
    ) -> Attempt | None:
        try:
            replacement = confirm()
            with (
                self.outages.translated(self.name),
                refusals(self.name, "PyIceberg cannot write the snapshot"),
            ):
                return stage(table, changeset, replacement, name=self.name)
        except (TableMismatch, BatchSuperseded):
            if is_first:  # the files were never sent to the catalog
                delete_files(table, changeset.data_files)
            raise

    def _send(self, attempt: Attempt, changeset: Changeset) -> Exception | None:
        try:
            attempt.send()
        except CommitFailedException as error:
            _log.info("batch %s: table %s moved on before the commit", changeset.batch_id, self.name)
            return error
        except Exception as error:  # of any class: the catalog may have committed before it failed
            _log.warning(
                "batch %s: commit to %s has an unknown outcome (%s); looking",
                changeset.batch_id,
                self.name,
                type(error).__name__,
            )
            return error
        return None

    def _last_look(self, changeset: Changeset, tried: Sequence[Attempt], failure: Exception | None) -> Commit:
        table = self._look()
        if (snapshot := find_snapshot(table.metadata, changeset.batch_id)) is not None:
            return _found(table, snapshot, changeset, tried)
        if (expired := self._expired(table, changeset.batch_id, changeset.planned_at)) is not None:
            return expired
        if failure is None or isinstance(failure, CommitFailedException):
            reason = f"{len(tried)} attempts lost the race for the next snapshot; nothing was committed"
            raise CommitConflict(self.name, reason) from failure
        raise self.outages.unavailable(self.name, failure) from failure


def _found(table: Table, snapshot: Snapshot, changeset: Changeset, tried: Sequence[Attempt]) -> Commit:
    own = next((attempt for attempt in tried if attempt.snapshot.snapshot_id == snapshot.snapshot_id), None)
    if own is not None:
        return _own(own)
    delete_unless_added_by(table, snapshot, changeset.data_files)
    return _commit(snapshot, already_committed=True)


def _own(attempt: Attempt) -> Commit:
    return _commit(attempt.snapshot, already_committed=False, rows_replaced=attempt.rewrite.rows_removed)


def _commit(snapshot: Snapshot, *, already_committed: bool, rows_replaced: int = 0) -> Commit:
    return Commit(
        snapshot.snapshot_id,
        committed_at(snapshot),
        already_committed,
        rows_replaced,
        rows_in_table=total_records(snapshot),
    )
