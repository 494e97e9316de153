"""What the ledger can be asked about jobs. Each method is one transaction, as those of `Ledger`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger import job_lists, job_records
from ingest_project.ledger.database import Database
from ingest_project.ledger.job_model import (
    JobCounts,
    JobQuery,
    JobRecord,
    JobState,
    JobWork,
    MirroredJob,
)
from ingest_project.ledger.job_records import IS_ACCEPTED, JOINED
from ingest_project.ledger.job_work import add_work_under_way
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.model import SETTLED, BatchState, ObjectState
from ingest_project.ledger.settle import settle_unread
from ingest_project.ledger.sql import exclusively, total
from ingest_project.ledger.tables import batch_objects, batches, job_work, jobs, object_versions
from ingest_project.settings.clocks import Clock
from ingest_project.sources.jobs.request import JobRequest, canonical


class JobLedger:
    """The part of the ledger that knows who asked for which job, and what became of it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def submit(
        self, queue: str, request: JobRequest, *, idempotency_id: str | None = None
    ) -> tuple[JobRecord, bool]:
        """Record a request; gives its job, and whether it is new.

        The same idempotency id gives the job that it was first used for; raises IdempotencyConflict if that
        one was asked for something else.
        """
        with self._database.writing() as connection:
            return job_records.submit(connection, queue, request, idempotency_id=idempotency_id)

    def sent(self, job_id: str) -> None:
        """Record that SQS has the request of this job, so that it is accepted."""
        with self._database.writing() as connection:
            job_records.sent(connection, job_id, self._clock())

    def is_accepted(self, job_id: str) -> bool:
        """Whether SQS has had the request of this job, as far as the ledger knows."""
        query = sa.select(sa.literal(1)).select_from(JOINED).where(jobs.c.job_id == job_id, IS_ACCEPTED)
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def request(self, job_id: str) -> JobRequest | None:
        """The request of this job, as it was recorded."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
        if row is None:
            return None
        return JobRequest(job_id, row.kind, row.input, row.requester, row.submitted_at, row.request_id)

    def job(self, job_id: str) -> JobRecord | None:
        """The job with this id; None if there is none."""
        with self._database.reading() as connection:
            return job_records.job(connection, jobs.c.job_id == job_id)

    def job_of_batch(self, batch_id: str) -> JobRecord | None:
        """The job that this batch is; None if it is a batch of objects."""
        mine = sa.select(batch_objects.c.object_id).where(batch_objects.c.batch_id == batch_id)
        with self._database.reading() as connection:
            return job_records.job(connection, jobs.c.object_id.in_(mine))

    def jobs(self, query: JobQuery) -> list[JobRecord]:
        """The accepted jobs that the query asks for, the newest first."""
        with self._database.reading() as connection:
            return job_lists.listed(connection, query)

    def cancel(self, job_id: str, *, by: str) -> JobRecord | None:
        """Cancel a job: at once if no run has begun it, else a tick of the queue's sensor ends its run.

        One that has ended stays as it is. A second call has no further effect. None: there is no such job.
        """
        with self._database.writing() as connection:
            found = job_records.job(connection, jobs.c.job_id == job_id)
            if found is None:
                return None
            exclusively(connection, found.queue)
            found = job_records.job(connection, jobs.c.job_id == job_id)  # as it is now that it is locked
            if found is None or found.state.is_final:
                return found
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.job_id == job_id, jobs.c.cancel_requested_at.is_(None))
                .values(cancel_requested_at=self._clock(), cancelled_by=by, mirrored=None)
            )
            if found.state == JobState.QUEUED:
                _close(connection, found.object_id, job_records.cancellation(by), self._clock())
            return job_records.job(connection, jobs.c.job_id == job_id)

    def end_cancelled(self, job_id: str) -> None:
        """End a job whose cancellation was asked for, after its runs have been ended. May be repeated."""
        with self._database.writing() as connection:
            found = job_records.job(connection, jobs.c.job_id == job_id)
            if found is None or found.cancel_requested_at is None:
                return
            exclusively(connection, found.queue)
            found = job_records.job(connection, jobs.c.job_id == job_id)
            if found is not None and not found.state.is_final:
                reason = job_records.cancellation(found.cancelled_by)
                _close(connection, found.object_id, reason, self._clock())

    def tell(
        self,
        job_id: str,
        *,
        progress: Mapping[str, Any] | None = None,
        result: Mapping[str, Any] | None = None,
        manifest: str | None = None,
    ) -> None:
        """Record what a run says of its job; what is None stays as it is."""
        values: dict[str, Any] = {"manifest": manifest} if manifest is not None else {}
        values |= {"progress": canonical(progress)} if progress is not None else {}
        values |= {"result": canonical(result)} if result is not None else {}
        if values:
            values["mirrored"] = None
            with self._database.writing() as connection:
                connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(values))

    def wait_for(
        self, job_id: str, *, object_ids: Collection[str] = (), batch_ids: Collection[str] = ()
    ) -> None:
        """Record that the run of a job has ended: the job ends when all of its work is settled.

        That is this work, and what was recorded for the job before.
        """
        with self._database.writing() as connection:
            job_records.add_work(connection, job_id, object_ids=object_ids, batch_ids=batch_ids)
            connection.execute(sa.update(jobs).where(jobs.c.job_id == job_id).values(waits=True))

    def add_work(
        self, job_id: str, *, object_ids: Collection[str] = (), batch_ids: Collection[str] = ()
    ) -> None:
        """Record work of a job whose run goes on; a second call has no further effect."""
        with self._database.writing() as connection:
            job_records.add_work(connection, job_id, object_ids=object_ids, batch_ids=batch_ids)

    def add_work_under_way(self, job_id: str, listed: Sequence[ListedWrite]) -> None:
        """Record as work of a job what waits, or is being ingested, of the keys of these writes."""
        with self._database.writing() as connection:
            add_work_under_way(connection, job_id, listed)

    def waiting(self, queue: str) -> int:
        """How many open jobs of the queue wait for work that they have put in: these need no run any more."""
        query = (
            sa.select(sa.func.count())
            .select_from(jobs.join(object_versions, object_versions.c.object_id == jobs.c.object_id))
            .where(
                object_versions.c.state == ObjectState.PLANNED,
                object_versions.c.queue == queue,
                jobs.c.waits,
            )
        )
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def work(self, job_id: str) -> JobWork:
        """How far the work is that the job waits for."""
        with self._database.reading() as connection:
            parts = [
                JobWork(*connection.execute(query).one())
                for query in (_work_of_objects(job_id), _work_of_batches(job_id))
            ]
        return parts[0] + parts[1]

    def counts(self, *, since: datetime) -> list[JobCounts]:
        """Open jobs, and those that ended since then, by kind and state."""
        with self._database.reading() as connection:
            return job_lists.counts(connection, since=since)

    def open_jobs(self, *, submitted_before: datetime, limit: int) -> list[JobRecord]:
        """Accepted jobs that have not ended and were submitted before this time, the oldest first."""
        with self._database.reading() as connection:
            return job_lists.open_jobs(connection, submitted_before=submitted_before, limit=limit)

    def unmirrored(self, *, limit: int) -> list[MirroredJob]:
        """Accepted jobs of which the mirror does not have all, each with the next of its numbers."""
        with self._database.reading() as connection:
            ids = job_lists.unmirrored(connection, limit=limit)
        if not ids:
            return []
        with self._database.writing() as connection:
            return job_lists.numbered(connection, ids)

    def mirrored(self, job_id: str, state: JobState, *, number: int) -> None:
        """Record that the mirror has this state of the job, unless a higher number was given out since."""
        with self._database.writing() as connection:
            is_last = jobs.c.job_id == job_id, jobs.c.mirror_number == number
            connection.execute(sa.update(jobs).where(*is_last).values(mirrored=state.value))


def _close(connection: sa.Connection, object_id: str, reason: str, now: datetime) -> None:
    """Settle a cancelled job, and close its batch if it has one: a late run finds it closed."""
    planned = sa.select(batch_objects.c.batch_id).where(batch_objects.c.object_id == object_id)
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id.in_(planned), batches.c.state == BatchState.PLANNED)
        .values(state=BatchState.ABANDONED, settled_at=now, heartbeat_at=None, error=reason)
    )
    settle_unread(connection, [(object_id, reason)], state=ObjectState.SKIPPED, now=now)


def _work_of_objects(job_id: str) -> sa.Select[*tuple[Any, ...]]:
    version = object_versions.c
    mine = job_work.c.job_id == job_id, ~job_work.c.is_batch
    joined = job_work.outerjoin(object_versions, version.object_id == job_work.c.work_id)
    done = version.state.in_(SETTLED)
    failed = version.state == ObjectState.FAILED
    return sa.select(
        sa.func.count(), _count(sa.or_(done, version.object_id.is_(None))), _count(failed),
        total(version.rows), total(sa.case((done, version.size_bytes), else_=0)), total(version.size_bytes),
        sa.func.min(sa.case((failed, version.reason))),
    ).select_from(joined).where(*mine)  # fmt: skip


def _work_of_batches(job_id: str) -> sa.Select[*tuple[Any, ...]]:
    batch = batches.c
    mine = job_work.c.job_id == job_id, job_work.c.is_batch
    joined = job_work.outerjoin(batches, batch.batch_id == job_work.c.work_id)
    failed = batch.state == BatchState.FAILED
    done = sa.or_(batch.state.in_((BatchState.COMMITTED, BatchState.ABANDONED)), batch.batch_id.is_(None))
    objects = sa.func.coalesce(batch.objects, 0)
    return sa.select(
        total(objects), total(sa.case((done, objects), else_=0)), total(sa.case((failed, objects), else_=0)),
        total(batch.rows), total(sa.case((done, batch.size_bytes), else_=0)), total(batch.size_bytes),
        sa.func.min(sa.case((failed, batch.error))),
    ).select_from(joined).where(*mine)  # fmt: skip


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return total(sa.case((condition, 1), else_=0))
