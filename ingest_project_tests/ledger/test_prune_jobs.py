"""Which jobs the ledger forgets, and which it keeps; both databases do the same."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.tables import (
    attempts,
    batch_objects,
    batches,
    job_work,
    jobs,
    message_objects,
    messages,
    object_versions,
)
from ingest_project_tests.ledger.factories import NOW, Clock
from ingest_project_tests.ledger.job_factories import (
    REQUESTS,
    bring,
    complete,
    fail,
    request,
    run,
    state_of,
    submit,
)

ALL = (jobs, job_work, object_versions, batches, batch_objects, attempts, messages, message_objects)
MONTH = timedelta(days=30)


def rows(tables: sa.Connection) -> dict[str, int]:
    counted = ((one.name, tables.scalar(sa.select(sa.func.count()).select_from(one))) for one in ALL)
    return {name: count for name, count in counted if count}


@pytest.mark.parametrize("end", [complete, fail])
def test_a_job_that_has_ended_is_forgotten_with_all_that_led_to_it(
    ledger: Ledger, tables: sa.Connection, clock: Clock, end: object
) -> None:
    one = request()
    end(ledger, one)  # type: ignore[operator]
    ledger.jobs.wait_for(one.job_id, object_ids=["o"])
    clock.advance(days=60)

    assert ledger.prune(older_than=MONTH, policies={}, dry_run=True).jobs == 1
    assert rows(tables)["job_requests"] == 1
    assert ledger.prune(older_than=MONTH, policies={}).jobs == 1

    assert rows(tables) == {}


def test_jobs_that_were_dismissed_or_cancelled_are_forgotten(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    fail(ledger, request())
    ledger.dismiss(Selection(table="job:export"))
    came, never_came = request(), request()
    for one in (came, never_came):
        submit(ledger, one)
    bring(ledger, came)
    for one in (came, never_came):
        ledger.jobs.cancel(one.job_id, by="ann")
    ledger.jobs.submit(REQUESTS, request())  # never sent
    clock.advance(days=60)

    assert ledger.prune(older_than=MONTH, policies={}).jobs == 4

    assert rows(tables) == {}


def test_a_job_that_has_not_ended_is_kept_however_old(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    submitted, queued, running = request(), request(), request()
    submit(ledger, submitted)
    run(ledger, running)
    submit(ledger, queued)
    bring(ledger, queued)
    clock.advance(days=400)

    assert ledger.prune(older_than=MONTH, policies={}).jobs == 0

    assert [state_of(ledger, one) for one in (submitted, queued, running)] == [
        "submitted", "queued", "running"
    ]  # fmt: skip
    assert rows(tables)["messages"] == 2


def test_a_job_that_ended_lately_keeps_its_times(ledger: Ledger, clock: Clock) -> None:
    """Its batch tells when it ended, and may be older than what is forgotten."""
    old, young = request(), request()
    complete(ledger, old)
    clock.advance(days=20)
    fail(ledger, young)
    clock.advance(days=20)
    before = ledger.jobs.job(young.job_id)

    assert ledger.prune(older_than=MONTH, policies={}).jobs == 1

    assert ledger.jobs.job(old.job_id) is None
    assert ledger.jobs.job(young.job_id) == before


def test_a_job_whose_message_came_again_lately_is_kept_with_its_batch(ledger: Ledger, clock: Clock) -> None:
    one = request()
    fail(ledger, one)
    clock.advance(days=40)
    bring(ledger, one, message_id="again")
    ledger.jobs.cancel(one.job_id, by="ann")
    before = ledger.jobs.job(one.job_id)

    assert ledger.prune(older_than=MONTH, policies={}).jobs == 0

    after = ledger.jobs.job(one.job_id)
    assert after == before
    assert after is not None
    assert after.started_at == NOW
