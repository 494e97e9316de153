"""The contents of messages that are rows: kept exactly as long as they may be read."""

from dataclasses import replace
from datetime import timedelta

from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.routing import RoutedObject
from ingest_project_tests.ledger.factories import (
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deliver,
    failure,
    outcome,
    plan_one,
    routed,
    start,
)

RULE: dict[str, OnOverwrite] = {TABLE: "append"}


def message(key: str, content: bytes) -> RoutedObject:
    return replace(routed(key), content=content)


def kept(ledger: Ledger, one: RoutedObject) -> bytes | None:
    return ledger.message_contents(TABLE, [one.object]).get(one.object)


def test_content_of_the_first_delivery_stays(ledger: Ledger) -> None:
    first = message("a", b"first")
    deliver(ledger, claim(first, message_id="m1"))

    deliver(ledger, claim(message("a", b"again"), message_id="m1"))

    assert kept(ledger, first) == b"first"


def test_content_of_a_redriven_message_replaces_it_before_it_is_planned(ledger: Ledger) -> None:
    first = message("a", b"first")
    deliver(ledger, claim(first, message_id="m1"))

    deliver(ledger, claim(message("a", b"redriven"), message_id="m2"))
    assert kept(ledger, first) == b"redriven"

    plan_one(ledger)
    deliver(ledger, claim(message("a", b"again"), message_id="m3"))
    assert kept(ledger, first) == b"redriven"


def test_commit_drops_the_content_and_a_later_delivery_does_not_bring_it_back(ledger: Ledger) -> None:
    one = message("a", b"x")
    deliver(ledger, claim(one))
    commit(ledger, plan_one(ledger))
    assert kept(ledger, one) is None

    deliver(ledger, claim(one, message_id="later"))

    assert kept(ledger, one) is None


def test_content_of_a_message_that_failed_stays_for_a_retry(ledger: Ledger) -> None:
    good, bad = message("good", b"x"), message("bad", b"y")
    deliver(ledger, claim(good), claim(bad))
    batch_id = plan_one(ledger)
    failed = next(one for one in start(ledger, batch_id).objects if one.object.key == bad.object.key)
    commit(ledger, batch_id, failures=[failure(failed.object_id)])

    assert (kept(ledger, good), kept(ledger, bad)) == (None, b"y")


def test_content_with_a_row_in_quarantine_stays_until_prune(ledger: Ledger, clock: Clock) -> None:
    one = message("a", b"x")
    deliver(ledger, claim(one))
    batch_id = plan_one(ledger)
    (member,) = start(ledger, batch_id).objects
    ended = replace(outcome({member.object_id: 0}), rejected_rows={member.object_id: 1})
    ledger.settle(batch_id, run_id="run-1", outcome=ended)
    assert kept(ledger, one) == b"x"

    clock.advance(days=40)
    would = ledger.prune(older_than=timedelta(days=30), policies=RULE, dry_run=True)
    assert (would.message_contents, kept(ledger, one)) == (1, b"x")
    done = ledger.prune(older_than=timedelta(days=30), policies=RULE)
    assert (done.message_contents, kept(ledger, one)) == (1, None)


def test_content_of_what_waits_is_not_forgotten(ledger: Ledger, clock: Clock) -> None:
    one = message("a", b"x")
    deliver(ledger, claim(one))

    clock.advance(days=400)
    ledger.prune(older_than=timedelta(days=30), policies=RULE)

    assert kept(ledger, one) == b"x"
    assert ledger.waiting_objects(QUEUE) == 1
