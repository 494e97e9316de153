"""The operations on jobs: submit, follow, list, cancel."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import ValidationError

from ingest_project.api.answers import (
    JOB_ID_PATTERN,
    JobList,
    JobStatus,
    Kind,
    Kinds,
    ListJobs,
    SubmitJob,
    job_status,
)
from ingest_project.api.caller import BearerToken, Body, Caller, Shared
from ingest_project.api.guard import notes_of
from ingest_project.api.openapi_parts import JOB_LINKS, SUBMIT_BODY, SUBMITTED_HEADERS, problems
from ingest_project.api.problems import FieldError, Problem, invalid
from ingest_project.api.requester import Requester
from ingest_project.api.strict_json import parse_json
from ingest_project.ingestion.jobs.inputs import INPUTS
from ingest_project.ingestion.jobs.jobs import Asked, Jobs
from ingest_project.ledger.job_model import JobQuery, JobRecord, JobState
from ingest_project.sources.jobs.request import JOB_ID

POLL_SECONDS = 2

router = APIRouter(dependencies=[BearerToken])

JobId = Annotated[str, Path(description="The `id` of a job.", json_schema_extra={"pattern": JOB_ID_PATTERN})]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=256, pattern="^[!-~]+$",
        description="A name for this request, of your choice: sent again, it is the same job.",
    ),
]  # fmt: skip


@router.post(
    "/submit-job",
    status_code=202,
    operation_id="submit_job",
    summary="Ask for a job",
    responses={
        202: {"description": "SQS has the request.", "headers": SUBMITTED_HEADERS, "links": JOB_LINKS},
        **problems(400, 401, 403, 408, 413, 415, 421, 422, 429, 503),
    },
    openapi_extra={"requestBody": SUBMIT_BODY},
)
def submit_job(
    request: Request, response: Response, api: Shared, received: Body, idempotency_key: IdempotencyKey = None
) -> JobStatus:
    """Accepts a job once SQS has its request. The same key with the same body is the same job."""
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Problem("invalid-request", "send one key", [FieldError("Idempotency-Key", "is given twice")])
    requester, asked = received.requester, _submitted(received.body)
    _check_scopes(requester, asked)
    notes = notes_of(request)
    by = Asked(requester.name, idempotency_key, notes.request_id)
    job, is_new = api.deployment.jobs().submit(asked.job, asked.input, by)
    notes.job_id = job.job_id
    if is_new:
        api.metrics.submitted(job.kind)
    response.headers["Location"] = f"/job-status/{job.job_id}"
    response.headers["Retry-After"] = str(POLL_SECONDS)
    return job_status(job)


@router.get(
    "/job-status/{job_id}",
    operation_id="job_status",
    summary="What became of a job",
    responses={200: {"links": JOB_LINKS}, **problems(401, 404, 421, 429, 503)},
)
def get_job_status(
    request: Request, response: Response, api: Shared, requester: Caller, job_id: JobId
) -> JobStatus:
    """The job's state, times, attempts and progress, its error, or its result with a link to the manifest."""
    jobs = api.deployment.jobs()
    job = _found(jobs, requester, job_id, sees_all=requester.reads_all)
    notes_of(request).job_id = job.job_id
    if not job.state.is_final:
        response.headers["Retry-After"] = str(POLL_SECONDS)
    return job_status(job, jobs.result_link(job) if job.state is JobState.COMPLETED else None)


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    operation_id="cancel_job",
    summary="Cancel a job",
    responses={202: {"links": JOB_LINKS}, **problems(401, 404, 409, 421, 429, 503)},
)
def cancel_job(request: Request, api: Shared, requester: Caller, job_id: JobId) -> JobStatus:
    """Cancels a job at once if it waits; if it runs, its run is ended soon after."""
    jobs = api.deployment.jobs()
    sees_all = requester.reads_all or requester.cancels_all
    job = _found(jobs, requester, job_id, sees_all=sees_all)
    notes_of(request).job_id = job.job_id
    if job.requester != requester.name and not requester.cancels_all:
        raise Problem("missing-scope", "a job of another requester needs the scope jobs:cancel_all")
    cancelled = None if job.state.is_final else jobs.cancel(job_id, by=requester.name)
    if cancelled is None or (cancelled.state.is_final and cancelled.state is not JobState.CANCELLED):
        raise Problem("job-ended", "it cannot be cancelled any more")
    return job_status(cancelled)


@router.get(
    "/jobs",
    operation_id="list_jobs",
    summary="List jobs, the newest first",
    responses=problems(401, 421, 422, 429, 503),
)
def list_jobs(api: Shared, requester: Caller, query: Annotated[ListJobs, Query()]) -> JobList:
    """Your own jobs; with the scope `jobs:read_all`, everybody's."""
    asked = JobQuery(
        requester=None if requester.reads_all else requester.name,
        kind=query.job,
        state=query.state,
        after=None if query.cursor is None else _position(query.cursor),
        limit=query.limit + 1,
    )
    found = api.deployment.jobs().jobs(asked)
    page = found[: query.limit]
    return JobList(
        jobs=[job_status(one) for one in page],
        next_cursor=_cursor(page[-1]) if len(found) > len(page) else None,
    )


@router.get(
    "/kinds",
    operation_id="list_kinds",
    summary="The kinds of jobs that you may ask for",
    responses=problems(401, 421, 429, 503),
)
def list_kinds(api: Shared, requester: Caller) -> Kinds:
    """Each kind with the JSON Schema of its input; the schema lists the tables that you may use."""
    found = api.deployment.kind_schemas(requester)
    return Kinds(kinds=[Kind(name=name, description=text, input=schema) for name, text, schema in found])


def _submitted(body: bytes) -> SubmitJob:
    try:
        value = parse_json(body)
    except ValueError as error:
        raise Problem("invalid-json", str(error), [FieldError("body", str(error))]) from None
    try:
        return SubmitJob.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def _check_scopes(requester: Requester, asked: SubmitJob) -> None:
    if not requester.may_ask_for(asked.job):
        raise _missing("job", f"job:{asked.job}")
    table: Any = asked.input.get("table") if asked.job in INPUTS else None
    if isinstance(table, str) and not requester.may_use(table):
        raise _missing("input.table", "table: and its name")


def _missing(field: str, scope: str) -> Problem:
    error = FieldError(field, f"needs the scope {scope}")
    return Problem("missing-scope", "ask for a token with more scopes", [error])


def _found(jobs: Jobs, requester: Requester, job_id: str, *, sees_all: bool) -> JobRecord:
    """A job that this requester may see; to others it does not exist."""
    job = jobs.job(job_id) if JOB_ID.fullmatch(job_id) else None
    if job is None or not (sees_all or job.requester == requester.name):
        raise Problem("not-found", "there is no job with this id")
    return job


def _cursor(job: JobRecord) -> str:
    """The place after this job: its time in microseconds, which every database keeps, and its id."""
    text = f"{int(job.submitted_at.timestamp() * 1_000_000):x}.{job.job_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        time, _, job_id = text.partition(".")
        at = datetime.fromtimestamp(int(time, 16) / 1_000_000, UTC)
    except (binascii.Error, ValueError, OverflowError, OSError):
        job_id = ""
    if not JOB_ID.fullmatch(job_id):
        raise Problem(
            "invalid-request", "leave it out, or use the `next_cursor` of an answer",
            [FieldError("cursor", "is not one that this API has given")],
        )  # fmt: skip
    return at, job_id
