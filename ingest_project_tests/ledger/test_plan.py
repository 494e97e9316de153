"""Planning: what waits becomes batches, within limits, and each object version once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind, ObjectState
from ingest_project.ledger.poison import LOST_ATTEMPTS
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    find_outdated,
    finish,
    id_of,
    ingest,
    keys_of,
    outcome,
    plan,
    plan_one,
    routed,
    rules,
    start,
)
from ingest_project_tests.ledger.views import state_of, states

KEY = "orders/a.ndjson"


def keys_by_batch(ledger: Ledger, *planned: str) -> list[list[str]]:
    return [keys_of(start(ledger, batch_id)) for batch_id in planned]


def test_a_batch_says_what_it_holds(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a", size_bytes=30)), claim(routed("b", size_bytes=12)))

    batch = ledger.batch(plan_one(ledger))

    assert (batch.queue, batch.table, batch.kind) == (QUEUE, TABLE, BatchKind.INGEST)
    assert (batch.objects, batch.size_bytes, batch.attempt, batch.starts) == (2, 42, 1, 0)
    assert batch.batch_id.startswith("20261120T120000000Z-")
    assert batch.run_key == f"{batch.batch_id}:1"
    assert ledger.open_batches(QUEUE) == [batch]


def test_a_batch_takes_no_more_objects_than_it_may(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(5)])

    planned = plan(ledger, rules(max_objects=2))

    assert sorted(map(len, keys_by_batch(ledger, *planned))) == [1, 2, 2]


def test_a_batch_takes_no_more_bytes_than_it_may_and_one_larger_object_goes_along(
    ledger: Ledger, clock: Clock
) -> None:
    for key, size_bytes in [("a", 60), ("b", 40), ("c", 500), ("d", 10)]:
        deliver(ledger, claim(routed(key, size_bytes=size_bytes)))
        clock.advance(seconds=1)

    planned = plan(ledger, rules(max_bytes=100))

    assert sorted(keys_by_batch(ledger, *planned)) == [["a", "b", "c"], ["d"]]


def test_sizes_that_are_claimed_too_large_keep_no_other_object_waiting(ledger: Ledger, clock: Clock) -> None:
    """All real ones are in the first batch, although many forged ones were claimed before them."""
    for number in range(20):
        deliver(ledger, claim(routed(f"forged-{number:02d}", size_bytes=2**63 - 1)))
        clock.advance(seconds=1)
    deliver(ledger, *[claim(routed(f"real-{number}", size_bytes=10)) for number in range(5)])

    (planned,) = plan(ledger, rules(max_bytes=100), max_in_flight=1)

    assert keys_of(start(ledger, planned)) == ["forged-00", *[f"real-{number}" for number in range(5)]]


def test_sum_of_claimed_sizes_may_exceed_what_the_database_holds(ledger: Ledger, clock: Clock) -> None:
    largest = 2**63 - 1
    deliver(ledger, *[claim(routed(key, size_bytes=largest)) for key in ("a", "b", "c")])

    planned = plan_one(ledger, rules(max_bytes=2**65))

    assert ledger.batch(planned).size_bytes == largest
    for attempt in range(1, LOST_ATTEMPTS + 1):
        start(ledger, planned, run_id=f"run-{attempt}")
        clock.advance(hours=1)
        ledger.next_attempt(planned, attempt=attempt, error="lost")
    halves = ledger.open_batches(QUEUE)
    assert sorted(batch.objects for batch in halves) == [1, 2]
    assert {batch.size_bytes for batch in halves} == {largest}


def test_no_more_batches_are_open_than_may_be_in_flight(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(5)])
    one_each = rules(max_objects=1)

    first = plan(ledger, one_each, max_in_flight=2)
    while_open = plan(ledger, one_each, max_in_flight=2)
    commit(ledger, first[0])
    after_one_settled = plan(ledger, one_each, max_in_flight=2)

    assert (len(first), len(while_open), len(after_one_settled)) == (2, 0, 1)
    assert ledger.waiting_objects(QUEUE) == 2


def test_every_table_gets_a_batch_before_any_gets_a_second(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(9)])
    deliver(ledger, claim(routed("late", table="web.clicks")))

    planned = plan(ledger, rules(max_objects=1), rules("web.clicks", max_objects=1), max_in_flight=3)

    assert sorted(ledger.batch(one).table for one in planned) == [TABLE, TABLE, "web.clicks"]


def test_a_crash_between_claim_and_launch_loses_nothing(ledger: Ledger, ledger_url: str) -> None:
    ledger.claim_and_plan(
        QUEUE, [claim(routed())], rules=[rules()], max_in_flight=4, invisible_until=NOW + timedelta(minutes=5)
    )

    after_the_crash = Ledger(ledger_url)
    (batch,) = after_the_crash.open_batches(QUEUE)
    work = after_the_crash.start(batch.batch_id, run_id="run-1")
    after_the_crash.close()

    assert work is not None
    assert keys_of(work) == [KEY]


def test_an_object_waits_for_its_time(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    ledger.settle(
        work.batch.batch_id,
        run_id="run-1",
        outcome=outcome(failures=[failure(id_of(work), transient=True)]),
    )

    at_once = plan(ledger)
    clock.advance(seconds=5)
    after_the_backoff = plan(ledger)

    assert at_once == []
    assert len(after_the_backoff) == 1


def test_objects_come_to_a_run_by_partition(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a", partition="2"), routed("b", partition="1"), routed("c", partition="2")))

    assert keys_by_batch(ledger, plan_one(ledger)) == [["b", "a", "c"]]


@pytest.mark.parametrize("policy", ["replace", "ignore"])
def test_one_key_is_never_in_two_open_batches(ledger: Ledger, policy: OnOverwrite) -> None:
    deliver(ledger, claim(routed(sequencer="01")))
    first = plan(ledger, rules(on_overwrite=policy))
    deliver(ledger, claim(routed(sequencer="02")))

    second = plan(ledger, rules(on_overwrite=policy))

    assert (len(first), second) == (1, [])


def test_with_append_versions_of_one_key_go_into_batches_at_once(
    ledger: Ledger, tables: sa.Connection
) -> None:
    appending = rules(on_overwrite="append", max_objects=1)
    deliver(ledger, claim(routed(sequencer="01")), claim(routed(sequencer="02")))

    planned = plan(ledger, appending)
    for batch_id in planned:
        commit(ledger, batch_id)

    assert len(planned) == 2
    assert set(states(tables).values()) == {ObjectState.COMMITTED}


def test_with_replace_the_newest_write_counts_and_an_older_one_is_not_read(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(
        ledger,
        claim(routed(sequencer="02"), message_id="newer"),
        claim(routed(sequencer="01"), message_id="older"),
    )

    batch_id = plan_one(ledger)
    assert [member.object.sequencer for member in start(ledger, batch_id).objects] == ["02"]
    assert deletable(ledger) == []
    commit(ledger, batch_id)

    assert state_of(tables, KEY, "01") == ObjectState.SUPERSEDED
    assert deletable(ledger) == ["newer", "older"]


def test_with_replace_an_older_write_comes_back_when_the_newest_one_fails(
    ledger: Ledger, tables: sa.Connection
) -> None:
    """A message that names a write that S3 does not hold must not prevent a real one, whatever it claims."""
    deliver(ledger, claim(routed(sequencer="FF"), message_id="forged"))
    deliver(ledger, claim(routed(sequencer="01"), message_id="real"))
    forged = start(ledger, plan_one(ledger))
    broken = [failure(id_of(forged))]
    ledger.settle(forged.batch.batch_id, run_id="run-1", outcome=outcome(failures=broken))

    commit(ledger, plan_one(ledger))

    assert state_of(tables, KEY, "01") == ObjectState.COMMITTED
    assert state_of(tables, KEY, "FF") == ObjectState.SUPERSEDED
    assert deletable(ledger) == ["forged", "real"]


def test_with_replace_what_came_after_the_run_began_is_not_superseded_by_it(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed(sequencer="02")))
    work = start(ledger, plan_one(ledger))
    deliver(ledger, claim(routed(sequencer="01"), message_id="late"))

    finish(ledger, work)

    assert state_of(tables, KEY, "01") == ObjectState.PENDING
    assert "late" not in deletable(ledger)


def test_with_replace_an_older_write_that_comes_late_is_not_read(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed(sequencer="02"))

    deliver(ledger, claim(routed(sequencer="01"), message_id="older"))

    assert "older" not in deletable(ledger)
    find_outdated(ledger, plan_one(ledger))

    assert state_of(tables, KEY, "01") == ObjectState.SUPERSEDED
    assert state_of(tables, KEY, "02") == ObjectState.COMMITTED
    assert "older" in deletable(ledger)


def test_with_replace_a_newer_write_settles_an_older_one_that_failed(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed(sequencer="01"), message_id="failed"))
    work = start(ledger, plan_one(ledger))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[failure(id_of(work))]))

    ingest(ledger, routed(sequencer="02"))

    assert state_of(tables, KEY, "01") == ObjectState.SUPERSEDED
    assert "failed" in deletable(ledger)


def test_with_replace_a_failed_newer_write_does_not_hold_back_an_older_one(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed(sequencer="02")))
    work = start(ledger, plan_one(ledger))
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[failure(id_of(work))]))

    ingest(ledger, routed(sequencer="01"))

    assert state_of(tables, KEY, "01") == ObjectState.COMMITTED


def test_with_ignore_the_first_write_counts_and_later_ones_are_skipped(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ignoring = rules(on_overwrite="ignore")
    deliver(ledger, claim(routed(sequencer="02")), claim(routed(sequencer="01")))
    first = start(ledger, plan_one(ledger, ignoring))
    commit(ledger, first.batch.batch_id)

    assert [member.object.sequencer for member in first.objects] == ["01"]
    assert plan(ledger, ignoring) == []
    assert state_of(tables, KEY, "02") == ObjectState.SKIPPED


def test_with_ignore_the_next_write_has_its_turn_when_the_first_failed(ledger: Ledger) -> None:
    ignoring = rules(on_overwrite="ignore")
    deliver(ledger, claim(routed(sequencer="01")), claim(routed(sequencer="02")))
    first = start(ledger, plan_one(ledger, ignoring))
    ledger.settle(first.batch.batch_id, run_id="run-1", outcome=outcome(failures=[failure(id_of(first))]))

    second = start(ledger, plan_one(ledger, ignoring))

    assert [member.object.sequencer for member in second.objects] == ["02"]


def test_with_ignore_a_first_write_that_was_claimed_last_is_not_out_of_sight(
    ledger: Ledger, clock: Clock
) -> None:
    for sequencer in ("04", "03", "02", "01"):
        deliver(ledger, claim(routed(sequencer=sequencer)))
        clock.advance(seconds=1)

    work = start(ledger, plan_one(ledger, rules(on_overwrite="ignore", max_objects=1)))

    assert [member.object.sequencer for member in work.objects] == ["01"]


def test_versions_that_wait_for_their_key_do_not_hold_others_back(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed("busy", sequencer="01")))
    plan_one(ledger)
    for number in range(5):
        deliver(ledger, claim(routed("busy", sequencer=f"1{number}")))
    clock.advance(seconds=1)
    deliver(ledger, claim(routed("free")))

    assert keys_by_batch(ledger, plan_one(ledger, rules(max_objects=1))) == [["free"]]


def test_two_planners_at_once_plan_nothing_twice(ledger: Ledger, ledger_url: str) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(200)])
    ledgers = [Ledger(ledger_url, clock=Clock()) for _ in range(4)]

    def work(one: Ledger) -> None:
        one.claim_and_plan(
            QUEUE, [], rules=[rules(max_objects=10)], max_in_flight=100, invisible_until=NOW
        )  # fmt: skip

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ledgers))
    planned = [batch.batch_id for batch in ledger.open_batches(QUEUE)]
    keys = Counter(key for some in keys_by_batch(ledger, *planned) for key in some)
    for one in ledgers:
        one.close()

    assert len(keys) == 200
    assert set(keys.values()) == {1}
    assert len(planned) == 20


def test_two_planners_at_once_open_no_more_batches_than_may_be_in_flight(
    ledger: Ledger, ledger_url: str
) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(40)])
    ledgers = [Ledger(ledger_url, clock=Clock()) for _ in range(4)]

    def work(one: Ledger) -> None:
        one.claim_and_plan(QUEUE, [], rules=[rules(max_objects=1)], max_in_flight=5, invisible_until=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ledgers))
    for one in ledgers:
        one.close()

    assert len(ledger.open_batches(QUEUE)) == 5
