"""When what `after` says may be done to an object."""

from dataclasses import replace

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import AfterRule
from ingest_project_tests.ledger.factories import (
    QUEUE,
    Clock,
    claim,
    deliver,
    id_of,
    outcome,
    plan_one,
    routed,
    start,
)

DELETE = AfterRule("delete", None, "", with_bad_rows=False)


def test_message_that_sqs_refuses_to_delete_delays_the_action_until_it_cannot_come_any_more(
    ledger: Ledger, clock: Clock
) -> None:
    deliver(ledger, claim(routed(), message_id="m1"))
    batch_id = plan_one(ledger)
    object_id = id_of(start(ledger, batch_id))
    ledger.settle(batch_id, run_id="run-1", outcome=replace(outcome({object_id: 1}), after=DELETE))
    ledger.messages_deleted(QUEUE, [], refused=["m1"])

    clock.advance(days=13)
    assert ledger.due_actions(QUEUE, limit=10) == []

    clock.advance(days=1)
    assert [one.object_id for one in ledger.due_actions(QUEUE, limit=10)] == [object_id]


def test_message_that_can_be_deleted_delays_the_action_for_as_long_as_it_is_there(
    ledger: Ledger, clock: Clock
) -> None:
    deliver(ledger, claim(routed(), message_id="m1"))
    batch_id = plan_one(ledger)
    object_id = id_of(start(ledger, batch_id))
    ledger.settle(batch_id, run_id="run-1", outcome=replace(outcome({object_id: 1}), after=DELETE))

    clock.advance(days=400)
    assert ledger.due_actions(QUEUE, limit=10) == []

    ledger.messages_deleted(QUEUE, ["m1"])
    assert [one.object_id for one in ledger.due_actions(QUEUE, limit=10)] == [object_id]
