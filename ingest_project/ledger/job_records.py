"""The records of jobs: who asked for what. The life of a job is that of its object version and its batches.

So redelivery, attempts, failure, the DLQ, retry and history of a job are those of every object. What a
record adds is derived here: a job's state follows from the state of its object version.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.errors import IdempotencyConflict
from ingest_project.ledger.job_model import JobRecord, JobState
from ingest_project.ledger.model import DISMISSED, UNREAD, ObjectState
from ingest_project.ledger.sql import chunks, insert_ignoring
from ingest_project.ledger.tables import (
    UtcDateTime,
    attempts,
    batch_objects,
    batches,
    job_work,
    jobs,
    object_id,
    object_versions,
)
from ingest_project.settings.job_settings import job_table
from ingest_project.settings.message_tables import QUEUE_SCHEME
from ingest_project.sources.jobs.request import JobRequest
from ingest_project.sources.source import Claim

_RUNS = attempts.join(batch_objects, batch_objects.c.batch_id == attempts.c.batch_id)


def _of_its_runs(value: sa.ColumnElement[Any]) -> sa.Select[Any]:
    mine = batch_objects.c.object_id == jobs.c.object_id
    return sa.select(value).select_from(_RUNS).where(mine).correlate(jobs)


_STARTED_AT = _of_its_runs(sa.func.min(attempts.c.started_at)).scalar_subquery()
_STARTS = _of_its_runs(sa.func.count()).scalar_subquery()
_RUN_ID = _of_its_runs(attempts.c.run_id).order_by(attempts.c.started_at.desc()).limit(1).scalar_subquery()
_SETTLED_AT = (
    sa.select(sa.func.max(batches.c.settled_at))
    .select_from(batches.join(batch_objects, batch_objects.c.batch_id == batches.c.batch_id))
    .where(batch_objects.c.object_id == jobs.c.object_id)
    .correlate(jobs)
    .scalar_subquery()
)
_version = object_versions.c
_IS_BEGUN = (
    sa.select(sa.func.min(attempts.c.number))
    .where(attempts.c.batch_id == _version.batch_id)
    .correlate(object_versions)
    .scalar_subquery()
    .is_not(None)
)
"""Whether a run has begun its batch of now: a job that a person has tried again has another one."""
_IS_DISMISSED = sa.and_(_version.state == ObjectState.SKIPPED, _version.reason.startswith(DISMISSED))
STATE = sa.case(
    (_version.state == ObjectState.COMMITTED, JobState.COMPLETED.value),
    (sa.or_(_version.state.in_(UNREAD), _IS_DISMISSED), JobState.FAILED.value),
    (_version.state.in_((ObjectState.SKIPPED, ObjectState.SUPERSEDED)), JobState.CANCELLED.value),
    (_IS_BEGUN, JobState.RUNNING.value),
    (_version.object_id.is_not(None), JobState.QUEUED.value),
    (jobs.c.cancel_requested_at.is_not(None), JobState.CANCELLED.value),
    else_=JobState.SUBMITTED.value,
)
"""The state of a job, of `jobs` joined with `object_versions`. One that was dismissed stays failed."""
ENDED_AT = sa.type_coerce(
    sa.case(
        (_version.state.in_((ObjectState.PENDING, ObjectState.PLANNED)), sa.null()),
        (_version.object_id.is_(None), jobs.c.cancel_requested_at),
        else_=sa.func.coalesce(sa.case((_IS_DISMISSED, sa.null()), else_=_version.settled_at), _SETTLED_AT),
    ),
    UtcDateTime(),
)
JOINED = jobs.outerjoin(object_versions, _version.object_id == jobs.c.object_id)
IS_ACCEPTED = sa.or_(jobs.c.sent_at.is_not(None), _version.object_id.is_not(None))
"""Whether SQS has had the request: otherwise nobody was told that it is accepted."""


def submit(
    connection: sa.Connection, queue: str, request: JobRequest, *, idempotency_id: str | None
) -> tuple[JobRecord, bool]:
    """Record a request; gives its job and whether it is new.

    The same idempotency id gives the job that it was first used for. Raises IdempotencyConflict if that one
    was asked for something else.
    """
    insert_ignoring(connection, jobs, [_row(queue, request) | {"idempotency_id": idempotency_id}])
    by_key = jobs.c.idempotency_id == idempotency_id
    by_id = jobs.c.job_id == request.job_id
    found = record(connection.execute(selected().where(by_id if idempotency_id is None else by_key)).one())
    if (found.kind, found.input_json) != (request.kind, request.input_json):
        raise IdempotencyConflict(found.job_id)
    return found, found.job_id == request.job_id


def sent(connection: sa.Connection, job_id: str, now: datetime) -> None:
    """Record that SQS has the request."""
    connection.execute(
        sa.update(jobs).where(jobs.c.job_id == job_id, jobs.c.sent_at.is_(None)).values(sent_at=now)
    )


def record_claimed(connection: sa.Connection, queue: str, claims: Sequence[Claim]) -> list[tuple[str, str]]:
    """Record the requests that came from the queue alone.

    Gives the object versions of jobs that were cancelled before they came, each with the reason.
    """
    requests = [one.request for claim in claims for one in claim.objects if one.request is not None]
    if not requests:
        return []
    insert_ignoring(connection, jobs, [_row(queue, one) for one in requests])
    cancelled: list[tuple[str, str]] = []
    for chunk in chunks(one.job_id for one in requests):
        is_new = jobs.c.job_id.in_(chunk), sa.not_(jobs.c.claimed)
        connection.execute(sa.update(jobs).where(*is_new).values(claimed=True))
        query = sa.select(jobs.c.object_id, jobs.c.cancelled_by).where(
            jobs.c.job_id.in_(chunk), jobs.c.cancel_requested_at.is_not(None)
        )
        cancelled += [(row.object_id, cancellation(row.cancelled_by)) for row in connection.execute(query)]
    return cancelled


def add_work(
    connection: sa.Connection, job_id: str, *, object_ids: Iterable[str] = (), batch_ids: Iterable[str] = ()
) -> None:
    """Record work that this job has ended only with; what is recorded already stays as it is."""
    rows = [
        {"job_id": job_id, "work_id": one, "is_batch": is_batch}
        for ids, is_batch in ((object_ids, False), (batch_ids, True))
        for one in ids
    ]
    insert_ignoring(connection, job_work, rows)


def cancellation(by: str | None) -> str:
    """The reason of a job's object version that was cancelled."""
    return f"cancelled by {by or 'a person'}"


