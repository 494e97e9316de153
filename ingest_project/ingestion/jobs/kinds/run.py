"""Runs a job of a built-in kind: the second half of its life, between its claim and its end."""

from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, OnBatch, Report, ignore_batch
from ingest_project.ledger.job_model import JobRecord


def run_job(
    kinds: JobKinds, job: JobRecord, *, run_id: str, report: Report, on_batch: OnBatch = ignore_batch
) -> JobOutcome:
    """Do what the job asks for; it may be run again after a crash at any point, and by two runs at once.

    `kinds` is `Services.job_kinds`. `on_batch` gets the result of each batch that this run has committed, so
    that it is logged even if the job fails afterwards. Raises JobFailed if another attempt would not help,
    and otherwise a transient IngestError; BatchSuperseded passes. What `report` and `on_batch` raise passes
    too.
    """
    raise NotImplementedError
