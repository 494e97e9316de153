"""Attempts: one run owns a batch, and a dead one neither blocks it nor comes back."""

from datetime import timedelta

import pytest

from ingest_project.errors import BatchNotFound, BatchSuperseded
from ingest_project.ledger.attempts import backoff
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import RowsToReplace
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deliver,
    id_of,
    ingest,
    outcome,
    plan_one,
    routed,
    rules,
    start,
)

LEASE = timedelta(seconds=60)
URI = "s3://acme-landing/orders/a.ndjson"


@pytest.fixture
def batch_id(ledger: Ledger) -> str:
    deliver(ledger, claim(routed()))
    return plan_one(ledger)


def test_a_start_gives_the_work_and_makes_the_run_the_owner(ledger: Ledger, batch_id: str) -> None:
    work = start(ledger, batch_id, "run-1")

    assert work.batch.run_id == "run-1"
    assert work.batch.starts == 1
    assert work.batch.heartbeat_at == NOW
    assert [member.object for member in work.objects] == [routed().object]


def test_a_batch_that_is_settled_is_not_started_again(ledger: Ledger, batch_id: str) -> None:
    commit(ledger, batch_id)

    assert ledger.start(batch_id, run_id="run-2") is None
    assert ledger.open_batches(QUEUE) == []


def test_a_run_that_was_overtaken_is_refused_everywhere(ledger: Ledger, batch_id: str, clock: Clock) -> None:
    object_id = id_of(start(ledger, batch_id, "zombie"))
    clock.advance(minutes=2)
    start(ledger, batch_id, "run-2")

    assert ledger.heartbeat(batch_id, run_id="zombie") is False
    ledger.release(batch_id, run_id="zombie", error_class="unknown", error="late")
    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="zombie", object_ids={object_id})
    with pytest.raises(BatchSuperseded):
        ledger.settle(batch_id, run_id="zombie", outcome=outcome({object_id: 1}))
    batch = ledger.batch(batch_id)
    assert (batch.run_id, batch.starts, batch.heartbeat_at, batch.error) == (
        "run-2", 2, NOW + timedelta(minutes=2), None,
    )  # fmt: skip


def test_a_heartbeat_keeps_the_lease(ledger: Ledger, batch_id: str, clock: Clock) -> None:
    start(ledger, batch_id)
    later = clock.advance(seconds=50)

    kept = ledger.heartbeat(batch_id, run_id="run-1")

    assert kept
    assert ledger.batch(batch_id).heartbeat_at == later
    assert ledger.batch(batch_id).is_leased(later + timedelta(seconds=50), LEASE)


def test_a_heartbeat_that_waited_for_its_own_settling_finds_nothing_wrong(
    ledger: Ledger, batch_id: str, clock: Clock
) -> None:
    commit(ledger, batch_id, run_id="run-1")
    clock.advance(seconds=5)

    assert ledger.heartbeat(batch_id, run_id="run-1")
    assert ledger.heartbeat(batch_id, run_id="run-2") is False
    assert ledger.batch(batch_id).heartbeat_at is None


def test_a_lease_runs_out_without_heartbeats(ledger: Ledger, batch_id: str) -> None:
    before = ledger.batch(batch_id)
    start(ledger, batch_id)

    assert not before.is_leased(NOW, LEASE)
    assert ledger.batch(batch_id).is_leased(NOW, LEASE)
    assert not ledger.batch(batch_id).is_leased(NOW + timedelta(minutes=2), LEASE)


def test_a_run_that_fails_gives_the_lease_up_with_its_reason(ledger: Ledger, batch_id: str) -> None:
    start(ledger, batch_id)

    ledger.release(batch_id, run_id="run-1", error_class="catalog", error="it did not \0 answer")

    assert ledger.batch(batch_id).heartbeat_at is None
    assert [(one.kind, one.error_class, one.reason) for one in ledger.failures()] == [
        ("batch", "catalog", "it did not � answer")
    ]


def test_a_further_attempt_comes_once_and_after_a_backoff(ledger: Ledger, batch_id: str) -> None:
    start(ledger, batch_id)

    first = ledger.next_attempt(batch_id, attempt=1, error="run ended as FAILURE")
    again = ledger.next_attempt(batch_id, attempt=1, error="run ended as FAILURE")

    batch = ledger.batch(batch_id)
    assert (first, again) == (True, False)
    assert (batch.attempt, batch.run_key) == (2, f"{batch_id}:2")
    assert batch.not_before == NOW + timedelta(seconds=5)
    assert batch.heartbeat_at is None
    assert batch.error == "run ended as FAILURE"


