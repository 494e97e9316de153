"""What becomes of an object that a batch could not ingest, by its table's action for the error."""

import pytest
import sqlalchemy as sa

from ingest_project.ledger.failed_objects import MAX_OBJECT_ATTEMPTS
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import FailedObject, ObjectState
from ingest_project.ledger.tables import object_versions
from ingest_project.settings.error_classes import Action
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    id_of,
    ingest,
    listed,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    rules,
    start,
)
from ingest_project_tests.ledger.views import state_of

KEY = "orders/a.ndjson"
LATER = {"sequencer": "0056", "etag": "etag-2"}


def fail(ledger: Ledger, action: Action, *, error_class: str = "missing", transient: bool = False) -> None:
    """Plan what waits and let the batch's one object fail."""
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id)
    (member,) = work.objects
    failed = FailedObject(member.object_id, error_class, "it is gone", transient, action)
    ledger.settle(batch_id, run_id="run-1", outcome=outcome(failures=[failed], snapshot_id=None))


def told(tables: sa.Connection) -> tuple[str, str | None, str | None, bool]:
    """State, class, reason and whether it is settled, of the one object version."""
    known = object_versions.c
    row = tables.execute(sa.select(known.state, known.error_class, known.reason, known.settled_at)).one()
    return row.state, row.error_class, row.reason, row.settled_at is not None


@pytest.mark.parametrize(
    ("action", "state", "settled"),
    [
        ("release", ObjectState.FAILED, False),
        ("park", ObjectState.QUARANTINED, True),
        ("acknowledge", ObjectState.SKIPPED, True),
        ("retry", ObjectState.PENDING, False),
    ],
)
def test_the_action_decides_what_becomes_of_the_object_and_its_message(
    ledger: Ledger, tables: sa.Connection, action: Action, state: ObjectState, settled: bool
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))

    fail(ledger, action)

    assert told(tables) == (state, "missing", "it is gone", settled)
    assert deletable(ledger) == (["1"] if settled else [])


@pytest.mark.parametrize("action", ["release", "park", "acknowledge"])
def test_a_failure_that_is_not_retried_is_never_read_again_however_often_its_message_comes(
    ledger: Ledger, clock: Clock, action: Action
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))
    fail(ledger, action)

    for _ in range(20):
        clock.advance(hours=1)
        deliver(ledger, claim(routed(), message_id="1", received_at=clock.now, receive_count=9))
        assert plan(ledger) == []


def test_a_permanent_failure_that_is_to_be_retried_is_bounded_like_any_other(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))

    for attempt in range(1, MAX_OBJECT_ATTEMPTS + 1):
        fail(ledger, "retry")
        assert plan(ledger) == [], "without waiting"
        clock.advance(minutes=5)
        assert told(tables)[0] == (
            ObjectState.PENDING if attempt < MAX_OBJECT_ATTEMPTS else ObjectState.FAILED
        )

    assert plan(ledger) == []
    assert deletable(ledger) == []


def test_a_fault_of_s3_itself_is_retried_without_end(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))

    for _ in range(MAX_OBJECT_ATTEMPTS * 2):
        fail(ledger, "retry", error_class="unavailable")
        assert told(tables)[0] == ObjectState.PENDING
        clock.advance(minutes=11)


def test_a_transient_failure_may_be_released_at_once(ledger: Ledger, tables: sa.Connection) -> None:
    deliver(ledger, claim(routed()))

    fail(ledger, "release", error_class="throttled", transient=True)

    assert told(tables)[:2] == (ObjectState.FAILED, "throttled")


def test_without_an_action_what_is_transient_is_retried(ledger: Ledger) -> None:
    actions = [FailedObject("1", "unavailable", "", transient).action for transient in (True, False)]

    assert actions == ["retry", "release"]


@pytest.mark.parametrize(("action", "counts"), [("release", True), ("park", False), ("acknowledge", False)])
def test_a_new_message_for_the_same_write_tries_again_only_what_was_released(
    ledger: Ledger, action: Action, counts: bool
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))
    fail(ledger, action)

    deliver(ledger, claim(routed(), message_id="redriven"))

    assert bool(plan(ledger)) is counts
    assert ("redriven" in deletable(ledger)) is not counts


