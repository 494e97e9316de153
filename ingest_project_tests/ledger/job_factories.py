"""Builders of jobs in the ledger: requests, and the ends that their jobs come to."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from ingest_project.ingestion.intake import job_rules
from ingest_project.ledger.job_model import JobRecord
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import FailedObject
from ingest_project.settings.job_settings import JobKindSettings, JobsSettings
from ingest_project.sources.jobs.job_requests import routed_job
from ingest_project.sources.jobs.request import JobRequest, canonical
from ingest_project_tests.ledger.factories import NOW, claim, outcome, start

REQUESTS = "requests"
JOBS = JobsSettings(results="s3://acme/results/", kinds={"weather": JobKindSettings(job="acme.jobs:weather")})

_serial = count(1)


def request(kind: str = "export", *, at: datetime = NOW, **fields: Any) -> JobRequest:
    """A request of ann's for a job; its id is unique."""
    values = {
        "job_id": f"{next(_serial):032x}", "kind": kind, "input_json": canonical({"table": "sales.orders"}),
        "requester": "ann", "at": at, "request_id": "request-1",
    }  # fmt: skip
    return JobRequest(**{**values, **fields})


def submit(ledger: Ledger, one: JobRequest, *, key: str | None = None, queue: str = REQUESTS) -> JobRecord:
    """Record the request, and that SQS has it."""
    job, _ = ledger.jobs.submit(queue, one, idempotency_id=key)
    ledger.jobs.sent(job.job_id)
    return job


def bring(
    ledger: Ledger, *requests: JobRequest, message_id: str | None = None, queue: str = REQUESTS
) -> None:
    """Claim messages of the jobs' queue, each with one request."""
    claims = [claim(routed_job(queue, one), message_id=message_id) for one in requests]
    ledger.claim_and_plan(
        queue, claims, rules=[], max_in_flight=4, invisible_until=NOW + timedelta(minutes=5)
    )


def plan_jobs(ledger: Ledger, queue: str = REQUESTS) -> list[str]:
    """Plan what waits in the jobs' queue; returns all of its open batches."""
    ledger.claim_and_plan(queue, [], rules=job_rules(JOBS), max_in_flight=100, invisible_until=NOW)
    return [one.batch_id for one in ledger.open_batches(queue)]


def run(ledger: Ledger, one: JobRequest, *, run_id: str = "run-1", queue: str = REQUESTS) -> str:
    """Submit, claim, plan and start a job; returns its batch."""
    submit(ledger, one, queue=queue)
    bring(ledger, one, queue=queue)
    (batch_id,) = [mine for mine in plan_jobs(ledger, queue) if _job_of(ledger, mine) == one.job_id]
    start(ledger, batch_id, run_id)
    return batch_id


def complete(ledger: Ledger, one: JobRequest, *, run_id: str = "run-1", queue: str = REQUESTS) -> None:
    """The whole way of a job that ends well."""
    batch_id = run(ledger, one, run_id=run_id, queue=queue)
    members = ledger.start(batch_id, run_id=run_id)
    assert members is not None
    ids = [member.object_id for member in members.objects]
    ledger.confirm(batch_id, run_id=run_id, object_ids=ids)
    done = outcome(dict.fromkeys(ids, 0), snapshot_id=None, committed_at=ledger._clock())
    ledger.settle(batch_id, run_id=run_id, outcome=done)


def fail(ledger: Ledger, one: JobRequest, *, run_id: str = "run-1", queue: str = REQUESTS) -> None:
    """The whole way of a job that fails for good."""
    batch_id = run(ledger, one, run_id=run_id, queue=queue)
    members = ledger.start(batch_id, run_id=run_id)
    assert members is not None
    failures = [
        FailedObject(one.object_id, "job_failed", "it is too warm", transient=False, on_error="release")
        for one in members.objects
    ]
    ended = outcome(failures=failures, snapshot_id=None, committed_at=ledger._clock())
    ledger.settle(batch_id, run_id=run_id, outcome=ended)


def state_of(ledger: Ledger, one: JobRequest) -> str:
    found = ledger.jobs.job(one.job_id)
    assert found is not None
    return found.state.value


def _job_of(ledger: Ledger, batch_id: str) -> str | None:
    found = ledger.jobs.job_of_batch(batch_id)
    return None if found is None else found.job_id
