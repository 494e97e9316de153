"""The manifest of a job's result: a JSON file beside its files, to which the API gives links."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ingest_project.ingestion.jobs.jobs import MANIFEST
from ingest_project.ingestion.jobs.kinds.outcome import ResultFile
from ingest_project.ledger.job_model import JobRecord, JobState
from ingest_project.sources.jobs.request import digest_of
from ingest_project.sources.s3.result_files import ResultFiles

CONTENT_TYPE = "application/json"


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

    `store` is `Services.result_files`, `results` is `jobs.results` of the settings. It may be written again:
    the same arguments give the same bytes under the same key. Raises ObjectError if S3 does not take it.
    """
    if results is None:
        return None
    uri = f"{job_folder(results, job.job_id)}{MANIFEST}"
    told = {
        "job_id": job.job_id, "job": job.kind, "state": state.value, "requester": job.requester,
        "submitted_at": _time(job.submitted_at), "started_at": _time(job.started_at),
        "ended_at": _time(ended_at), "attempts": job.attempts,
        "input_digest": digest_of(job.kind, job.input_json), "result": dict(result or {}),
        "files": [
            {"uri": one.uri, "rows": one.rows, "bytes": one.size_bytes, "sha256": one.sha256} for one in files
        ],
        # As text: JavaScript cannot represent it as a number.
        "snapshot_id": None if snapshot_id is None else str(snapshot_id), "error": error,
    }  # fmt: skip
    body = json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    store.put_bytes(uri, body.encode(errors="backslashreplace"), content_type=CONTENT_TYPE)
    return uri


def job_folder(results: str, job_id: str) -> str:
    """The URI below which everything of a job is, with a slash at the end."""
    return f"{results}{job_id}/"


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
