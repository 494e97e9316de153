"""The lease that a run holds on its batch: heartbeats in the ledger, and extended visibility timeouts."""

import logging
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from ingest_project.errors import IngestError
from ingest_project.ingestion.acknowledge import keep_invisible
from ingest_project.ledger.ledger import Ledger
from ingest_project.sources.sqs.queue import Queue

log = logging.getLogger(__name__)

HEARTBEATS = 6
"""How many heartbeats a lease lasts: so many in a row may fail before the run counts as dead."""

LAST_EXTENSION_SECONDS = 1.0
"""How long the end of the block waits for an extension under way; after that it ends by itself."""


class Lease:
    """Holds the lease while the block runs; on an error it gives up the lease and records why.

    Heartbeats and extensions each have a thread, because SQS may take longer to fail than a lease lasts.
    """

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        *,
        batch_id: str,
        run_id: str,
        lease: timedelta,
        visibility: timedelta,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._batch_id = batch_id
        self._run_id = run_id
        self._pause_seconds = lease.total_seconds() / HEARTBEATS
        self._visibility = visibility
        self._done = threading.Event()
        self._beating = threading.Thread(target=self._beat, name=f"lease-{batch_id}", daemon=True)
        self._extending = threading.Thread(target=self._extend, name=f"visibility-{batch_id}", daemon=True)

    def __enter__(self) -> Self:
        self._beating.start()
        self._extending.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        self._beating.join()
        self._extending.join(LAST_EXTENSION_SECONDS)
        if error is not None:
            self._release(error)

    def _beat(self) -> None:
        while not self._done.wait(self._pause_seconds):
            try:
                if not self._ledger.heartbeat(self._batch_id, run_id=self._run_id):
                    log.warning(
                        "batch %s no longer belongs to run %s; its commit will be refused",
                        self._batch_id,
                        self._run_id,
                    )
                    self._done.set()
            except IngestError as error:
                log.warning("batch %s: a heartbeat failed and will be tried again: %s", self._batch_id, error)

    def _extend(self) -> None:
        while not self._done.wait(self._pause_seconds):
            try:
                keep_invisible(self._ledger, self._queue, timeout=self._visibility)
            except IngestError as error:
                log.warning(
                    "batch %s: visibility timeouts were not extended, which will be tried again: %s",
                    self._batch_id,
                    error,
                )

    def _release(self, error: BaseException) -> None:
        error_class = error.error_class if isinstance(error, IngestError) else "unknown"
        reason = str(error) if isinstance(error, IngestError) else type(error).__name__
        try:
            self._ledger.release(self._batch_id, run_id=self._run_id, error_class=error_class, error=reason)
        except IngestError as failure:  # the lease expires by itself; the first error matters and is raised
            log.warning("batch %s: its lease could not be given up: %s", self._batch_id, failure)
