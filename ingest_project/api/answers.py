"""What the API answers, and what it takes: the models from which its OpenAPI document is made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ingest_project.ingestion.jobs.jobs import ResultLink
from ingest_project.ledger.job_model import JobRecord, JobState

JOB_ID_PATTERN = "^[0-9a-f]{32}$"
KIND_PATTERN = "^[a-z][a-z0-9_]{0,62}$"
CURSOR_PATTERN = "^[A-Za-z0-9_-]{1,200}$"

KindText = Annotated[str, StringConstraints(pattern=KIND_PATTERN)]


class SubmitJob(BaseModel):
    """A request for a job."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    job: KindText = Field(description="The kind of job; `GET /kinds` lists them.", examples=["ingest"])
    input: dict[str, Any] = Field(default_factory=dict, description="What the kind needs; see `GET /kinds`.")


class ListJobs(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    job: KindText | None = Field(default=None, description="Only jobs of this kind.")
    state: JobState | None = Field(default=None, description="Only jobs in this state.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Annotated[str, StringConstraints(pattern=CURSOR_PATTERN)] | None = Field(
        default=None, description="The `next_cursor` of the answer before."
    )


class Progress(BaseModel):
    """How far a job is, as far as its run knows."""

    objects_done: int | None = None
    objects_total: int | None = None
    rows: int | None = None
    bytes_done: int | None = None
    bytes_total: int | None = None


class JobError(BaseModel):
    """Why a job has failed."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    error_class: str = Field(alias="class", description="A class of docs/errors.md.")
    reason: str


class Manifest(BaseModel):
    """A link to the manifest of the result. Whoever has the link may read it until it expires."""

    url: str
    expires_at: datetime


class JobStatus(BaseModel):
    """A job and what became of it so far. Times are UTC."""

    id: Annotated[str, StringConstraints(pattern=JOB_ID_PATTERN)]
    job: str = Field(description="The kind of job.")
    state: JobState
    submitted_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int = Field(description="How many runs have begun it.")
    cancel_requested: bool
    requester: str
    progress: Progress | None
    error: JobError | None
    result: dict[str, Any] | None
    manifest: Manifest | None = Field(description="Only in the answer for one job that is completed.")


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobStatus]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null: this is the last one.")


class Kind(BaseModel):
    """A kind of job that the requester may ask for."""

    name: str
    description: str
    input: dict[str, Any] = Field(description="The JSON Schema of its input.")


class Kinds(BaseModel):
    """The kinds of jobs that the requester may ask for."""

    kinds: list[Kind]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ProblemError(BaseModel):
    """What is wrong with one field."""

    field: str
    reason: str


class ProblemAnswer(BaseModel):
    """A problem by RFC 9457."""

    type: str = Field(examples=["urn:ingest:problem:job-refused"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The id of the request.")
    errors: list[ProblemError] | None = None


def job_status(job: JobRecord, link: ResultLink | None = None) -> JobStatus:
    """The status of a job, with the link to its manifest if there is one."""
    return JobStatus(
        id=job.job_id,
        job=job.kind,
        state=job.state,
        submitted_at=job.submitted_at,
        queued_at=job.queued_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        attempts=job.attempts,
        cancel_requested=job.cancel_requested_at is not None,
        requester=job.requester,
        progress=None if job.progress is None else _progress(job.progress),
        error=_error(job),
        result=None if job.result is None else dict(job.result),
        manifest=None if link is None else Manifest(url=link.url, expires_at=link.expires_at),
    )


def _progress(told: Mapping[str, Any]) -> Progress:
    return Progress(**{key: told.get(key) for key in Progress.model_fields})


def _error(job: JobRecord) -> JobError | None:
    if job.state is not JobState.FAILED:
        return None
    return JobError(error_class=job.error_class or "unknown", reason=job.reason or "no reason is recorded")
