"""Messages that SQS still holds: when they may be deleted, and when they must stay invisible for longer."""

from datetime import timedelta

import pytest

from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    id_of,
    outcome,
    plan_one,
    routed,
    start,
)

TIMEOUT = timedelta(minutes=5)


def to_extend(ledger: Ledger) -> list[str]:
    return sorted(one.message_id for one in ledger.messages_to_extend(QUEUE, timeout=TIMEOUT))


def test_a_message_is_deletable_only_when_all_its_objects_are_settled(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a"), routed("b"), message_id="m"))
    work = start(ledger, plan_one(ledger))

    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome({id_of(work, "a"): 1}))
    half = deletable(ledger)
    commit(ledger, plan_one(ledger))

    assert half == []
    assert deletable(ledger) == ["m"]


def test_a_message_of_a_version_that_failed_is_left_to_the_queue(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a"), routed("b"), message_id="m"))
    work = start(ledger, plan_one(ledger))

    ended = outcome({id_of(work, "a"): 1}, [failure(id_of(work, "b"))])
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)

    assert deletable(ledger) == []


def test_a_message_that_names_no_object_is_deletable_at_once(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="test-event"))

    assert deletable(ledger) == ["test-event"]


def test_a_deletable_message_carries_what_sqs_wants(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m", receipt_handle="handle"))

    (one,) = ledger.deletable_messages(QUEUE)

    assert one.receipt_handle == "handle"
    assert (one.received_at, one.invisible_until) == (NOW, NOW + TIMEOUT)
    assert "handle" not in repr(one)


def test_no_more_messages_are_given_than_asked_for(ledger: Ledger) -> None:
    deliver(ledger, *[claim() for _ in range(5)])

    assert len(ledger.deletable_messages(QUEUE, limit=2)) == 2


def test_messages_of_another_queue_are_not_touched(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m"))

    ledger.messages_deleted("another", ["m"])

    assert ledger.deletable_messages("another") == []
    assert deletable(ledger) == ["m"]


def test_a_deleted_message_is_not_deleted_again(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m"), claim(message_id="n"))

    ledger.messages_deleted(QUEUE, ["m"])

    assert deletable(ledger) == ["n"]
    assert ledger.queue_report(QUEUE).messages == {"deleted": 1, "open": 1}


def test_a_refused_handle_is_not_tried_again_until_the_next_delivery(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m"))
    ledger.messages_deleted(QUEUE, [], refused=["m"])
    refused = deletable(ledger)

    deliver(ledger, claim(message_id="m"))

    assert refused == []
    assert deletable(ledger) == ["m"]


def test_only_messages_past_half_of_their_timeout_are_extended(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed(), message_id="m"))

    clock.advance(seconds=149)
    before_half = to_extend(ledger)
    clock.advance(seconds=1)
    at_half = to_extend(ledger)
    ledger.messages_extended(QUEUE, ["m"], invisible_until=clock.now + TIMEOUT)
    after_the_extension = to_extend(ledger)

    assert (before_half, at_half, after_the_extension) == ([], ["m"], [])


@pytest.mark.parametrize("planned", [False, True])
def test_a_message_is_extended_while_its_object_waits_and_while_it_is_worked_on(
    ledger: Ledger, clock: Clock, planned: bool
) -> None:
    deliver(ledger, claim(routed(), message_id="m"))
    if planned:
        plan_one(ledger)

    clock.advance(minutes=4)

    assert to_extend(ledger) == ["m"]


def test_sqs_hides_nothing_for_more_than_twelve_hours(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed(), message_id="m"))

    clock.advance(hours=11, minutes=59)
    in_time = to_extend(ledger)
    clock.advance(minutes=1)

    assert (in_time, to_extend(ledger)) == (["m"], [])


def test_a_message_whose_open_versions_have_all_failed_is_let_go(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed("bad"), message_id="let-go"), claim(routed("a"), message_id="kept"))
    work = start(ledger, plan_one(ledger))

    ended = outcome(failures=[failure(id_of(work, "bad"))])
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)
    clock.advance(minutes=4)

    assert to_extend(ledger) == ["kept"]


def test_neither_settled_nor_rejected_messages_are_extended(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed("a"), message_id="settled"))
    commit(ledger, plan_one(ledger))
    deliver(ledger, claim(routed("b"), message_id="rejected", rejected=("no table takes it",)))

    clock.advance(minutes=4)

    assert to_extend(ledger) == []
