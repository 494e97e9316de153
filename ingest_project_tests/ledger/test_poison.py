"""A batch that kills its runs is divided until one object is alone, unless it may be in the table."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger import poison
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import Batch, BatchState, ObjectState
from ingest_project.ledger.poison import INTERRUPTIONS, LOST_ATTEMPTS
from ingest_project.ledger.tables import attempts, batch_objects, batches, object_versions
from ingest_project.settings.error_classes import Action
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deletable,
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
from ingest_project_tests.ledger.views import batch_state, state_of, states


def lose(
    ledger: Ledger, batch_id: str, times: int = LOST_ATTEMPTS, *, on_unknown: Action = "release"
) -> None:
    """Let so many runs start the batch and die without a report."""
    for _ in range(times):
        attempt = ledger.batch(batch_id).attempt
        start(ledger, batch_id, f"run {attempt} of {batch_id}")
        assert ledger.next_attempt(batch_id, attempt=attempt, error="its run stopped", on_unknown=on_unknown)


def planned(ledger: Ledger, *keys: str) -> str:
    deliver(ledger, *[claim(routed(key), message_id=key) for key in keys])
    return plan_one(ledger)


def members(ledger: Ledger, batch: Batch) -> list[str]:
    return keys_of(start(ledger, batch.batch_id))


def test_a_batch_that_killed_its_runs_is_split_in_two(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    batch_id = planned(ledger, "a", "b", "c")
    lose(ledger, batch_id, LOST_ATTEMPTS - 1)
    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]
    clock.advance(minutes=1)

    lose(ledger, batch_id, 1)

    parts = ledger.open_batches(QUEUE)
    assert sorted((one.objects, one.size_bytes) for one in parts) == [(1, 100), (2, 200)]
    for one in parts:
        assert (one.attempt, one.starts, one.not_before, one.table) == (1, 0, clock.now, "sales.orders")
    assert batch_state(tables, batch_id) == BatchState.ABANDONED
    split = tables.execute(sa.select(batches).where(batches.c.batch_id == batch_id)).one()
    assert split.error.startswith("its runs died 3 times; split into ")
    assert all(one.batch_id in split.error for one in parts)
    assert (split.heartbeat_at, split.settled_at) == (None, clock.now)
    assert sorted(key for one in parts for key in members(ledger, one)) == ["a", "b", "c"]


def test_the_parts_keep_the_policy_and_are_exceptions_to_the_limit(
    ledger: Ledger, tables: sa.Connection
) -> None:
    deliver(ledger, claim(routed("a")), claim(routed("b")))
    (batch_id,) = plan(ledger, rules(on_overwrite="append"), max_in_flight=1)

    lose(ledger, batch_id)

    assert len(ledger.open_batches(QUEUE)) == 2
    assert set(tables.scalars(sa.select(batches.c.on_overwrite))) == {"append"}


def test_one_object_among_many_is_found_and_the_others_are_ingested(
    ledger: Ledger, tables: sa.Connection
) -> None:
    keys = [f"k{number:02}" for number in range(20)]
    planned(ledger, *keys)

    while open_batches := ledger.open_batches(QUEUE):
        for batch in open_batches:
            if "k13" in [key for (key,) in _planned_keys(tables, batch.batch_id)]:
                lose(ledger, batch.batch_id, 1)
            else:
                commit(ledger, batch.batch_id)

    assert objects_by_state(ledger) == {"committed": 19, "failed": 1}
    assert state_of(tables, "k13", "0055") == ObjectState.FAILED
    (report,) = ledger.failures()
    assert (report.name, report.error_class) == ("s3://acme-landing/k13", "unknown")
    assert report.reason.startswith("its run died 3 times with this object alone; see the runs of batch ")
    assert deletable(ledger) == [key for key in keys if key != "k13"]
    assert tables.execute(sa.select(sa.func.count()).select_from(attempts)).scalar_one() <= 3 * 6 + 5


def _planned_keys(tables: sa.Connection, batch_id: str) -> list[tuple[str]]:
    query = sa.select(object_versions.c.key).where(object_versions.c.batch_id == batch_id)
    return [(key,) for key in tables.scalars(query)]


@pytest.mark.parametrize(
    ("action", "state"),
    [("release", ObjectState.FAILED), ("park", ObjectState.QUARANTINED), ("retry", ObjectState.PENDING)],
)
def test_an_object_that_alone_killed_its_runs_fails_by_its_action(
    ledger: Ledger, tables: sa.Connection, action: Action, state: ObjectState
) -> None:
    batch_id = planned(ledger, "a")

    lose(ledger, batch_id, on_unknown=action)

    assert state_of(tables, "a", "0055") == state
    assert batch_state(tables, batch_id) == BatchState.FAILED
    assert deletable(ledger) == (["a"] if action == "park" else [])
    query = sa.select(batch_objects.c.error_class, batch_objects.c.rows).where(
        batch_objects.c.batch_id == batch_id
    )
    assert tables.execute(query).one() == ("unknown", None)


def test_dividing_twice_divides_once(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")
    lose(ledger, batch_id)
    before = ledger.open_batches(QUEUE)

    again = ledger.next_attempt(batch_id, attempt=LOST_ATTEMPTS, error="its run stopped")

    assert again is False
    assert ledger.open_batches(QUEUE) == before


def test_a_batch_that_was_confirmed_is_never_divided(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")
    work = start(ledger, batch_id)
    ledger.confirm(batch_id, run_id="run-1", object_ids={member.object_id for member in work.objects})

    lose(ledger, batch_id, 10)

    (batch,) = ledger.open_batches(QUEUE)
    assert (batch.batch_id, batch.attempt) == (batch_id, 11)
    assert (batch.not_before - NOW).total_seconds() == 600


def test_a_zombie_of_a_divided_batch_is_refused_everywhere(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")
    lose(ledger, batch_id, LOST_ATTEMPTS - 1)
    work = start(ledger, batch_id, "zombie")
    ledger.next_attempt(batch_id, attempt=LOST_ATTEMPTS, error="its run stopped")
    ids = {member.object_id for member in work.objects}

    assert ledger.heartbeat(batch_id, run_id="zombie") is False
    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="zombie", object_ids=ids)
    with pytest.raises(BatchSuperseded):
        ledger.confirm(batch_id, run_id="zombie", object_ids=set())
    ledger.settle(batch_id, run_id="zombie", outcome=outcome(dict.fromkeys(ids, 1)))
    assert ledger.start(batch_id, run_id="zombie") is None
    assert objects_by_state(ledger) == {"planned": 2}
    assert len(ledger.open_batches(QUEUE)) == 2


def test_a_zombie_that_confirms_first_keeps_the_batch_whole(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")
    lose(ledger, batch_id, LOST_ATTEMPTS - 1)
    work = start(ledger, batch_id, "zombie")
    ledger.confirm(batch_id, run_id="zombie", object_ids={member.object_id for member in work.objects})

    ledger.next_attempt(batch_id, attempt=LOST_ATTEMPTS, error="its run stopped")

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]


def test_whoever_comes_first_a_batch_is_either_confirmed_or_divided(ledger: Ledger) -> None:
    for number in range(10):
        batch_id = planned(ledger, f"a{number}", f"b{number}")
        lose(ledger, batch_id, LOST_ATTEMPTS - 1)
        work = start(ledger, batch_id, "zombie")
        ids = {member.object_id for member in work.objects}
        with ThreadPoolExecutor(2) as both:
            confirming = both.submit(ledger.confirm, batch_id, run_id="zombie", object_ids=ids)
            dividing = both.submit(ledger.next_attempt, batch_id, attempt=LOST_ATTEMPTS, error="it stopped")
        refused = isinstance(confirming.exception(), BatchSuperseded)
        open_ids = [one.batch_id for one in ledger.open_batches(QUEUE)]

        assert dividing.result() is True
        assert refused is (batch_id not in open_ids)
        assert len(open_ids) == (2 if refused else 1)
        for one in open_ids:
            commit(ledger, one, run_id="run-2")
    assert objects_by_state(ledger) == {"committed": 20}


@pytest.mark.parametrize("error_class", ["catalog", "conflict", "ledger", "table_mismatch"])
def test_an_attempt_that_ended_with_a_known_error_tells_nothing_of_the_objects(
    ledger: Ledger, error_class: str
) -> None:
    batch_id = planned(ledger, "a", "b")

    fail_attempts(ledger, batch_id, 5, error_class, "the catalog did not answer")

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_an_attempt_that_was_cancelled_tells_nothing_of_the_objects(
    ledger: Ledger, interruption: str
) -> None:
    batch_id = planned(ledger, "a", "b")

    fail_attempts(ledger, batch_id, 5, "unknown", interruption)

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]


def test_attempts_that_ended_in_an_unexpected_exception_count_as_lost(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")

    fail_attempts(ledger, batch_id, LOST_ATTEMPTS, "unknown", "ZeroDivisionError")

    assert batch_id not in [one.batch_id for one in ledger.open_batches(QUEUE)]


def fail_attempts(ledger: Ledger, batch_id: str, times: int, error_class: str, error: str) -> None:
    for attempt in range(1, times + 1):
        start(ledger, batch_id, f"run-{attempt}")
        ledger.release(batch_id, run_id=f"run-{attempt}", error_class=error_class, error=error)
        ledger.next_attempt(batch_id, attempt=attempt, error="run ended as FAILURE")


def test_a_run_that_never_started_tells_nothing_of_the_objects(ledger: Ledger) -> None:
    batch_id = planned(ledger, "a", "b")

    for attempt in range(1, 10):
        ledger.next_attempt(batch_id, attempt=attempt, error="the run was never started")

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]


def test_a_rebuild_is_not_divided(ledger: Ledger) -> None:
    batch_id = rebuild(ledger, listed("a"), listed("b"))

    lose(ledger, batch_id, 5)

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [batch_id]


def test_what_a_rebuild_took_away_is_in_no_part(ledger: Ledger, tables: sa.Connection) -> None:
    batch_id = planned(ledger, "a", "b", "c")
    lose(ledger, batch_id, LOST_ATTEMPTS - 1)
    rebuilt = rebuild(ledger, listed("b"), listed("c"))

    lose(ledger, batch_id, 1)

    assert [one.batch_id for one in ledger.open_batches(QUEUE)] == [rebuilt]
    assert {key: state for (key, _), state in states(tables).items()} == {
        "a": ObjectState.FAILED,
        "b": ObjectState.PLANNED,
        "c": ObjectState.PLANNED,
    }


def test_a_batch_of_which_nothing_is_left_ends(ledger: Ledger, tables: sa.Connection) -> None:
    batch_id = planned(ledger, "a")
    rebuild(ledger, listed("a"))

    lose(ledger, batch_id)

    assert batch_state(tables, batch_id) == BatchState.ABANDONED


def test_a_fault_that_hits_every_batch_does_not_shatter_them(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poison, "MAX_OPEN_BATCHES", 8)
    planned(ledger, *[f"k{number:02}" for number in range(64)])

    for _ in range(10 * LOST_ATTEMPTS):
        for batch in ledger.open_batches(QUEUE):
            lose(ledger, batch.batch_id, 1)

    assert len(ledger.open_batches(QUEUE)) == 8
    assert objects_by_state(ledger) == {"planned": 64}
