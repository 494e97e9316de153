"""Claiming: what SQS delivers, however often, becomes known once."""

from dataclasses import replace

import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ClaimResult, MessageState, ObjectState
from ingest_project_tests.ledger.factories import (
    NOW,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    id_of,
    ingest,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    routed,
    rules,
    start,
)
from ingest_project_tests.ledger.views import message_state, state_of

KEY = "orders/a.ndjson"


def test_a_redelivery_adds_nothing(ledger: Ledger) -> None:
    first = deliver(ledger, claim(routed(), message_id="m"))

    second = deliver(ledger, claim(routed(), message_id="m", receive_count=2))

    assert first == ClaimResult(messages=1, rejected_messages=0, new_objects=1, known_objects=0)
    assert second == ClaimResult(messages=1, rejected_messages=0, new_objects=0, known_objects=1)
    assert objects_by_state(ledger) == {"pending": 1}


def test_a_redelivery_leaves_a_planned_version_with_its_batch(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed(), message_id="m"))
    batch_id = plan_one(ledger)

    deliver(ledger, claim(routed(), message_id="m"))

    assert plan(ledger) == []
    assert len(start(ledger, batch_id).objects) == 1
    assert state_of(tables, KEY, "0055") == ObjectState.PLANNED


def test_what_a_table_passes_over_is_settled_when_it_is_claimed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    hidden = replace(routed("orders/_a"), passed_over="it is hidden")

    deliver(ledger, claim(hidden, routed(), message_id="both"), claim(hidden, message_id="hidden"))

    assert objects_by_state(ledger) == {"pending": 1, "skipped": 1}
    assert deletable(ledger) == ["hidden"]
    assert state_of(tables, "orders/_a", "0055") == ObjectState.SKIPPED
    assert plan_one(ledger)
    assert objects_by_state(ledger) == {"planned": 1, "skipped": 1}


def test_the_newest_receipt_handle_is_kept(ledger: Ledger, clock: Clock) -> None:
    later = clock.advance(minutes=6)
    deliver(ledger, claim(message_id="m", receipt_handle="second", received_at=later))

    deliver(ledger, claim(message_id="m", receipt_handle="first", received_at=NOW))

    assert [one.receipt_handle for one in ledger.deletable_messages("landing")] == ["second"]


def test_a_message_received_twice_in_one_drain_keeps_the_newer_handle(ledger: Ledger, clock: Clock) -> None:
    later = clock.advance(seconds=30)
    newer = claim(routed(), message_id="m", receipt_handle="second", received_at=later)
    older = claim(routed(), message_id="m", receipt_handle="first", received_at=NOW)

    result = deliver(ledger, newer, older)
    commit(ledger, plan_one(ledger))

    assert result.new_objects == 1
    assert [one.receipt_handle for one in ledger.deletable_messages("landing")] == ["second"]


def test_an_object_named_twice_is_claimed_once(ledger: Ledger) -> None:
    result = deliver(ledger, claim(routed(), routed()), claim(routed()))

    assert (result.messages, result.new_objects) == (2, 1)
    assert objects_by_state(ledger) == {"pending": 1}


def test_one_key_in_two_tables_is_two_object_versions(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(table=TABLE), routed(table="web.clicks")))

    assert objects_by_state(ledger) == {"pending": 1}
    assert objects_by_state(ledger, "web.clicks") == {"pending": 1}


def test_a_message_waits_for_the_objects_of_all_its_tables(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(table=TABLE), routed(table="web.clicks"), message_id="m"))
    commit(ledger, plan_one(ledger, rules(TABLE)))
    after_one = deletable(ledger)

    commit(ledger, plan_one(ledger, rules("web.clicks")))

    assert after_one == []
    assert deletable(ledger) == ["m"]


def test_a_rejected_message_is_never_deletable_though_its_good_objects_are_ingested(ledger: Ledger) -> None:
    result = deliver(ledger, claim(routed(), message_id="m", rejected=("no table takes s3://b/x",)))

    commit(ledger, plan_one(ledger))

    assert result.rejected_messages == 1
    assert objects_by_state(ledger) == {"committed": 1}
    assert deletable(ledger) == []
    assert [(one.kind, one.name, one.reason) for one in ledger.failures()] == [
        ("message", "m", "no table takes s3://b/x")
    ]


def test_a_rejected_message_is_accepted_once_a_route_was_added(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m", rejected=("no table takes it",)))

    deliver(ledger, claim(routed(), message_id="m"))
    commit(ledger, plan_one(ledger))

    assert deletable(ledger) == ["m"]
    assert ledger.failures() == []


def test_a_settled_version_makes_a_new_message_deletable_at_once(ledger: Ledger) -> None:
    ingest(ledger, routed())

    deliver(ledger, claim(routed(), message_id="again"))

    assert "again" in deletable(ledger)
    assert plan(ledger) == []


def test_a_deleted_message_that_sqs_delivers_again_is_deletable_again(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed(), message_id="m"))
    commit(ledger, plan_one(ledger))
    ledger.messages_deleted("landing", ["m"])
    after_deletion = (deletable(ledger), message_state(tables, "m"))

    deliver(ledger, claim(routed(), message_id="m", receipt_handle="newest"))

    assert after_deletion == ([], MessageState.DELETED)
    assert [one.receipt_handle for one in ledger.deletable_messages("landing")] == ["newest"]


def test_a_redelivery_does_not_revive_a_failed_version(ledger: Ledger, clock: Clock) -> None:
    _fail(ledger, message_id="m")
    clock.advance(hours=1)

    deliver(ledger, claim(routed(), message_id="m"))

    assert plan(ledger) == []
    assert objects_by_state(ledger) == {"failed": 1}


def test_a_message_never_seen_before_revives_a_failed_version(ledger: Ledger, clock: Clock) -> None:
    _fail(ledger, message_id="m")

    deliver(ledger, claim(routed(), message_id="redriven"))
    commit(ledger, plan_one(ledger))

    assert objects_by_state(ledger) == {"committed": 1}
    assert deletable(ledger) == ["m", "redriven"]


def test_a_revived_version_is_tried_as_often_as_a_new_one(ledger: Ledger, tables: sa.Connection) -> None:
    _fail(ledger, message_id="m")

    deliver(ledger, claim(routed(), message_id="redriven"))
    work = start(ledger, plan_one(ledger))
    broken = failure(id_of(work), transient=True)
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken]))

    assert state_of(tables, KEY, "0055") == ObjectState.PENDING


def test_a_reason_that_quotes_bytes_which_no_database_holds_is_recorded(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="m", rejected=("body is \0 and \ud800",)))

    assert [one.reason for one in ledger.failures()] == ["body is � and ?"]


def _fail(ledger: Ledger, *, message_id: str) -> None:
    deliver(ledger, claim(routed(), message_id=message_id))
    work = start(ledger, plan_one(ledger))
    broken = failure(id_of(work))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken]))
