"""Several processes on one ledger at once, and strings that a database cannot hold."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded, LedgerUnavailable
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.ledger.factories import (
    QUEUE,
    Clock,
    claim,
    deliver,
    keys_of,
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
from ingest_project_tests.ledger.views import states

WORKERS = 4


def test_daemons_that_claim_the_same_messages_at_once_know_each_object_once(
    ledger: Ledger, ledger_url: str
) -> None:
    claims = [claim(routed(f"k{number}"), message_id=f"m{number}") for number in range(300)]
    ledgers = [Ledger(ledger_url, clock=Clock()) for _ in range(WORKERS)]
    orders = [claims, claims[::-1], claims[150:] + claims[:150], claims[::2] + claims[1::2]]

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda one: deliver(one[0], *one[1]), zip(ledgers, orders, strict=True)))
    for one in ledgers:
        one.close()

    assert sum(result.new_objects for result in results) == 300
    assert objects_by_state(ledger) == {"pending": 300}


def test_claims_and_deletions_at_once_do_not_deadlock(ledger: Ledger, ledger_url: str) -> None:
    claims = [claim(message_id=f"m{number}") for number in range(200)]
    deliver(ledger, *claims)
    ledgers = [Ledger(ledger_url, clock=Clock()) for _ in range(WORKERS)]
    ids = [one.message.message_id for one in claims]

    def work(number: int) -> None:
        for _ in range(5):
            if number % 2:
                deliver(ledgers[number], *claims[::-1])
            else:
                ledgers[number].messages_deleted(QUEUE, ids[:100], refused=ids[100:])

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    for one in ledgers:
        one.close()

    assert sum(ledger.queue_report(QUEUE).messages.values()) == 200


def test_a_rebuild_and_an_ingest_run_never_both_may_commit_a_version(
    ledger: Ledger, ledger_url: str, tables: sa.Connection
) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(20)])
    works = [start(ledger, batch_id) for batch_id in plan(ledger, rules(max_objects=1), max_in_flight=20)]
    other = Ledger(ledger_url, clock=Clock())

    def confirm(index: int) -> str | None:
        work = works[index]
        (member,) = work.objects
        try:
            ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={member.object_id})
        except BatchSuperseded:
            return None
        return member.object.key

    with ThreadPoolExecutor(WORKERS) as pool:
        rebuilt = pool.submit(rebuild, other, *[listed(f"k{number}") for number in range(20)])
        confirmed = {key for key in pool.map(confirm, range(20)) if key is not None}
        taken = set(keys_of(start(ledger, rebuilt.result())))
    other.close()

    assert confirmed.isdisjoint(taken)
    assert confirmed | taken == {f"k{number}" for number in range(20)}


def test_a_settlement_and_a_rebuild_at_once_lose_nothing(
    ledger: Ledger, ledger_url: str, tables: sa.Connection
) -> None:
    deliver(ledger, *[claim(routed(f"k{number}", etag="old")) for number in range(10)])
    works = [start(ledger, batch_id) for batch_id in plan(ledger, rules(max_objects=1), max_in_flight=10)]
    other = Ledger(ledger_url, clock=Clock())

    def settle(index: int) -> None:
        rows = {member.object_id: 1 for member in works[index].objects}
        try:
            ledger.confirm(works[index].batch.batch_id, run_id="run-1", object_ids=set(rows))
        except BatchSuperseded:
            rows = {}
        ledger.settle(works[index].batch.batch_id, run_id="run-1", outcome=outcome(rows))

    with ThreadPoolExecutor(WORKERS) as pool:
        rebuilt = pool.submit(rebuild, other, *[listed(f"k{number}", etag="new") for number in range(10)])
        list(pool.map(settle, range(10)))
        batch_id = rebuilt.result()
    other.close()

    taken = keys_of(start(ledger, batch_id))
    final = states(tables)
    for number in range(10):
        key = f"k{number}"
        old = final[key, "0055"]
        assert old in (ObjectState.COMMITTED, ObjectState.PENDING)
        assert old == ObjectState.COMMITTED or key in taken


def test_a_key_that_the_database_cannot_hold_claims_nothing_of_its_drain(ledger: Ledger) -> None:
    """Such keys are refused where messages are read; the ledger must not do a part of the work."""
    bad = claim(routed("orders/\ud800.ndjson"))

    with pytest.raises((LedgerUnavailable, UnicodeEncodeError)):
        deliver(ledger, claim(routed("good")), bad)

    assert objects_by_state(ledger) == {}
    assert ledger.queue_report(QUEUE).messages == {}


def test_a_nul_in_a_key_leaves_nothing_half_done(ledger: Ledger) -> None:
    """SQLite stores it; PostgreSQL does not, and refuses the whole drain."""
    with suppress(LedgerUnavailable):
        deliver(ledger, claim(routed("good")), claim(routed("orders/\0.ndjson")))

    assert objects_by_state(ledger) in ({}, {"pending": 2})


def test_the_work_of_a_batch_survives_any_key_that_s3_allows(ledger: Ledger) -> None:
    keys = ["a b+c é%2B.json", "'; drop table messages; --", "x" * 1024, "e\u0301", "\u00e9", "🦆/%00"]
    deliver(ledger, *[claim(routed(key)) for key in keys])

    assert sorted(keys_of(start(ledger, plan_one(ledger)))) == sorted(keys)
