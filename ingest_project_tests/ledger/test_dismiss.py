"""Failed work that a person settles."""

import pytest
import sqlalchemy as sa

from ingest_project.ledger import dismiss as dismiss_module
from ingest_project.ledger.dismiss import Dismissed
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.tables import object_versions
from ingest_project_tests.ledger.factories import (
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    fail_for_good,
    failure,
    id_of,
    ingest,
    keys_of,
    listed,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    start,
)
from ingest_project_tests.ledger.views import state_of

BUCKET = "s3://acme-landing"
NEVER = Selection(uris=(f"{BUCKET}/never",))


def test_dismissed_object_waits_for_nobody_and_keeps_its_history(
    ledger: Ledger, clock: Clock, tables: sa.Connection
) -> None:
    batch_id = fail_for_good(ledger, routed("never"), routed("other"))
    dismissed_at = clock.advance(minutes=1)

    dismissed = ledger.dismiss(NEVER)

    assert dismissed == Dismissed({(QUEUE, TABLE, "missing"): 1})
    assert objects_by_state(ledger) == {"failed": 1, "skipped": 1}
    assert deletable(ledger) == ["message of never"]
    assert plan(ledger) == []
    (record,) = ledger.history(HistoryQuery(keys=("never",)))
    assert (record.error_class, record.reason) == ("missing", "dismissed: never is gone")
    assert [(part.batch_id, part.reason) for part in record.batches] == [(batch_id, "never is gone")]
    assert ledger.unread_objects(QUEUE, TABLE, limit=9).newest[0].uri == f"{BUCKET}/other"
    settled_at = sa.select(object_versions.c.settled_at).where(object_versions.c.key == "never")
    assert tables.scalar(settled_at) == dismissed_at


def test_dismissing_twice_does_it_once_and_says_that_it_is_done(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never"))

    assert ledger.dismiss(NEVER).objects == {(QUEUE, TABLE, "missing"): 1}
    assert ledger.dismiss(NEVER) == Dismissed(left_alone={"skipped": 1})
    assert ledger.dismiss(Selection(table=TABLE)) == Dismissed()


def test_selectors_must_all_hold(ledger: Ledger) -> None:
    first = fail_for_good(ledger, routed("a"), routed("b"))
    fail_for_good(ledger, routed("c"), error_class="unreadable", action="park")

    assert ledger.dismiss(Selection(batch_id=first, error_class="unreadable")).objects == {}
    assert ledger.dismiss(Selection(table="web.clicks", error_class="missing")).objects == {}
    assert ledger.dismiss(Selection(batch_id=first, uris=(f"{BUCKET}/c",))).objects == {}
    assert ledger.dismiss(Selection(error_class="unreadable")).objects == {(QUEUE, TABLE, "unreadable"): 1}
    assert ledger.dismiss(Selection(batch_id=first)).objects == {(QUEUE, TABLE, "missing"): 2}
    assert objects_by_state(ledger) == {"skipped": 3}


def test_no_selector_dismisses_nothing(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("a"))

    assert ledger.dismiss(Selection()) == Dismissed()
    assert objects_by_state(ledger) == {"failed": 1}


def test_what_has_not_failed_is_left_alone_and_said(ledger: Ledger) -> None:
    ingest(ledger, routed(sequencer="01"))
    ingest(ledger, routed(sequencer="02"))
    deliver(ledger, claim(routed(sequencer="03")))
    work = start(ledger, plan_one(ledger))
    waits = outcome(failures=[failure(id_of(work), transient=True)])
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=waits)
    deliver(ledger, claim(routed("planned")))
    plan_one(ledger)

    uris = (f"{BUCKET}/orders/a.ndjson", f"{BUCKET}/planned")
    dismissed = ledger.dismiss(Selection(uris=uris))

    assert dismissed.objects == {}
    assert dismissed.left_alone == {"committed": 1, "superseded": 1, "pending": 1, "planned": 1}
    assert ledger.dismiss(Selection(table=TABLE)) == Dismissed()


def test_message_that_comes_after_finds_its_object_settled_and_a_retry_by_name_brings_it_back(
    ledger: Ledger,
) -> None:
    fail_for_good(ledger, routed("never"))
    ledger.dismiss(NEVER)
    deliver(ledger, claim(routed("never"), message_id="redriven"))

    assert deletable(ledger) == ["message of never", "redriven"]
    assert plan(ledger) == []
    assert ledger.retry(Selection(error_class="missing")).objects == {}
    assert ledger.retry(NEVER).objects == {(QUEUE, TABLE): 1}
    assert deletable(ledger) == []
    commit(ledger, plan_one(ledger))
    assert objects_by_state(ledger) == {"committed": 1}


def test_object_that_fails_again_after_a_retry_has_its_new_reason_and_can_be_dismissed_again(
    ledger: Ledger,
) -> None:
    fail_for_good(ledger, routed("never"))
    ledger.dismiss(NEVER)
    ledger.retry(NEVER)
    fail_for_good(ledger, routed("never"))

    assert ledger.dismiss(NEVER).objects == {(QUEUE, TABLE, "missing"): 1}
    (record,) = ledger.history(HistoryQuery(keys=("never",)))
    assert record.reason == "dismissed: never is gone"


def test_new_write_of_the_key_is_ingested(ledger: Ledger, tables: sa.Connection) -> None:
    fail_for_good(ledger, routed("never", sequencer="01"))
    ledger.dismiss(NEVER)

    ingest(ledger, routed("never", sequencer="02"))

    assert state_of(tables, "never", "02") == ObjectState.COMMITTED


def test_parked_object_that_a_rebuild_is_reading_ends_in_the_table(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never"), action="park")
    work = start(ledger, rebuild(ledger, listed("never")), "rebuild-1")
    ledger.dismiss(NEVER)

    assert keys_of(work) == ["never"]
    commit(ledger, work.batch.batch_id, run_id="rebuild-1")

    assert objects_by_state(ledger) == {"committed": 1}


def test_more_than_one_call_takes_is_said(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dismiss_module, "AT_ONCE", 2)
    fail_for_good(ledger, routed("a"), routed("b"), routed("c"))

    assert ledger.dismiss(Selection(table=TABLE)).more
    assert not ledger.dismiss(Selection(table=TABLE)).more
    assert objects_by_state(ledger) == {"skipped": 3}