@pytest.mark.parametrize("action", ["release", "park"])
def test_with_replace_a_new_write_of_the_key_clears_the_failure(
    ledger: Ledger, tables: sa.Connection, action: Action
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))
    fail(ledger, action)

    ingest(ledger, routed(**LATER))

    assert state_of(tables, KEY, "0055") == ObjectState.SUPERSEDED
    assert state_of(tables, KEY, "0056") == ObjectState.COMMITTED
    assert "1" in deletable(ledger)


@pytest.mark.parametrize("action", ["release", "park"])
def test_with_ignore_a_write_that_could_be_ingested_clears_the_failure(
    ledger: Ledger, tables: sa.Connection, action: Action
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))
    fail(ledger, action)
    ignoring = rules(on_overwrite="ignore")

    ingest(ledger, routed(**LATER), table=ignoring)

    assert state_of(tables, KEY, "0055") == ObjectState.SKIPPED
    assert state_of(tables, KEY, "0056") == ObjectState.COMMITTED
    assert "1" in deletable(ledger)


def test_with_append_each_write_counts_and_another_one_clears_no_failure(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed()))
    fail(ledger, "park")

    ingest(ledger, routed(**LATER), table=rules(on_overwrite="append"))

    assert state_of(tables, KEY, "0055") == ObjectState.QUARANTINED
    assert state_of(tables, KEY, "0056") == ObjectState.COMMITTED


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
@pytest.mark.parametrize("action", ["release", "park", "acknowledge"])
def test_a_write_that_was_not_ingested_is_not_in_the_table_for_any_policy(
    ledger: Ledger, action: Action, policy: OnOverwrite
) -> None:
    deliver(ledger, claim(routed()))
    fail(ledger, action)
    deliver(ledger, claim(routed(**LATER)))
    batch_id = plan_one(ledger, rules(on_overwrite=policy))
    work = start(ledger, batch_id)

    replaced = ledger.confirm(batch_id, run_id="run-1", object_ids={id_of(work)})

    assert replaced is None


@pytest.mark.parametrize("action", ["release", "park"])
def test_an_older_write_that_was_not_ingested_is_superseded_by_a_rebuild(
    ledger: Ledger, tables: sa.Connection, action: Action
) -> None:
    deliver(ledger, claim(routed()))
    fail(ledger, action)

    batch_id = rebuild(ledger, listed(etag="etag-2"))
    assert state_of(tables, KEY, "0055") != ObjectState.SUPERSEDED
    commit(ledger, batch_id, run_id="rebuild-1")

    assert state_of(tables, KEY, "0055") == ObjectState.SUPERSEDED


@pytest.mark.parametrize("action", ["release", "park", "acknowledge"])
def test_a_rebuild_that_can_read_the_write_brings_it(
    ledger: Ledger, tables: sa.Connection, action: Action
) -> None:
    deliver(ledger, claim(routed()))
    fail(ledger, action)

    commit(ledger, rebuild(ledger, listed()), run_id="rebuild-1")

    assert told(tables) == (ObjectState.COMMITTED, None, None, True)


def test_a_parked_write_stays_parked_when_its_rebuild_is_given_up(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed(), message_id="1"))
    fail(ledger, "park")

    rebuild(ledger, listed())
    rebuild(ledger, listed("orders/b.ndjson"), run_id="rebuild-2")

    assert state_of(tables, KEY, "0055") == ObjectState.QUARANTINED
    assert deletable(ledger) == ["1"]


def test_actions_are_taken_object_by_object(ledger: Ledger) -> None:
    actions: tuple[Action, ...] = ("retry", "release", "park", "acknowledge")
    deliver(ledger, *[claim(routed(name), message_id=name) for name in (*actions, "good")])
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id)
    failures = [FailedObject(id_of(work, name), "schema", "", False, name) for name in actions]

    ledger.settle(batch_id, run_id="run-1", outcome=outcome({id_of(work, "good"): 1}, failures))

    assert objects_by_state(ledger) == {
        "pending": 1, "failed": 1, "quarantined": 1, "skipped": 1, "committed": 1,
    }  # fmt: skip
    assert deletable(ledger) == ["acknowledge", "good", "park"]
    assert ledger.open_batches(QUEUE) == []
    assert ledger.table_report("sales.orders").last_commit == NOW
