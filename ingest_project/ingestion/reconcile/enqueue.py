"""Claims what is missing, in portions, while as few objects wait as a tick may receive."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ingest_project.ingestion.reconcile.result import OnProgress, Progress
from ingest_project.ingestion.reconcile.scratch import Scratch
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.model import OnOverwrite, QueueSettings

PORTION = 1_000
POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Claims listed writes for a queue's sensor, as fast as it takes them.

    `patience`: how long to wait while the queue's waiting objects do not become fewer; None: without end.
    `for_job`: the job whose work the claims are.
    """

    ledger: Ledger
    queue: QueueSettings
    policy: OnOverwrite
    patience: timedelta | None = None
    sleep: Callable[[float], None] = time.sleep
    for_job: str | None = None

    def run(self, seen: Scratch, on_progress: OnProgress) -> tuple[int, int]:
        """Claim all writes that were found missing; returns how many were claimed, and how many are left.

        Left are those for which there was no room within the patience: a second reconciliation finds them. If
        it is interrupted, what was claimed is known, so that it continues where it stopped.
        """
        total, claimed, done = seen.writes, 0, 0
        while done < total:
            room = self._room(done, total, on_progress)
            if room <= 0:
                break
            portion = seen.portion(done, min(room, PORTION))
            claimed += self.ledger.claim_listed(self.queue.name, self.policy, portion, for_job=self.for_job)
            done += len(portion)
            on_progress(_progress(done, total))
        return claimed, total - done

    def _room(self, done: int, total: int, on_progress: OnProgress) -> int:
        """How many more objects may wait; 0 if none left the queue within the patience."""
        limit = self.queue.max_messages_per_tick
        fewest, waited = None, 0.0
        while (waiting := self.ledger.pending_objects(self.queue.name)) >= limit:
            if fewest is None or waiting < fewest:
                fewest, waited = waiting, 0.0
            if self.patience is not None and waited >= self.patience.total_seconds():
                return 0
            on_progress(_progress(done, total, waiting))
            self.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        return limit - waiting


def _progress(done: int, total: int, waiting: int = 0) -> Progress:
    note = f"{waiting:,} objects wait for the queue's sensor" if waiting else ""
    return Progress("enqueue", done, total, note)
