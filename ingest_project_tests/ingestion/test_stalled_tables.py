"""A table whose batches fail as a whole, or that the settings no longer have, does not delay other tables."""

from pathlib import Path

import pytest

from ingest_project.errors import TableMismatch
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.factories import QUEUE, Zone, orders_table
from ingest_project_tests.landing import table

CLICKS = table("web.clicks", "clicks/", {"click_id": "string"}, batch={"max_objects": 1})


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr("ingest_project.ingestion.intake.LONG_POLL_SECONDS", 0)
    return Zone.create(tmp_path, aws, orders_table(batch={"max_objects": 1}), CLICKS)


def with_tables(zone: Zone, *tables: object) -> Zone:
    zone.landing.write(tables=list(tables))
    return zone.restarted()


def attempt_all(zone: Zone, tick: int) -> None:
    """Run every open batch once; allow another attempt at one that stops, as the sensor does."""
    for batch in zone.ledger.open_batches(QUEUE):
        try:
            zone.process(batch.batch_id, run_id=f"{tick} {batch.batch_id}")
        except TableMismatch as error:
            zone.ledger.next_attempt(batch.batch_id, attempt=batch.attempt, error=str(error))


def test_other_tables_go_on_while_the_batches_of_one_fail(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()
    mismatched = orders_table(columns={"order_id": "boolean"}, batch={"max_objects": 1})
    zone = with_tables(zone, mismatched, CLICKS)
    for number in range(6):
        zone.put_orders(f"m{number}", number)
        zone.put(f"clicks/c{number}.ndjson", b'{"click_id": "x"}')

    for tick in range(4):
        zone.drain(max_batches_in_flight=2, max_messages_per_tick=50)
        attempt_all(zone, tick)

    assert set(zone.states("web.clicks").values()) == {ObjectState.COMMITTED}
    assert len(zone.ledger.open_batches(QUEUE)) == 1  # a stalled table gets no further batch


def test_queue_is_read_while_much_waits_for_a_stalled_table(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()
    zone = with_tables(zone, orders_table(columns={"order_id": "boolean"}, batch={"max_objects": 1}), CLICKS)
    for number in range(4):
        zone.put_orders(f"m{number}", number)
    zone.drain(max_batches_in_flight=1, max_messages_per_tick=50)
    attempt_all(zone, 1)
    zone.put("clicks/c.ndjson", b'{"click_id": "x"}')

    assert zone.drain(max_messages_per_tick=2).messages == 1


def test_table_that_is_removed_with_an_open_batch_fails_no_object(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    removed = with_tables(zone, CLICKS)

    for attempt in range(1, 5):
        with pytest.raises(TableMismatch, match=r"put it back"):
            removed.process(batch_id)
        removed.ledger.next_attempt(batch_id, attempt=attempt, error="it stopped")
    removed.put("clicks/c.ndjson", b'{"click_id": "x"}')
    removed.drain(max_batches_in_flight=1)

    assert set(removed.states().values()) == {ObjectState.PLANNED}
    assert [batch.table for batch in removed.ledger.open_batches(QUEUE)] == ["sales.orders", "web.clicks"]
    with_tables(removed, orders_table()).process(batch_id, run_id="after it was put back")
    removed.assert_exact(1)
