"""Which object versions of a table wait for a person, and which of them failed lately."""

from datetime import timedelta

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import FailedObject
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.unread_objects import UnreadObjects
from ingest_project.settings.error_classes import Action
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    Clock,
    claim,
    deliver,
    ingest,
    outcome,
    plan_one,
    routed,
    start,
)

MINUTE = timedelta(minutes=1)


def fail(ledger: Ledger, *keys: str, error_class: str = "unreadable", action: Action = "release") -> str:
    """Let these objects fail in one batch; returns its id."""
    deliver(ledger, *[claim(routed(key), message_id=f"message of {key}") for key in keys])
    work = start(ledger, plan_one(ledger))
    failed = [
        FailedObject(one.object_id, error_class, f"{one.object.key} is bad", False, action)
        for one in work.objects
    ]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failed, snapshot_id=None))
    return work.batch.batch_id


def waiting(ledger: Ledger, *, limit: int = 10) -> UnreadObjects:
    return ledger.unread_objects(QUEUE, TABLE, limit=limit)


def test_ledger_without_failures_has_none(ledger: Ledger) -> None:
    ingest(ledger, routed())

    assert waiting(ledger) == UnreadObjects({}, 0, ())


def test_failed_and_parked_objects_are_counted_by_class_and_the_newest_are_named(
    ledger: Ledger, clock: Clock
) -> None:
    fail(ledger, "a", "b", "c")
    clock.advance(hours=1)
    fail(ledger, "d", error_class="missing", action="park")

    found = waiting(ledger, limit=2)

    assert (dict(found.by_class), found.parked, found.total) == ({"unreadable": 3, "missing": 1}, 1, 4)
    assert len(found.newest) == 2
    assert (found.newest[0].uri[-1], found.newest[0].error_class, found.newest[0].is_parked) == (
        "d", "missing", True,
    )  # fmt: skip
    assert found.newest[0].reason.endswith("is bad")


def test_what_is_tried_again_by_itself_does_not_wait_for_a_person(ledger: Ledger) -> None:
    fail(ledger, "a", error_class="throttled", action="retry")
    fail(ledger, "b", action="acknowledge")

    assert waiting(ledger).total == 0


def test_what_was_put_back_or_is_of_another_table_does_not_wait_for_a_person(ledger: Ledger) -> None:
    fail(ledger, "a")
    assert waiting(ledger).total == 1
    assert ledger.unread_objects(QUEUE, "web.clicks", limit=1).total == 0
    assert ledger.unread_objects("returns", TABLE, limit=1).total == 0

    ledger.retry(Selection(table=TABLE))

    assert waiting(ledger).total == 0


def test_lately_are_those_whose_batch_was_settled_in_between(ledger: Ledger, clock: Clock) -> None:
    fail(ledger, "a")
    second = clock.advance(minutes=10)
    fail(ledger, "b")

    def lately(after: timedelta, until: timedelta) -> set[str]:
        found = ledger.lately_unread(QUEUE, TABLE, after=second + after, until=second + until, limit=9)
        return {one.uri[-1] for one in found.newest}

    assert lately(-MINUTE, MINUTE) == {"b"}
    assert lately(-MINUTE, timedelta()) == {"b"}
    assert lately(timedelta(), MINUTE) == set()
    assert lately(-11 * MINUTE, -MINUTE) == {"a"}


def test_object_that_failed_again_is_lately_again(ledger: Ledger, clock: Clock) -> None:
    fail(ledger, "a")
    ledger.retry(Selection(table=TABLE))
    again = clock.advance(minutes=10)
    fail(ledger, "a")

    found = ledger.lately_unread(QUEUE, TABLE, after=again - MINUTE, until=again, limit=9)

    assert found.total == 1
    assert ledger.lately_unread(QUEUE, TABLE, after=NOW - MINUTE, until=NOW, limit=9).total == 1
