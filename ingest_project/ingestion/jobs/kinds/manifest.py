"""The manifest of a job's result: a JSON file beside its files, to which the API gives links."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest_project.ingestion.jobs.kinds.outcome import ResultFile
from ingest_project.ledger.job_model import JobRecord, JobState
from ingest_project.sources.s3.result_files import ResultFiles


def write_manifest(
    store: ResultFiles,
    results: str | None,
    job: JobRecord,
    *,
    state: JobState,
    ended_at: datetime,
    result: Mapping[str, Any] | None = None,
    files: Sequence[ResultFile] = (),
    snapshot_id: int | None = None,
    error: str | None = None,
) -> str | None:
    """Write the manifest of a job that ends in this state; gives its URI, or None without `jobs.results`.

    It may be written again: the same arguments give the same bytes under the same key. Raises ObjectError if
    S3 does not take it.
    """
    if results is None:
        return None
    raise NotImplementedError
