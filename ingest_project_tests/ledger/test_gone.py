"""Failures that a rebuild settles because S3 does not hold their objects, and those that it leaves."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchRole, ObjectState
from ingest_project.ledger.rebuild import HeldKeys
from ingest_project.ledger.selection import Selection
from ingest_project_tests.ledger.factories import (
    NOW,
    PARTITION,
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    fail_for_good,
    failure,
    finish,
    held,
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
    rules,
    start,
)
from ingest_project_tests.ledger.views import states

LATER = NOW + timedelta(minutes=1)
OTHER = "2026-11-21"
FAILED, SKIPPED = ObjectState.FAILED, ObjectState.SKIPPED


def settle(ledger: Ledger, batch_id: str, run_id: str = "rebuild-1") -> int:
    """Run a batch to its end; returns how many failures it settled."""
    work = start(ledger, batch_id, run_id)
    rows = {one.object_id: 10 for one in work.objects}
    ledger.confirm(batch_id, run_id=run_id, object_ids=set(rows))
    return ledger.settle(batch_id, run_id=run_id, outcome=outcome(rows))


@pytest.mark.parametrize("identity", [{}, {"version_id": "v1"}, {"sequencer": None}])
@pytest.mark.parametrize("error_class", ["missing", "unreadable"])
def test_failure_of_an_object_that_s3_does_not_hold_is_settled_with_the_rebuild(
    ledger: Ledger, identity: dict[str, Any], error_class: str
) -> None:
    failed_in = fail_for_good(ledger, routed("never", **identity), error_class=error_class)

    batch_id = rebuild(ledger, listed("a"), held=held("a"), listed_at=LATER)
    assert objects_by_state(ledger) == {"failed": 1, "planned": 1}
    assert deletable(ledger) == []
    settled = settle(ledger, batch_id)

    assert settled == 1
    assert objects_by_state(ledger) == {"skipped": 1, "committed": 1}
    assert ledger.unread_objects(QUEUE, TABLE, limit=1).total == 0
    assert deletable(ledger) == ["message of never"]
    (record,) = ledger.history(HistoryQuery(keys=("never",)))
    assert record.reason == f"S3 did not list the object for the rebuild {batch_id}"
    assert {(part.batch_id, part.role, part.error_class) for part in record.batches} == {
        (failed_in, BatchRole.INGEST, error_class), (batch_id, BatchRole.GONE, None),
    }  # fmt: skip


def test_settling_again_settles_nothing(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never"))
    batch_id = rebuild(ledger, held=held(), listed_at=LATER)
    assert settle(ledger, batch_id) == 1

    assert ledger.settle(batch_id, run_id="rebuild-1", outcome=outcome()) == 0
    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER)) == 0


def test_parked_object_that_s3_does_not_hold_is_settled_too(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never"), action="park")

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER)) == 1

    assert ledger.unread_objects(QUEUE, TABLE, limit=1).total == 0


def test_table_without_partitions_settles_its_failures(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never", partition=None))

    assert settle(ledger, rebuild(ledger, partition=None, held=held(), listed_at=LATER)) == 1


def test_failure_claimed_since_the_listing_began_stays(ledger: Ledger, clock: Clock) -> None:
    """The listing may be older than the write."""
    listed_at = clock.advance(seconds=1)
    fail_for_good(ledger, routed("written since"))

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=listed_at)) == 0

    assert objects_by_state(ledger) == {"failed": 1}
    assert deletable(ledger) == []


@pytest.mark.parametrize(
    "in_s3",
    [
        None,
        held("never"),
        held(bucket="another"),
        held(prefix="elsewhere/"),
    ],
    ids=["not said", "held, though in no partition", "another bucket", "another prefix"],
)
def test_failure_stays_unless_the_listing_must_have_shown_its_object(
    ledger: Ledger, in_s3: HeldKeys | None
) -> None:
    fail_for_good(ledger, routed("never"))

    assert settle(ledger, rebuild(ledger, held=in_s3, listed_at=LATER)) == 0

    assert objects_by_state(ledger) == {"failed": 1}


def test_failures_of_other_partitions_and_tables_stay(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("elsewhere", partition=OTHER))
    deliver(ledger, claim(routed("of another table", table="web.clicks")))
    work = start(ledger, plan_one(ledger, rules("web.clicks")))
    broken = [failure(id_of(work, "of another table"))]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=broken))

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER)) == 0

    assert objects_by_state(ledger) == objects_by_state(ledger, "web.clicks") == {"failed": 1}


def test_key_of_which_a_write_is_on_its_way_is_left_alone(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never", sequencer="01"))
    deliver(ledger, claim(routed("never", sequencer="02")))

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER)) == 0

    assert objects_by_state(ledger) == {"failed": 1, "pending": 1}


def test_key_in_a_batch_that_may_be_committed_is_left_to_it(ledger: Ledger) -> None:
    table = rules(on_overwrite="append")
    fail_for_good(ledger, routed("a", sequencer="01"))
    deliver(ledger, claim(routed("a", sequencer="02")))
    work = start(ledger, plan_one(ledger, table))
    ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids={id_of(work, "a")})

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER, table=table)) == 0

    assert objects_by_state(ledger) == {"failed": 1, "planned": 1}


def test_rows_of_the_key_that_stay_in_another_partition_are_not_touched(ledger: Ledger) -> None:
    ingest(ledger, routed("a", sequencer="01", partition=OTHER))
    fail_for_good(ledger, routed("a", sequencer="00"))
    batch_id = rebuild(ledger, held=held(), listed_at=LATER)
    start(ledger, batch_id, "rebuild-1")

    replaced = ledger.confirm(batch_id, run_id="rebuild-1", object_ids=set())
    assert ledger.settle(batch_id, run_id="rebuild-1", outcome=outcome()) == 1

    assert replaced is not None
    assert replaced.source_uris == frozenset()
    assert objects_by_state(ledger) == {"committed": 1, "skipped": 1}


def test_rows_and_failures_of_a_key_that_is_gone_are_settled_together(
    ledger: Ledger, tables: sa.Connection
) -> None:
    ingest(ledger, routed("a", sequencer="01"))
    fail_for_good(ledger, routed("a", sequencer="02"))

    assert settle(ledger, rebuild(ledger, held=held(), listed_at=LATER)) == 1

    assert states(tables) == {("a", "01"): ObjectState.SUPERSEDED, ("a", "02"): SKIPPED}


def test_older_failure_of_a_key_that_s3_holds_is_not_called_gone(ledger: Ledger) -> None:
    table = rules(on_overwrite="append")
    fail_for_good(ledger, routed("a", sequencer="01", etag="old"))

    assert (
        settle(ledger, rebuild(ledger, listed("a", etag="new"), held=held("a"), listed_at=LATER, table=table))
        == 0
    )

    assert objects_by_state(ledger) == {"failed": 1, "committed": 1}


@pytest.mark.parametrize("by", ["a new message", "a retry"])
def test_what_is_put_back_before_the_rebuild_is_settled_is_tried_again(ledger: Ledger, by: str) -> None:
    fail_for_good(ledger, routed("a"))
    work = start(ledger, rebuild(ledger, held=held(), listed_at=LATER), "rebuild-1")
    if by == "a retry":
        ledger.retry(Selection(uris=("s3://acme-landing/a",)))
    else:
        deliver(ledger, claim(routed("a")))

    meanwhile = plan(ledger)
    finish(ledger, work, run_id="rebuild-1")

    assert meanwhile == []
    assert objects_by_state(ledger) == {"pending": 1}
    assert keys_of(start(ledger, plan_one(ledger))) == ["a"]


def test_rebuild_that_was_replaced_settles_nothing(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("a"))
    first = rebuild(ledger, held=held(), listed_at=LATER)
    start(ledger, first, "rebuild-1")
    second = rebuild(ledger, held=held("a"), listed_at=LATER, run_id="rebuild-2")

    with pytest.raises(BatchSuperseded):
        ledger.confirm(first, run_id="rebuild-1", object_ids=set())
    assert ledger.settle(first, run_id="rebuild-1", outcome=outcome()) == 0
    assert settle(ledger, second, "rebuild-2") == 0
    assert objects_by_state(ledger) == {"failed": 1}


def test_rebuild_that_could_read_nothing_settles_what_is_gone(ledger: Ledger) -> None:
    fail_for_good(ledger, routed("never"))
    work = start(ledger, rebuild(ledger, listed("a"), held=held("a"), listed_at=LATER), "rebuild-1")
    ledger.confirm(work.batch.batch_id, run_id="rebuild-1", object_ids=set())

    ended = outcome(failures=[failure(id_of(work, "a"))])
    assert ledger.settle(work.batch.batch_id, run_id="rebuild-1", outcome=ended) == 1

    assert objects_by_state(ledger) == {"failed": 1, "skipped": 1}


def test_message_that_comes_after_finds_its_object_settled_and_a_retry_by_name_brings_it_back(
    ledger: Ledger,
) -> None:
    fail_for_good(ledger, routed("never"))
    settle(ledger, rebuild(ledger, held=held(), listed_at=LATER))
    deliver(ledger, claim(routed("never"), message_id="redriven"))

    assert deletable(ledger) == ["message of never", "redriven"]
    assert plan(ledger) == []
    assert ledger.retry(Selection(table=TABLE)).objects == {}
    assert ledger.retry(Selection(uris=("s3://acme-landing/never",))).objects == {(QUEUE, TABLE): 1}


def test_new_write_of_the_key_is_ingested_and_a_later_rebuild_brings_what_s3_holds_again(
    ledger: Ledger, tables: sa.Connection
) -> None:
    fail_for_good(ledger, routed("a", sequencer="01"))
    settle(ledger, rebuild(ledger, held=held(), listed_at=LATER))

    ingest(ledger, routed("a", sequencer="02"))
    assert states(tables) == {("a", "01"): SKIPPED, ("a", "02"): ObjectState.COMMITTED}

    commit(ledger, rebuild(ledger, listed("a"), held=held("a")), run_id="rebuild-1")
    assert states(tables)[("a", "02")] == ObjectState.COMMITTED
    assert ledger.partition_rows(TABLE, [PARTITION]) == {PARTITION: 10}
