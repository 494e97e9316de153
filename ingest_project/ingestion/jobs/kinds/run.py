"""Runs a job of a built-in kind: the second half of its life, between its claim and its end."""

import json

from ingest_project.errors import BatchSuperseded, IngestError, JobFailed
from ingest_project.ingestion.jobs.inputs import (
    ExportInput,
    IngestInput,
    Input,
    RebuildInput,
    ReplayInput,
    checked_input,
    parsed_input,
)
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.export import export
from ingest_project.ingestion.jobs.kinds.ingest import ingest
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, OnBatch, Report, ignore_batch
from ingest_project.ingestion.jobs.kinds.rebuild import rebuild
from ingest_project.ingestion.jobs.kinds.replay import replay
from ingest_project.ledger.job_model import JobRecord


def run_job(
    kinds: JobKinds, job: JobRecord, *, run_id: str, report: Report, on_batch: OnBatch = ignore_batch
) -> JobOutcome:
    """Do what the job asks for; it may be run again after a crash at any point, and by two runs at once.

    `kinds` is `Services.job_kinds`. `on_batch` gets the result of each batch that this run has committed, so
    that it is logged even if the job fails afterwards. Raises JobFailed if another attempt would not help,
    and otherwise a transient IngestError; BatchSuperseded passes. What `report` and `on_batch` raise passes
    too, as far as it is no permanent IngestError.
    """
    try:
        return _run(kinds, job, _input_of(kinds, job), run_id=run_id, report=report, on_batch=on_batch)
    except (JobFailed, BatchSuperseded):
        raise
    except IngestError as error:
        if error.transient:
            raise
        raise JobFailed(str(error)) from error


def _input_of(kinds: JobKinds, job: JobRecord) -> Input:
    """The input, checked again: the settings may have changed since it was accepted. Raises JobRefused."""
    given = json.loads(job.input_json)
    checked_input(kinds.settings, job.kind, given, lambda _kind, _given: None)
    return parsed_input(job.kind, given)


def _run(
    kinds: JobKinds, job: JobRecord, asked: Input, *, run_id: str, report: Report, on_batch: OnBatch
) -> JobOutcome:
    match asked:
        case IngestInput():
            return ingest(kinds, job, asked, report)
        case RebuildInput():
            return rebuild(kinds, job, asked, run_id=run_id, report=report, on_batch=on_batch)
        case ReplayInput():
            return replay(kinds, job, asked, report)
        case ExportInput():
            return export(kinds, job, asked, run_id=run_id, report=report)
    raise JobFailed(f"there is no built-in kind of job {job.kind}")
