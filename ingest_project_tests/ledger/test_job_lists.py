"""Jobs are listed, counted and numbered for the mirror as they are, in every state."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.ledger.job_model import JobCounts, JobQuery, JobState
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.selection import Selection
from ingest_project_tests.ledger.factories import NOW, Clock
from ingest_project_tests.ledger.job_factories import (
    REQUESTS,
    bring,
    complete,
    fail,
    plan_jobs,
    request,
    run,
    state_of,
    submit,
)


def one_of_each(ledger: Ledger, clock: Clock) -> dict[JobState, list[str]]:
    """Jobs in every state, a minute apart; two of them were cancelled, one before it came."""
    made: dict[JobState, list[str]] = {}
    for state in (*JobState, JobState.CANCELLED):
        one = request(at=clock.advance(minutes=1), job_id=f"{len(made):032x}{'b' if state in made else 'a'}")
        match state:
            case JobState.COMPLETED:
                complete(ledger, one)
            case JobState.FAILED:
                fail(ledger, one)
            case JobState.RUNNING:
                run(ledger, one)
            case _:
                submit(ledger, one)
        if state is JobState.QUEUED or (state is JobState.CANCELLED and state not in made):
            bring(ledger, one)
        if state is JobState.CANCELLED:
            ledger.jobs.cancel(one.job_id, by="ann")
        assert state_of(ledger, one) == state
        made.setdefault(state, []).append(one.job_id)
    return made


def test_each_state_lists_its_own_jobs(ledger: Ledger, clock: Clock) -> None:
    made = one_of_each(ledger, clock)

    for state, ids in made.items():
        assert [one.job_id for one in ledger.jobs.jobs(JobQuery(state=state))] == ids[::-1], state
    listed = ledger.jobs.jobs(JobQuery())
    assert [one.job_id for one in listed] == [one for ids in reversed(made.values()) for one in ids[::-1]]


def test_what_was_recorded_and_never_sent_is_not_listed(ledger: Ledger) -> None:
    ledger.jobs.submit(REQUESTS, request())

    assert ledger.jobs.jobs(JobQuery()) == []
    assert ledger.jobs.jobs(JobQuery(state=JobState.SUBMITTED)) == []
    assert ledger.jobs.counts(since=NOW) == []
    assert ledger.jobs.unmirrored(limit=10) == []


def test_pages_follow_each_other_without_a_gap(ledger: Ledger, clock: Clock) -> None:
    made = [submit(ledger, request(at=clock.advance(seconds=number // 2))).job_id for number in range(5)]
    seen: list[str] = []
    after = None

    while page := ledger.jobs.jobs(JobQuery(state=JobState.SUBMITTED, after=after, limit=2)):
        seen += [one.job_id for one in page]
        after = (page[-1].submitted_at, page[-1].job_id)

    assert seen == made[::-1]


def test_counts_have_open_jobs_and_those_that_ended_since(ledger: Ledger, clock: Clock) -> None:
    one_of_each(ledger, clock)
    ended = {JobState.COMPLETED: 1, JobState.FAILED: 1, JobState.CANCELLED: 2}
    still_open = {JobState.SUBMITTED: 1, JobState.QUEUED: 1, JobState.RUNNING: 1}

    assert {one.state: one.jobs for one in ledger.jobs.counts(since=NOW)} == ended | still_open
    clock.advance(hours=1)
    assert {one.state: one.jobs for one in ledger.jobs.counts(since=clock.now)} == still_open


def test_counts_say_since_when_the_oldest_waits_and_how_long_all_took(ledger: Ledger, clock: Clock) -> None:
    for hours in (1, 2):
        one = request(at=clock.now)
        clock.advance(hours=hours, seconds=0.25)
        complete(ledger, one)
    waits = [submit(ledger, request("replay", at=clock.advance(minutes=1))) for _ in range(3)]

    done, still_open = ledger.jobs.counts(since=NOW)

    assert (done.kind, done.state, done.jobs, done.oldest_at) == ("export", JobState.COMPLETED, 2, NOW)
    assert done.duration_seconds == pytest.approx(3 * 3600 + 0.5, abs=0.01)
    assert still_open == JobCounts("replay", JobState.SUBMITTED, 3, waits[0].submitted_at, 0.0)


def test_the_database_counts_however_many_jobs_there_are(
    ledger: Ledger, clock: Clock, tables: sa.Connection
) -> None:
    for _ in range(40):
        submit(ledger, request(at=clock.advance(seconds=1)))
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    engine = ledger._database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    (counted,) = ledger.jobs.counts(since=NOW)
    sa.event.remove(engine, "before_cursor_execute", note)

    assert counted.jobs == 40
    rows = [
        tables.exec_driver_sql(statement, given).all() for statement, given in asked if "job" in statement
    ]
    assert [len(one) for one in rows] == [1]


def test_open_jobs_are_the_oldest_first(ledger: Ledger, clock: Clock) -> None:
    made = one_of_each(ledger, clock)
    oldest = [made[state][0] for state in (JobState.SUBMITTED, JobState.QUEUED, JobState.RUNNING)]

    found = ledger.jobs.open_jobs(submitted_before=clock.now, limit=10)

    assert [one.job_id for one in found] == oldest
    assert ledger.jobs.open_jobs(submitted_before=NOW, limit=10) == []
    assert len(ledger.jobs.open_jobs(submitted_before=clock.now, limit=1)) == 1


def test_a_dismissed_job_stays_failed_as_of_its_end(ledger: Ledger, clock: Clock) -> None:
    one = request()
    fail(ledger, one)
    before = ledger.jobs.job(one.job_id)
    clock.advance(days=1)

    ledger.dismiss(Selection(table="job:export"))

    after = ledger.jobs.job(one.job_id)
    assert before is not None
    assert after is not None
    assert (after.state, after.error_class, after.ended_at) == ("failed", "job_failed", before.ended_at)
    assert [found.job_id for found in ledger.jobs.jobs(JobQuery(state=JobState.FAILED))] == [one.job_id]
    assert ledger.jobs.jobs(JobQuery(state=JobState.CANCELLED)) == []


def test_the_mirror_is_told_of_each_change_under_a_higher_number(ledger: Ledger) -> None:
    one = request()
    numbers = []

    def changes() -> list[str]:
        found = ledger.jobs.unmirrored(limit=10)
        for told in found:
            numbers.append(told.number)
            ledger.jobs.mirrored(told.job.job_id, told.job.state, number=told.number)
        return [told.job.state.value for told in found]

    submit(ledger, one)
    assert changes() == ["submitted"]
    assert changes() == []
    bring(ledger, one)
    assert changes() == ["queued"]
    fail(ledger, one)
    assert changes() == ["failed"]
    ledger.retry(Selection(uris=(f"sqs://{REQUESTS}/{one.job_id}",)))
    complete(ledger, one)
    assert changes() == ["completed"]
    ledger.jobs.tell(one.job_id, result={"rows": 1})
    assert changes() == ["completed"]
    assert changes() == []
    assert all(before < after for before, after in pairwise(numbers))


def test_an_older_number_does_not_count_as_mirrored(ledger: Ledger) -> None:
    one = request()
    submit(ledger, one)
    (slow,) = ledger.jobs.unmirrored(limit=10)
    (fast,) = ledger.jobs.unmirrored(limit=10)

    ledger.jobs.mirrored(one.job_id, slow.job.state, number=slow.number)
    assert len(ledger.jobs.unmirrored(limit=10)) == 1

    assert slow.number < fast.number


def test_a_failed_job_that_is_put_back_is_queued_until_a_run_begins_it(ledger: Ledger) -> None:
    one = request()
    fail(ledger, one)

    ledger.retry(Selection(table="job:export"))

    assert state_of(ledger, one) == JobState.QUEUED
    assert [found.job_id for found in ledger.jobs.jobs(JobQuery(state=JobState.QUEUED))] == [one.job_id]
    assert ledger.jobs.jobs(JobQuery(state=JobState.RUNNING)) == []
    (batch_id,) = plan_jobs(ledger)
    assert state_of(ledger, one) == JobState.QUEUED
    ledger.start(batch_id, run_id="run-2")
    assert state_of(ledger, one) == JobState.RUNNING
    ledger.next_attempt(batch_id, attempt=1, error="it died")
    assert state_of(ledger, one) == JobState.RUNNING


def test_a_failed_job_that_is_put_back_runs_again_and_may_complete(ledger: Ledger, clock: Clock) -> None:
    one = request()
    fail(ledger, one)
    clock.advance(minutes=1)

    assert ledger.retry(Selection(table="job:export")).objects == {(REQUESTS, "job:export"): 1}
    complete(ledger, one)

    assert state_of(ledger, one) == "completed"
    job = ledger.jobs.job(one.job_id)
    assert job is not None
    assert job.attempts == 4
    assert job.ended_at == NOW + timedelta(minutes=1)
    assert job.reason is None
