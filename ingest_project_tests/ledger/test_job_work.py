"""The work of a job: recorded with the claim or the plan that makes it, on each database."""

from ingest_project.ledger.job_model import JobRecord, JobWork
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.replay import ReplaySelection
from ingest_project.sources.jobs.request import JobRequest
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    claim,
    commit,
    deliver,
    ingest,
    listed,
    plan_one,
    routed,
    rules,
)


def job(ledger: Ledger, job_id: str = "1" * 32) -> JobRecord:
    return ledger.jobs.submit("jobs", JobRequest(job_id, "ingest", "{}", "ann", NOW))[0]


def shown(key: str, **fields: str) -> ListedWrite:
    return ListedWrite(listed(key, **{"etag": "etag-1", **fields}), NOW)


def test_claim_for_a_job_is_its_work_once(ledger: Ledger) -> None:
    mine = job(ledger)

    for _ in range(2):
        ledger.claim_listed(QUEUE, "replace", [shown("a"), shown("b")], for_job=mine.job_id)
    ledger.claim_listed(QUEUE, "replace", [shown("not of the job")])

    assert (ledger.jobs.work(mine.job_id).total, ledger.jobs.work(mine.job_id).done) == (2, 0)
    assert not ledger.jobs.work(mine.job_id).is_over


def test_what_a_message_has_brought_meanwhile_is_work_of_the_job_until_it_is_settled(ledger: Ledger) -> None:
    mine = job(ledger)
    ingest(ledger, routed("committed", etag="etag-1"))
    deliver(ledger, claim(routed("waits", etag="etag-1", sequencer="01")))

    writes = [shown("waits"), shown("committed")]

    assert ledger.claim_listed(QUEUE, "replace", writes, for_job=mine.job_id) == 0
    assert ledger.jobs.work(mine.job_id).total == 1
    commit(ledger, plan_one(ledger))
    work = ledger.jobs.work(mine.job_id)
    assert (work.done, work.failed, work.is_over) == (1, 0, True)


def test_what_is_under_way_of_these_keys_becomes_work_of_the_job(ledger: Ledger) -> None:
    mine = job(ledger)
    deliver(ledger, claim(routed("planned")))
    plan_one(ledger)
    deliver(ledger, claim(routed("pending")), claim(routed("another")))

    for _ in range(2):
        ledger.jobs.add_work_under_way(mine.job_id, [shown("planned"), shown("pending"), shown("none")])

    assert ledger.jobs.work(mine.job_id).total == 2


def test_batches_of_a_replay_are_work_of_the_job_that_asked_for_it(ledger: Ledger) -> None:
    mine = job(ledger)
    ingest(ledger, routed("a"), routed("b"))

    selection = ReplaySelection(TABLE, whole=True, for_job=mine.job_id)
    planned = ledger.plan_replay(QUEUE, rules(), selection)

    assert planned.objects == 2
    assert (ledger.jobs.work(mine.job_id).total, ledger.jobs.work(mine.job_id).done) == (2, 0)
    commit(ledger, next(iter(planned.batches)))
    assert ledger.jobs.work(mine.job_id).is_over


def test_job_waits_for_what_was_recorded_before_its_run_ended(ledger: Ledger) -> None:
    mine = job(ledger)
    deliver(ledger, claim(routed("a")))
    batch_id = plan_one(ledger)
    ledger.jobs.add_work(mine.job_id, batch_ids=[batch_id])
    assert not found(ledger, mine).waits

    ledger.jobs.wait_for(mine.job_id)

    assert found(ledger, mine).waits
    assert ledger.jobs.work(mine.job_id).total == 1


def test_job_without_work_is_over(ledger: Ledger) -> None:
    mine = job(ledger)
    ledger.jobs.wait_for(mine.job_id)

    assert ledger.jobs.work(mine.job_id) == JobWork(0, 0, 0, 0, 0, 0)
    assert ledger.jobs.work(mine.job_id).is_over


def found(ledger: Ledger, job_: JobRecord) -> JobRecord:
    record = ledger.jobs.job(job_.job_id)
    assert record is not None
    return record
