"""A clock that jumps by hours costs at most a repetition: work does not wait until the clock catches up."""

from datetime import timedelta

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.clock_jumps import is_due, is_recent
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.clocks import CLOCK_SKEW
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    deletable,
    deliver,
    failure,
    id_of,
    outcome,
    plan,
    plan_one,
    routed,
    start,
)

LEASE = timedelta(seconds=60)
HOURS = (-7, 7)


@pytest.mark.parametrize("hours", HOURS)
def test_a_dead_run_is_told_at_once_after_the_clock_jumped(ledger: Ledger, clock: Clock, hours: int) -> None:
    deliver(ledger, claim(routed()))
    batch_id = plan_one(ledger)
    start(ledger, batch_id)

    now = clock.advance(hours=hours)

    assert not ledger.batch(batch_id).is_leased(now, LEASE)


@pytest.mark.parametrize("hours", HOURS)
def test_a_run_that_lives_is_believed_from_its_next_heartbeat_on(
    ledger: Ledger, clock: Clock, hours: int
) -> None:
    deliver(ledger, claim(routed()))
    batch_id = plan_one(ledger)
    start(ledger, batch_id)
    now = clock.advance(hours=hours)

    assert ledger.heartbeat(batch_id, run_id="run-1")

    assert ledger.batch(batch_id).is_leased(now, LEASE)


@pytest.mark.parametrize("hours", HOURS)
def test_a_run_that_was_given_up_for_the_clock_is_refused_and_the_next_one_commits(
    ledger: Ledger, clock: Clock, hours: int
) -> None:
    deliver(ledger, claim(routed()))
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id)
    clock.advance(hours=hours)
    ledger.next_attempt(batch_id, attempt=1, error="lost")

    again = start(ledger, batch_id, run_id="run-2")

    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="run-1", object_ids={id_of(work)})
    ledger.confirm(batch_id, run_id="run-2", object_ids={id_of(again)})
    ledger.settle(batch_id, run_id="run-2", outcome=outcome(rows={id_of(again): 1}))
    assert len(deletable(ledger)) == 1


@pytest.mark.parametrize("hours", HOURS)
def test_an_object_that_waits_for_its_next_try_does_not_wait_for_the_clock(
    ledger: Ledger, clock: Clock, hours: int
) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    failed = outcome(failures=[failure(id_of(work), transient=True)])
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=failed)
    assert plan(ledger) == []

    clock.advance(hours=hours)

    assert ledger.waiting_objects(QUEUE) == 1
    assert len(plan(ledger)) == 1


def test_what_was_claimed_before_the_clock_was_put_back_is_planned(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed()))
    clock.advance(hours=-7)

    assert len(plan(ledger)) == 1


def test_a_receipt_handle_that_sqs_refused_is_replaced_although_the_clock_was_put_back(
    ledger: Ledger,
) -> None:
    first = claim(routed(), message_id="m")
    deliver(ledger, first)
    ledger.messages_deleted(QUEUE, [], refused=["m"])

    deliver(ledger, claim(routed(), message_id="m", received_at=NOW - timedelta(hours=7)))

    work = start(ledger, plan_one(ledger))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(rows={id_of(work): 1}))
    (open_message,) = ledger.deletable_messages(QUEUE)
    assert open_message.receipt_handle != first.message.receipt_handle


def test_clocks_that_are_apart_by_minutes_are_no_jump() -> None:
    ahead = NOW + CLOCK_SKEW - timedelta(seconds=1)

    assert is_recent(ahead, NOW, within=LEASE)
    assert not is_due(ahead, NOW)
