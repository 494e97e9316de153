"""Finds jobs by state, kind and requester without reading all of those that ended long ago.

The state of a job is that of its object version, so those of one state are found by the index of the object
versions that are jobs, and those that no message has brought yet by `claimed`. Only completed jobs, the most,
are read in the order of their submission.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from ingest_project.ledger.job_model import (
    JobCounts,
    JobQuery,
    JobRecord,
    JobState,
    MirroredJob,
)
from ingest_project.ledger.job_records import ENDED_AT, IS_ACCEPTED, JOINED, STATE, record, selected
from ingest_project.ledger.model import SETTLED, UNREAD, ObjectState
from ingest_project.ledger.sql import chunks, seconds_between
from ingest_project.ledger.tables import IS_JOB, jobs, object_versions

OPEN_STATES: Final = (JobState.SUBMITTED, JobState.QUEUED, JobState.RUNNING)
_version = object_versions.c
_CLAIMED = object_versions.join(jobs, jobs.c.object_id == _version.object_id)
_OPEN: Final = (ObjectState.PENDING, ObjectState.PLANNED)
_VERSIONS: Mapping[JobState, tuple[ObjectState, ...]] = MappingProxyType(
    {
        JobState.SUBMITTED: (),
        JobState.QUEUED: _OPEN,
        JobState.RUNNING: _OPEN,
        JobState.FAILED: (*UNREAD, ObjectState.SKIPPED),
        JobState.CANCELLED: (ObjectState.SKIPPED, ObjectState.SUPERSEDED),
    }
)
"""The states that the object versions of jobs in this state may have."""
_UNCLAIMED: Final = (JobState.SUBMITTED, JobState.CANCELLED)
_IS_UNCLAIMED = sa.and_(jobs.c.claimed == sa.false(), jobs.c.sent_at.is_not(None))
_COUNTED = (jobs.c.kind, STATE.label("state"), jobs.c.submitted_at, ENDED_AT.label("ended_at"))


def listed(connection: sa.Connection, query: JobQuery) -> list[JobRecord]:
    """The accepted jobs that the query asks for, the newest first."""
    where = list(_conditions(query))
    newest = jobs.c.submitted_at.desc(), jobs.c.job_id.desc()
    if query.state not in (None, JobState.COMPLETED):
        found = _in_states(connection, (query.state,), where, newest, query.limit)
        return sorted(found, key=lambda one: (one.submitted_at, one.job_id), reverse=True)[: query.limit]
    if query.state is not None:
        # Not STATE, of which PostgreSQL expects few, nor equality, for which SQLite takes another index.
        others = [one for one in ObjectState if one is not ObjectState.COMMITTED]
        where.append(_version.state.not_in(others))
    rows = connection.execute(selected().where(IS_ACCEPTED, *where).order_by(*newest).limit(query.limit))
    return [record(row) for row in rows]


def open_jobs(connection: sa.Connection, *, submitted_before: datetime, limit: int) -> list[JobRecord]:
    """Accepted jobs that have not ended and were submitted before this time, the oldest first."""
    where = [jobs.c.submitted_at < submitted_before]
    oldest = jobs.c.submitted_at, jobs.c.job_id
    found = _in_states(connection, OPEN_STATES, where, oldest, limit)
    return sorted(found, key=lambda one: (one.submitted_at, one.job_id))[:limit]


def counts(connection: sa.Connection, *, since: datetime) -> list[JobCounts]:
    """Open jobs, and those that ended since then, by kind and state; the database counts them."""
    claimed = sa.select(*_COUNTED).select_from(_CLAIMED).where(IS_JOB)
    is_failed = _version.state == ObjectState.FAILED, _version.settled_at.is_(None)
    found = sa.union_all(
        claimed.where(_version.state.in_(_OPEN)),
        claimed.where(_version.state.in_(SETTLED), _version.settled_at >= since),
        # A failed one is not settled; its next try would have been after its failure.
        claimed.where(*is_failed, _version.not_before >= since),
        sa.select(*_COUNTED).select_from(JOINED).where(_IS_UNCLAIMED),
    ).subquery("found")
    kind, state, submitted_at, ended_at = found.c
    seconds = sa.func.sum(seconds_between(connection, submitted_at, ended_at))
    query = (
        sa.select(kind, state, sa.func.count(), sa.func.min(submitted_at), sa.func.coalesce(seconds, 0.0))
        .where(sa.or_(ended_at.is_(None), ended_at >= since))
        .group_by(kind, state)
        .order_by(kind, state)
    )
    return [
        JobCounts(kind, JobState(state), jobs, oldest_at, float(seconds))
        for kind, state, jobs, oldest_at, seconds in connection.execute(query)
    ]


def unmirrored(connection: sa.Connection, *, limit: int) -> list[str]:
    """The ids of accepted jobs of which the mirror does not have all."""
    not_final = sa.or_(jobs.c.mirrored.is_(None), jobs.c.mirrored.in_(OPEN_STATES))
    differs = sa.or_(jobs.c.mirrored.is_(None), jobs.c.mirrored != STATE)
    query = sa.select(jobs.c.job_id).select_from(JOINED).where(not_final, differs, IS_ACCEPTED)
    return list(connection.scalars(query.limit(limit)))


def numbered(connection: sa.Connection, job_ids: Sequence[str]) -> list[MirroredJob]:
    """These jobs, each with the next of its numbers.

    The number is taken first, which locks the job: whoever gets a higher one has read later.
    """
    found: list[MirroredJob] = []
    for chunk in chunks(job_ids):
        mine = jobs.c.job_id.in_(chunk)
        connection.execute(sa.update(jobs).where(mine).values(mirror_number=jobs.c.mirror_number + 1))
        rows = connection.execute(selected().where(mine))
        found += [MirroredJob(record(row), row.mirror_number) for row in rows]
    return found


def _conditions(query: JobQuery) -> Iterable[sa.ColumnElement[bool]]:
    if query.requester is not None:
        yield jobs.c.requester == query.requester
    if query.kind is not None:
        yield jobs.c.kind == query.kind
    if query.after is not None:
        at, job_id = query.after
        yield jobs.c.submitted_at <= at
        yield sa.or_(jobs.c.submitted_at < at, jobs.c.job_id < job_id)


def _in_states(
    connection: sa.Connection,
    states: tuple[JobState, ...],
    where: list[sa.ColumnElement[bool]],
    order: tuple[sa.ColumnElement[Any], ...],
    limit: int,
) -> list[JobRecord]:
    """At most `limit` of the claimed jobs in these states, and as many of those that were not claimed."""
    of_versions = sorted({one for state in states for one in _VERSIONS[state]})
    in_state = STATE.in_([state.value for state in states])
    queries = []
    if of_versions:
        queries.append(selected(_CLAIMED).where(IS_JOB, _version.state.in_(of_versions)))
    if set(states).intersection(_UNCLAIMED):
        queries.append(selected().where(_IS_UNCLAIMED))
    return [
        record(row)
        for query in queries
        for row in connection.execute(query.where(in_state, *where).order_by(*order).limit(limit))
    ]