def test_the_reason_that_the_run_itself_gave_is_kept(ledger: Ledger, batch_id: str) -> None:
    start(ledger, batch_id)
    ledger.release(batch_id, run_id="run-1", error_class="catalog", error="the catalog did not answer")

    ledger.next_attempt(batch_id, attempt=1, error="run ended as FAILURE")

    assert ledger.batch(batch_id).error == "the catalog did not answer"


def test_the_reason_of_an_earlier_attempt_is_not_taken_for_the_last_ones(
    ledger: Ledger, batch_id: str
) -> None:
    start(ledger, batch_id, "run-1")
    ledger.release(batch_id, run_id="run-1", error_class="catalog", error="the catalog did not answer")
    ledger.next_attempt(batch_id, attempt=1, error="run ended as FAILURE")
    start(ledger, batch_id, "run-2")

    ledger.next_attempt(batch_id, attempt=2, error="run-2 stopped without a word")

    assert ledger.batch(batch_id).error == "run-2 stopped without a word"


def test_a_settled_batch_gets_no_further_attempt(ledger: Ledger, batch_id: str) -> None:
    commit(ledger, batch_id)

    assert ledger.next_attempt(batch_id, attempt=1, error="too late") is False


def test_a_batch_that_nobody_planned_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(BatchNotFound):
        ledger.batch("no-such-batch")
    with pytest.raises(BatchNotFound):
        ledger.start("no-such-batch", run_id="run-1")
    with pytest.raises(BatchNotFound):
        ledger.confirm("no-such-batch", run_id="run-1", object_ids=set())
    with pytest.raises(BatchNotFound):
        ledger.settle("no-such-batch", run_id="run-1", outcome=outcome())


def test_a_batch_that_is_settled_is_not_confirmed(ledger: Ledger, batch_id: str) -> None:
    object_id = id_of(start(ledger, batch_id))
    ledger.settle(batch_id, run_id="run-1", outcome=outcome({object_id: 1}))

    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="run-1", object_ids={object_id})


def test_a_run_may_not_commit_what_is_not_its_own(ledger: Ledger, batch_id: str) -> None:
    start(ledger, batch_id)

    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="run-1", object_ids={"another"})


def test_a_new_key_replaces_nothing(ledger: Ledger, batch_id: str) -> None:
    object_id = id_of(start(ledger, batch_id))

    assert ledger.confirm(batch_id, run_id="run-1", object_ids={object_id}) is None


def test_a_key_written_again_replaces_the_rows_of_its_older_write(ledger: Ledger, batch_id: str) -> None:
    commit(ledger, batch_id)
    deliver(ledger, claim(routed(sequencer="0056")), claim(routed("orders/b.ndjson")))
    work = start(ledger, plan_one(ledger))

    replaced = ledger.confirm(
        work.batch.batch_id, run_id="run-1", object_ids={member.object_id for member in work.objects}
    )

    assert replaced == RowsToReplace(frozenset({URI}), frozenset({batch_id}))


def test_a_key_whose_new_write_was_not_read_keeps_its_rows(ledger: Ledger, batch_id: str) -> None:
    commit(ledger, batch_id)
    deliver(ledger, claim(routed(sequencer="0056")), claim(routed("orders/b.ndjson")))
    work = start(ledger, plan_one(ledger))

    replaced = ledger.confirm(
        work.batch.batch_id, run_id="run-1", object_ids={id_of(work, "orders/b.ndjson")}
    )

    assert replaced is None


def test_with_append_nothing_is_replaced(ledger: Ledger) -> None:
    appending = rules(on_overwrite="append")
    ingest(ledger, routed(sequencer="0055"), table=appending)
    deliver(ledger, claim(routed(sequencer="0056")))
    work = start(ledger, plan_one(ledger, appending))

    assert ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={id_of(work)}) is None


def test_the_backoff_doubles_up_to_ten_minutes() -> None:
    assert [backoff(failed).total_seconds() for failed in (1, 2, 3, 6, 7, 8, 1000)] == [
        5, 10, 20, 160, 320, 600, 600,
    ]  # fmt: skip