def mirror_again(connection: sa.Connection, object_ids: Collection[str]) -> None:
    """Have the mirror told of jobs that were put back: their last state, which it has, was a final one."""
    for chunk in chunks(object_ids):
        connection.execute(sa.update(jobs).where(jobs.c.object_id.in_(chunk)).values(mirrored=None))


def job(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> JobRecord | None:
    """The one job for which the conditions hold."""
    row = connection.execute(selected().where(*where)).one_or_none()
    return None if row is None else record(row)


def _row(queue: str, request: JobRequest) -> dict[str, Any]:
    identity = (job_table(request.kind), f"{QUEUE_SCHEME}{queue}", request.job_id, request.digest)
    return {
        "job_id": request.job_id,
        "object_id": object_id(*identity),
        "queue": queue,
        "kind": request.kind,
        "requester": request.requester,
        "input": request.input_json,
        "request_id": request.request_id,
        "submitted_at": request.at,
        "waits": False,
        "claimed": False,
        "mirror_number": 0,
    }


def selected(joined: sa.FromClause = JOINED) -> sa.Select[Any]:
    """A query of jobs, which `record` reads; `joined` is `jobs` with `object_versions`."""
    return sa.select(
        jobs,
        STATE.label("state"),
        ENDED_AT.label("ended_at"),
        sa.type_coerce(_STARTED_AT, UtcDateTime()).label("started_at"),
        _STARTS.label("starts"),
        _RUN_ID.label("run_id"),
        _version.claimed_at,
        _version.error_class,
        _version.reason,
    ).select_from(joined)


def record(row: sa.Row[Any]) -> JobRecord:
    """The job of a row of `selected`."""
    return JobRecord(
        job_id=row.job_id, queue=row.queue, kind=row.kind, requester=row.requester,
        state=JobState(row.state), input_json=row.input, submitted_at=row.submitted_at,
        queued_at=row.claimed_at, started_at=row.started_at, ended_at=row.ended_at, attempts=row.starts,
        run_id=row.run_id, request_id=row.request_id,
        error_class=row.error_class if row.state == JobState.FAILED else None,
        reason=row.reason, cancel_requested_at=row.cancel_requested_at, cancelled_by=row.cancelled_by,
        progress=_parsed(row.progress), result=_parsed(row.result), manifest=row.manifest, waits=row.waits,
        object_id=row.object_id,
    )  # fmt: skip


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)
