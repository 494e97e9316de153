"""The text of `/metrics`, for Prometheus: requests of this process, and jobs of the whole deployment.

The values of every label are bounded: kinds by the settings, paths by the routes. The ledger is asked at most
once in ten seconds.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingest_project.api.guard import Handled
from ingest_project.errors import IngestError
from ingest_project.ledger.job_model import JobCounts, JobState
from ingest_project.settings.clocks import Clock

WINDOW: Final = timedelta(days=1)
FRESH_SECONDS: Final = 10.0
OTHER: Final = "other"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

CountJobs = Callable[[datetime], list[JobCounts]]
"""Open jobs, and those that ended since this time. Raises IngestError."""


@dataclass(slots=True)
class _Total:
    """Jobs of one kind and state, and how long they took in all."""

    jobs: int = 0
    seconds: float = 0.0

    def add(self, one: JobCounts) -> None:
        self.jobs += one.jobs
        self.seconds += one.duration_seconds


class Metrics:
    """Counts requests, and asks for the jobs. Safe to share among threads."""

    def __init__(
        self,
        kinds: Collection[str],
        count_jobs: CountJobs,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = kinds
        self._count_jobs = count_jobs
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._asked_at: float | None = None
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "ingest_api_requests", "Requests that this process has answered.",
            ["method", "path", "status"], registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "ingest_api_request_seconds", "How long this process took to answer.", ["path"], registry=registry
        )
        self._submitted = Counter(
            "ingest_jobs_submitted", "Jobs that this process has accepted.", ["kind"], registry=registry
        )
        self._jobs = Gauge(
            "ingest_jobs", "Jobs that are open, or have ended within the last 24 hours.",
            ["kind", "state"], registry=registry,
        )  # fmt: skip
        self._oldest = Gauge(
            "ingest_jobs_oldest_seconds", "Since when the oldest open job waits, by its state.",
            ["state"], registry=registry,
        )  # fmt: skip
        self._duration = Gauge(
            "ingest_jobs_duration_seconds",
            "The mean time from request to end of jobs that have ended within the last 24 hours.",
            ["kind", "state"], registry=registry,
        )  # fmt: skip
        self._ledger_up = Gauge("ingest_ledger_up", "Whether the ledger answers.", registry=registry)

    def handled(self, one: Handled) -> None:
        """Count a request."""
        self._requests.labels(one.method, one.path, str(one.status)).inc()
        self._seconds.labels(one.path).observe(one.seconds)

    def submitted(self, kind: str) -> None:
        """Count a job that was accepted."""
        self._submitted.labels(self._kind(kind)).inc()

    def text(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        with self._lock:
            now = self._monotonic()
            if self._asked_at is None or now - self._asked_at >= FRESH_SECONDS:
                self._asked_at = now
                self._ask()
            return generate_latest(self._registry)

    def _ask(self) -> None:
        for gauge in (self._jobs, self._oldest, self._duration):
            gauge.clear()
        now = self._clock()
        try:
            found = self._count_jobs(now - WINDOW)
        except IngestError:
            self._ledger_up.set(0)
            return
        self._ledger_up.set(1)
        for (kind, state), total in self._totals(found).items():
            self._jobs.labels(kind, state).set(total.jobs)
            if state.is_final and total.jobs:
                self._duration.labels(kind, state).set(total.seconds / total.jobs)
        for state, oldest_at in _oldest(found):
            self._oldest.labels(state).set(max(0.0, (now - oldest_at).total_seconds()))

    def _totals(self, found: Iterable[JobCounts]) -> dict[tuple[str, JobState], _Total]:
        totals: dict[tuple[str, JobState], _Total] = {}
        for one in found:
            totals.setdefault((self._kind(one.kind), one.state), _Total()).add(one)
        return totals

    def _kind(self, kind: str) -> str:
        """The settings may have had other kinds before, and requests from the queue name any."""
        return kind if kind in self._kinds else OTHER


def _oldest(found: Iterable[JobCounts]) -> Iterable[tuple[JobState, datetime]]:
    oldest: dict[JobState, datetime] = {}
    for one in found:
        if not one.state.is_final:
            oldest[one.state] = min(oldest.get(one.state, one.oldest_at), one.oldest_at)
    return oldest.items()
