"""What the ledger answers about jobs has its declared types, in every field, on each database."""

from datetime import timedelta
from typing import get_type_hints

from ingest_project.ledger.job_ledger import JobLedger
from ingest_project.ledger.job_model import JobQuery, JobState
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.model import FailedObject
from ingest_project_tests.ledger.factories import (
    NOW,
    Clock,
    claim,
    commit,
    deliver,
    ingest,
    listed,
    outcome,
    plan_one,
    routed,
    start,
)
from ingest_project_tests.ledger.job_factories import REQUESTS, bring, complete, fail, request, run, submit
from ingest_project_tests.typed_results import WatchedLedger, fields_within, public_methods


def test_every_answer_about_jobs_is_of_its_type_in_every_field(ledger: WatchedLedger, clock: Clock) -> None:
    """A story in which each method is called and each field of the answers has a value."""
    jobs_that_end_well(ledger, clock)
    jobs_that_fail(ledger, clock)
    jobs_that_are_cancelled(ledger)
    jobs_that_wait_for_their_work(ledger)

    assert public_methods(JobLedger) - ledger.called_of_jobs == set()
    promised = {
        field
        for name in public_methods(JobLedger)
        for field in fields_within(get_type_hints(getattr(JobLedger, name))["return"])
    }
    assert sorted(promised - {field for field, held in ledger.seen_of_jobs.items() if held}) == []


def jobs_that_end_well(ledger: Ledger, clock: Clock) -> None:
    """One by the API, submitted twice under one key, and one that only a message brings."""
    one = request()
    submit(ledger, one, key="k")
    submit(ledger, request(), key="k")
    complete(ledger, one)
    ledger.jobs.tell(
        one.job_id, progress={"rows": 7}, result={"rows": 7}, manifest="s3://acme/results/manifest.json"
    )
    other = request()
    bring(ledger, other)
    assert ledger.jobs.is_accepted(other.job_id)
    assert ledger.jobs.request(other.job_id) == other
    clock.advance(minutes=1)
    people_look(ledger)


def jobs_that_fail(ledger: Ledger, clock: Clock) -> None:
    fail(ledger, request())
    clock.advance(minutes=1)
    people_look(ledger)


def jobs_that_are_cancelled(ledger: Ledger) -> None:
    """One that waits, one that runs, and none."""
    waiting = request()
    submit(ledger, waiting)
    bring(ledger, waiting)
    ledger.jobs.cancel(waiting.job_id, by="ann")
    running = request()
    run(ledger, running)
    ledger.jobs.cancel(running.job_id, by="ann")
    assert ledger.jobs.cancel("no such job", by="ann") is None
    ledger.jobs.end_cancelled(running.job_id)
    people_look(ledger)


def jobs_that_wait_for_their_work(ledger: Ledger) -> None:
    """An object that was read, one that failed, and a batch that was settled."""
    one = request()
    ledger.jobs.job_of_batch(run(ledger, one))
    ledger.jobs.job(one.job_id)
    ingest(ledger, routed("read"))
    deliver(ledger, claim(routed("broken")))
    work = start(ledger, plan_one(ledger))
    (broken,) = [member.object_id for member in work.objects]
    failures = [FailedObject(broken, "unreadable", "it is broken", transient=False)]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures))
    deliver(ledger, claim(routed("of a batch")))
    batch_id = plan_one(ledger)
    (member,) = start(ledger, batch_id).objects
    commit(ledger, batch_id)
    ledger.jobs.add_work_under_way(one.job_id, [ListedWrite(listed("read"), NOW)])
    ledger.jobs.add_work(one.job_id, object_ids=[member.object_id])
    ledger.jobs.wait_for(one.job_id, object_ids=[member.object_id, broken], batch_ids=[batch_id])
    assert ledger.jobs.waiting(REQUESTS) == 1

    found = ledger.jobs.work(one.job_id)

    assert (found.total, found.done, found.failed, found.reason) == (3, 2, 1, "it is broken")
    people_look(ledger)


def people_look(ledger: Ledger) -> None:
    for state in (None, *JobState):
        ledger.jobs.jobs(JobQuery(state=state))
    ledger.jobs.counts(since=NOW - timedelta(days=1))
    ledger.jobs.open_jobs(submitted_before=NOW + timedelta(days=1), limit=10)
    for one in ledger.jobs.unmirrored(limit=10):
        ledger.jobs.mirrored(one.job.job_id, one.job.state, number=one.number)
