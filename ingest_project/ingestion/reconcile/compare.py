"""Compares the objects that S3 holds with the ledger, portion by portion."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_project.errors import UnroutableObject
from ingest_project.ingestion.reconcile.result import Example, Finding, OnProgress, Progress, Tally
from ingest_project.ingestion.reconcile.scope import Scope
from ingest_project.ingestion.reconcile.scratch import Scratch
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import UNKNOWN, ListedWrite, Standing
from ingest_project.ledger.reconcile import CommittedVersion
from ingest_project.ledger.tables import key_id
from ingest_project.settings.model import TableSettings
from ingest_project.sources.routing import Router
from ingest_project.sources.s3.held import HeldObject, HeldObjects
from ingest_project.sources.s3.markers import is_marker

HeldKeys = Callable[[Sequence[CommittedVersion]], list[bool]]
"""Whether S3 holds the key of each of these versions now."""

StillHeld = Callable[[Sequence[ListedWrite]], list[ListedWrite]]
"""Those of the writes that S3 holds now."""


OnWaiting = Callable[[Sequence[ListedWrite]], None]
"""Takes writes whose keys may have a write that waits, or is being ingested."""
MAY_WAIT = (Standing.WAITING, Standing.SETTLED, Standing.RECENT)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: a table's objects in a scope, as they were before `until`."""

    table: TableSettings
    scope: Scope
    until: datetime
    ledger: Ledger
    router: Router
    still_held: StillHeld | None = None
    held_keys: HeldKeys | None = None
    on_waiting: OnWaiting | None = None

    def compare(
        self, portions: Iterable[HeldObjects], seen: Scratch, tally: Tally, on_progress: OnProgress
    ) -> None:
        """Count all writes of the portions, and remember their keys, and those that the ledger lacks."""
        for portion in portions:
            self._note_keys(portion.objects, seen)
            writes = [
                write
                for held in portion.objects
                if (write := self._write(held, portion.listed_at, tally)) is not None
            ]
            self._judge(writes, seen, tally)
            missing = tally.found[Finding.MISSING] + tally.found[Finding.CHANGED]
            on_progress(Progress("S3", tally.listed, note=f"{missing:,} missing"))

    def _note_keys(self, objects: Iterable[HeldObject], seen: Scratch) -> None:
        table = self.table
        seen.note_keys(
            key_id(table.name, held.object.bucket, held.object.key) for held in objects if held.is_current
        )

    def _write(self, held: HeldObject, listed_at: datetime, tally: Tally) -> ListedWrite | None:
        """The write, if it is to be looked up in the ledger; else it is only counted."""
        item, table = held.object, self.table
        counts = held.is_current or (table.on_overwrite == "append" and item.version_id is not None)
        if not counts or not self.scope.has_key(item.key) or not item.key.endswith(table.suffix):
            return None
        if not self.scope.has_time(item.event_time):
            return None
        tally.listed += 1
        if item.event_time > self.until - self.scope.grace:
            tally.known["recent"] += 1
            return None
        try:
            routed = self.router.route(table.queue, item)
        except UnroutableObject:
            tally.known["unroutable"] += 1
            return None
        if routed.passed_over is not None or is_marker(item.key, item.size_bytes):
            tally.known["passed_over"] += 1
            return None
        return ListedWrite(routed, listed_at)

    def _judge(self, writes: Sequence[ListedWrite], seen: Scratch, tally: Tally) -> None:
        found = dict(zip(writes, self.ledger.standings(self.table.on_overwrite, writes), strict=True))
        if self.on_waiting is not None:
            self.on_waiting([write for write, standing in found.items() if standing in MAY_WAIT])
        lacking = [write for write, standing in found.items() if standing in UNKNOWN]
        held = lacking if self.still_held is None or not lacking else self.still_held(lacking)
        tally.known["recent"] += len(lacking) - len(held)
        tally.known.update(standing.value for standing in found.values() if standing not in UNKNOWN)
        for write in held:
            item = write.routed.object
            finding = Finding(found[write].value)
            tally.add(Example(finding, item.uri, item.version, item.event_time, item.size_bytes))
        seen.add(held)


def find_gone(comparison: Comparison, seen: Scratch, tally: Tally, on_progress: OnProgress) -> None:
    """Count the keys that are in the table, by the ledger, and that S3 does not hold.

    What was claimed after the listing began may have been written behind it, and is not judged.
    """
    table, scope, after, looked_at = comparison.table, comparison.scope, None, 0
    while page := comparison.ledger.committed_versions(table.name, after=after, claimed_since=scope.since):
        after = page[-1]
        looked_at += len(page)
        unseen = [one for one in page if _is_judged(comparison, one) and not seen.has_key(one.key_id)]
        for one in _not_held(comparison, unseen):
            if not seen.has_key(one.key_id):
                seen.note_keys([one.key_id])
                uri = f"s3://{one.bucket}/{one.key}"
                tally.add(Example(Finding.GONE, uri, one.version, one.event_time))
        on_progress(Progress("ledger", looked_at))


def _is_judged(comparison: Comparison, one: CommittedVersion) -> bool:
    scope = comparison.scope
    is_there = one.bucket == comparison.table.bucket and scope.has_key(one.key)
    return is_there and scope.has_time(one.event_time) and one.claimed_at < comparison.until


def _not_held(comparison: Comparison, unseen: Sequence[CommittedVersion]) -> list[CommittedVersion]:
    """Those whose keys S3 does not hold: it is asked, if the listing was not its own."""
    if comparison.held_keys is None or not unseen:
        return list(unseen)
    return [one for one, held in zip(unseen, comparison.held_keys(unseen), strict=True) if not held]
