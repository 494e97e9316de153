"""Failed work that a person puts back."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from ingest_project.ledger import retry as retry_module
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.retry import Retried
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.tables import object_versions
from ingest_project_tests.ledger.factories import (
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deliver,
    failure,
    find_outdated,
    ingest,
    keys_of,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    routed,
    rules,
    start,
)

BUCKET = "s3://acme-landing"


def fail(ledger: Ledger, *names: str, error_class: str = "unreadable", transient: bool = False) -> str:
    """A batch whose objects all failed; returns its id."""
    deliver(ledger, *[claim(routed(name)) for name in names])
    work = start(ledger, plan_one(ledger))
    failures = [
        replace(failure(member.object_id, transient=transient), error_class=error_class)
        for member in work.objects
    ]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures, snapshot_id=None))
    return work.batch.batch_id


def set_state(tables: sa.Connection, key: str, state: ObjectState) -> None:
    """As the table's `on_error` settles a failure."""
    tables.execute(sa.update(object_versions).where(object_versions.c.key == key).values(state=state))


def test_a_retried_object_is_planned_anew_and_keeps_its_history(ledger: Ledger, clock: Clock) -> None:
    fail(ledger, "a", "b")
    clock.advance(minutes=1)

    retried = ledger.retry(Selection(uris=(f"{BUCKET}/a",)))
    work = start(ledger, plan_one(ledger), "run-2")

    assert retried.objects == {(QUEUE, TABLE): 1}
    assert retried.queues == {QUEUE}
    assert keys_of(work) == ["a"]
    commit(ledger, work.batch.batch_id, run_id="run-2")
    (record,) = ledger.history(HistoryQuery(keys=("a",)))
    assert (record.state, record.error_class) == (ObjectState.COMMITTED, None)
    assert [part.error_class for part in record.batches] == ["unreadable", None]


def test_retrying_twice_does_it_once(ledger: Ledger) -> None:
    fail(ledger, "a")

    assert ledger.retry(Selection(table=TABLE)).objects == {(QUEUE, TABLE): 1}
    assert ledger.retry(Selection(table=TABLE)) == Retried()


def test_selectors_must_all_hold(ledger: Ledger) -> None:
    first = fail(ledger, "a", "b")
    fail(ledger, "c", error_class="missing")

    assert ledger.retry(Selection(batch_id=first, error_class="missing")).objects == {}
    assert ledger.retry(Selection(table="web.clicks", error_class="missing")).objects == {}
    assert ledger.retry(Selection(batch_id=first, uris=(f"{BUCKET}/c",))).objects == {}
    assert ledger.retry(Selection(error_class="missing")).objects == {(QUEUE, TABLE): 1}
    assert ledger.retry(Selection(batch_id=first)).objects == {(QUEUE, TABLE): 2}
    assert objects_by_state(ledger) == {"pending": 3}


def test_no_selector_puts_nothing_back(ledger: Ledger) -> None:
    fail(ledger, "a")

    assert ledger.retry(Selection()) == Retried()
    assert objects_by_state(ledger) == {"failed": 1}


def test_a_parked_object_comes_back_with_its_class_and_a_skipped_one_only_by_name(
    ledger: Ledger, tables: sa.Connection
) -> None:
    fail(ledger, "parked", "skipped")
    set_state(tables, "parked", ObjectState.QUARANTINED)
    set_state(tables, "skipped", ObjectState.SKIPPED)

    assert ledger.retry(Selection(error_class="unreadable")).objects == {(QUEUE, TABLE): 1}
    assert ledger.retry(Selection(uris=(f"{BUCKET}/skipped",))).objects == {(QUEUE, TABLE): 1}
    assert keys_of(start(ledger, plan_one(ledger))) == ["parked", "skipped"]


def test_what_is_in_the_table_or_on_its_way_is_left_alone_and_said(ledger: Ledger) -> None:
    ingest(ledger, routed(sequencer="01"))
    ingest(ledger, routed(sequencer="02"))
    deliver(ledger, claim(routed(sequencer="03")))
    plan_one(ledger)

    retried = ledger.retry(Selection(uris=(f"{BUCKET}/orders/a.ndjson",)))

    assert retried.objects == {}
    assert retried.left_alone == {"committed": 1, "planned": 1, "superseded": 1}


def test_a_retried_write_that_is_older_than_the_one_in_the_table_ends_superseded(
    ledger: Ledger, tables: sa.Connection
) -> None:
    fail(ledger, "a")
    ingest(ledger, routed("a", sequencer="0099"))
    set_state(tables, "a", ObjectState.COMMITTED)
    tables.execute(
        sa.update(object_versions).where(object_versions.c.sequencer == "0055").values(state="quarantined")
    )

    ledger.retry(Selection(uris=(f"{BUCKET}/a",)))

    find_outdated(ledger, plan_one(ledger))
    assert objects_by_state(ledger) == {"committed": 1, "superseded": 1}


def test_an_object_that_waits_for_its_next_try_need_not_wait(ledger: Ledger) -> None:
    fail(ledger, "a", transient=True)
    assert plan(ledger) == []

    assert ledger.retry(Selection(table=TABLE)).objects == {(QUEUE, TABLE): 1}
    assert keys_of(start(ledger, plan_one(ledger))) == ["a"]


@pytest.mark.parametrize("by", ["batch", "table", "object", "error_class"])
def test_a_batch_that_waits_for_its_next_attempt_need_not_wait(ledger: Ledger, clock: Clock, by: str) -> None:
    deliver(ledger, claim(routed("a")))
    batch_id = plan_one(ledger)
    start(ledger, batch_id)
    ledger.release(batch_id, run_id="run-1", error_class="catalog", error="it is away")
    ledger.next_attempt(batch_id, attempt=1, error="its run failed")
    selections = {
        "batch": Selection(batch_id=batch_id),
        "table": Selection(table=TABLE),
        "object": Selection(uris=(f"{BUCKET}/a",)),
        "error_class": Selection(error_class="catalog"),
    }

    retried = ledger.retry(selections[by])

    assert retried.batches == {batch_id: QUEUE}
    assert ledger.batch(batch_id).not_before == clock.now
    assert objects_by_state(ledger) == {"planned": 1}
    assert ledger.retry(Selection(batch_id="another")) == Retried()


def test_more_than_one_call_takes_is_said(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_module, "AT_ONCE", 2)
    fail(ledger, "a", "b", "c")

    assert ledger.retry(Selection(table=TABLE)).more
    assert not ledger.retry(Selection(table=TABLE)).more
    assert keys_of(start(ledger, plan_one(ledger, rules()))) == ["a", "b", "c"]
