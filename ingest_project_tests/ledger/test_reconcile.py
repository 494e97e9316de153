"""Claims of what only a listing shows: once, in a ledger on each database, and beside messages."""

from datetime import timedelta

import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite, Standing
from ingest_project.ledger.reconcile import TableSource
from ingest_project.ledger.tables import object_versions
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    Clock,
    claim,
    deliver,
    fail_for_good,
    ingest,
    listed,
    plan_one,
    routed,
    start,
)

HOUR = timedelta(hours=1)


def shown(key: str) -> ListedWrite:
    return ListedWrite(listed(key, etag="etag-1"), NOW)


def test_write_is_claimed_once_and_planned_like_that_of_a_message(ledger: Ledger) -> None:
    assert ledger.claim_listed(QUEUE, "replace", [shown("a"), shown("b")]) == 2
    assert ledger.claim_listed(QUEUE, "replace", [shown("a"), shown("b")]) == 0
    assert ledger.pending_objects(QUEUE) == 2

    members = start(ledger, plan_one(ledger)).objects

    assert sorted(one.object.key for one in members) == ["a", "b"]
    assert ledger.pending_objects(QUEUE) == 0


def test_what_a_message_has_brought_is_not_claimed_again(ledger: Ledger) -> None:
    ingest(ledger, routed("committed", etag="etag-1"))
    deliver(ledger, claim(routed("waits", etag="etag-1")))

    writes = [shown("waits"), shown("committed"), shown("new")]

    assert ledger.standings("replace", writes) == [Standing.WAITING, Standing.COMMITTED, Standing.MISSING]
    assert ledger.claim_listed(QUEUE, "replace", writes) == 1


def test_claim_is_as_old_as_its_listing(ledger: Ledger, clock: Clock, tables: sa.Connection) -> None:
    """What is written while the claim waits for room is newer than it."""
    clock.advance(hours=2)
    ledger.claim_listed(QUEUE, "replace", [shown("a")])

    assert tables.scalar(sa.select(object_versions.c.claimed_at)) == NOW


def test_write_takes_the_row_of_an_earlier_one_with_its_bytes_that_had_failed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    fail_for_good(ledger, listed("a", etag="etag-1", event_time=NOW - HOUR))
    again = ListedWrite(listed("a", etag="etag-1", event_time=NOW), NOW + HOUR)

    assert ledger.standings("replace", [again]) == [Standing.MISSING]
    assert ledger.claim_listed(QUEUE, "replace", [again]) == 1

    known = object_versions.c
    (row,) = tables.execute(sa.select(known.state, known.error_class, known.attempts, known.event_time))
    assert tuple(row) == ("pending", None, 0, NOW)
    assert ledger.standings("replace", [again]) == [Standing.WAITING]


def test_committed_versions_come_in_pages_each_once(ledger: Ledger, clock: Clock) -> None:
    keys = [f"{number}" for number in range(7)]
    ingest(ledger, *(routed(key) for key in keys[:4]))
    clock.advance(hours=1)
    ingest(ledger, *(routed(key) for key in keys[4:]))

    pages = [ledger.committed_versions(TABLE, limit=3)]
    while pages[-1]:
        pages.append(ledger.committed_versions(TABLE, after=pages[-1][-1], limit=3))

    assert sorted(one.key for page in pages for one in page) == keys
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    since = ledger.committed_versions(TABLE, claimed_since=NOW + HOUR)
    assert sorted(one.key for one in since) == keys[4:]


def test_sources_that_the_ledger_does_not_know_are_told(ledger: Ledger) -> None:
    ingest(ledger, routed("a", version_id="v1"))
    known, other = (TableSource("acme-landing", "a", version) for version in ("v1", "v2"))

    assert ledger.unknown_sources(TABLE, [known, other]) == [other]
