"""Reconciles a table: compares what S3 holds, what the ledger knows, and what the table has.

Four steps, each in portions: the listing and the ledger, the ledger and the listing, the table's rows and the
ledger; then, on demand, the claim of what is missing. Nothing is deleted, neither rows nor objects, and
nothing but the claim changes anything. So it may run beside the sensors, and again at any time.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ingest_project.errors import ObjectMissing
from ingest_project.iceberg.catalog import Lake
from ingest_project.ingestion.reconcile.compare import Comparison, OnWaiting, StillHeld, find_gone
from ingest_project.ingestion.reconcile.enqueue import Enqueue
from ingest_project.ingestion.reconcile.result import Finding, OnProgress, Reconciled, Tally, ignore_progress
from ingest_project.ingestion.reconcile.rows import find_unknown
from ingest_project.ingestion.reconcile.scope import Scope
from ingest_project.ingestion.reconcile.scratch import Scratch, scratch
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.reconcile import CommittedVersion
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.model import QueueSettings, TableSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import Router
from ingest_project.sources.s3.held import HeldObjects, list_held
from ingest_project.sources.source import ContentStore

log = logging.getLogger(__name__)

HEADS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Listing:
    """What S3 holds, by a listing of its own: such as an inventory, complete at `taken_at`."""

    name: str
    taken_at: datetime
    portions: Iterator[HeldObjects]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do: compare the scope, with a `listing` instead of S3's own, and claim what is missing.

    `patience`: how long to wait for the sensor to take what waits before some is left to the next time.
    `for_job`: the job whose work is what is claimed, and what waits in the scope already.
    """

    scope: Scope
    listing: Listing | None = None
    enqueue: bool = False
    patience: timedelta | None = None
    for_job: str | None = None


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Reconciles the tables of one deployment."""

    ledger: Ledger
    lake: Lake
    aws: Aws
    router: Router
    store: ContentStore
    clock: Clock = utc_now

    def run(
        self,
        table: TableSettings,
        queue: QueueSettings,
        wanted: Wanted,
        on_progress: OnProgress = ignore_progress,
    ) -> Reconciled:
        """Compare, and claim what is missing if that is wanted.

        Raises CatalogUnavailable, LedgerUnavailable, and ObjectError if S3 does not list the prefix.
        """
        at, scope, listing = self.clock(), wanted.scope, wanted.listing
        comparison = Comparison(
            table, scope, at if listing is None else listing.taken_at, self.ledger, self.router,
            still_held=None if listing is None else self._still_held(table),
            held_keys=None if listing is None else self._held_keys,
            on_waiting=self._work_of(wanted.for_job),
        )  # fmt: skip
        portions = (
            list_held(self.aws, table.bucket, scope.prefix, clock=self.clock)
            if listing is None
            else listing.portions
        )
        with scratch() as seen:
            tally = Tally()
            comparison.compare(portions, seen, tally, on_progress)
            if not table.after.takes_away:  # else what is gone was moved or deleted by us
                find_gone(comparison, seen, tally, on_progress)
            self._find_unknown(table, scope, seen, tally, on_progress)
            claimed, left = 0, seen.writes
            # A ledger that has lost what is in the table would let it be ingested a second time.
            if wanted.enqueue and not tally.found[Finding.UNKNOWN]:
                enqueue = Enqueue(
                    self.ledger, queue, table.on_overwrite, wanted.patience, for_job=wanted.for_job
                )
                claimed, left = enqueue.run(seen, on_progress)
        return Reconciled(
            table=table.name, source=f"s3://{table.bucket}" if listing is None else listing.name, at=at,
            prefix=scope.prefix, since=scope.since, until=scope.until, listed=tally.listed,
            known={name: count for name, count in sorted(tally.known.items()) if count},
            found={one: count for one, count in sorted(tally.found.items()) if count},
            examples=tuple(tally.examples), enqueued=claimed, left=left,
        )  # fmt: skip

    def _work_of(self, job_id: str | None) -> OnWaiting | None:
        return None if job_id is None else partial(self.ledger.jobs.add_work_under_way, job_id)

    def _find_unknown(
        self, table: TableSettings, scope: Scope, seen: Scratch, tally: Tally, on_progress: OnProgress
    ) -> None:
        lake_table = self.lake.find(table.name)
        if lake_table is not None:
            find_unknown(lake_table, self.ledger, scope, seen=seen, tally=tally, on_progress=on_progress)

    def _held_keys(self, versions: Sequence[CommittedVersion]) -> list[bool]:
        def is_held(one: CommittedVersion) -> bool:
            try:
                self.store.head(ObjectVersion(one.bucket, one.key, 0, one.event_time), pinned=False)
            except ObjectMissing:
                return False
            return True

        with ThreadPoolExecutor(HEADS_AT_ONCE, thread_name_prefix="reconcile") as pool:
            return list(pool.map(is_held, versions))

    def _still_held(self, table: TableSettings) -> StillHeld:
        """Asks S3 about writes that a listing of another day shows: they may be gone or written again."""
        appends = table.on_overwrite == "append"

        def is_held(write: ListedWrite) -> bool:
            item = write.routed.object
            try:
                held = self.store.head(item, pinned=appends and item.is_versioned)
            except ObjectMissing:
                return False
            return held.is_write(item)

        def still_held(writes: Sequence[ListedWrite]) -> list[ListedWrite]:
            with ThreadPoolExecutor(HEADS_AT_ONCE, thread_name_prefix="reconcile") as pool:
                held = list(pool.map(is_held, writes))
            return [write for write, is_there in zip(writes, held, strict=True) if is_there]

        return still_held
