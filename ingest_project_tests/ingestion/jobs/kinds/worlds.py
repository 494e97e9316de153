"""A landing zone whose settings accept jobs, and jobs that are run without Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome
from ingest_project.ingestion.jobs.kinds.run import run_job
from ingest_project.ingestion.process import BatchResult
from ingest_project.ledger.job_model import JobRecord, JobWork
from ingest_project.sources.jobs.request import JobRequest, canonical
from ingest_project_tests.factories import ORDERS, Zone, orders_table

RESULTS = "s3://acme-results/jobs/"
AT = datetime(2026, 11, 30, 8, tzinfo=UTC)


@dataclass
class JobZone:
    """A zone and the jobs in it; what their runs report is kept."""

    zone: Zone
    progress: list[Mapping[str, Any]] = field(default_factory=list)
    results: list[BatchResult] = field(default_factory=list)

    @classmethod
    def create(cls, folder: Path, endpoint: str, *tables: dict[str, Any], **jobs: Any) -> "JobZone":
        zone = Zone.create(folder, endpoint)
        zone.landing.s3.create_bucket(Bucket="acme-results")
        found = cls(zone)
        found.declare(*tables, **jobs)
        return found

    def declare(self, *tables: dict[str, Any], **jobs: Any) -> None:
        """Go on as a process that was started with these tables, by default sales.orders alone."""
        landing = self.zone.landing
        landing.write(
            queues=[
                {"name": "landing", "url": landing.queue_url},
                {"name": "jobs", "url": f"{landing.endpoint}/123456789012/jobs", "source": "jobs"},
            ],
            jobs={"results": RESULTS, **jobs},
            tables=list(tables) or [orders_table()],
        )
        self.zone = self.zone.restarted()

    @property
    def kinds(self) -> JobKinds:
        return self.zone.services.job_kinds

    def job(self, kind: str, *, job_id: str = "0" * 31 + "1", **given: Any) -> JobRecord:
        """A job that was asked for and begun once."""
        request = JobRequest(job_id, kind, canonical({"table": ORDERS, **given}), "ann", AT)
        job, _ = self.zone.ledger.jobs.submit("jobs", request)
        return replace(job, attempts=1)

    def run(self, job: JobRecord, *, run_id: str = "run-of-job", kinds: JobKinds | None = None) -> JobOutcome:
        return run_job(
            kinds or self.kinds, job, run_id=run_id, report=self.progress.append,
            on_batch=self.results.append,
        )  # fmt: skip

    def work(self, job: JobRecord) -> JobWork:
        return self.zone.ledger.jobs.work(job.job_id)
