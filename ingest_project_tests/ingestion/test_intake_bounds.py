"""A tick's intake is bounded, whatever messages hold: in what it claims, records as reasons, and logs."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.ingestion import intake
from ingest_project.ledger.tables import messages
from ingest_project_tests.factories import QUEUE, Zone, order_key
from ingest_project_tests.sources.factories import direct, s3_record


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 1)
    return Zone.create(tmp_path, aws)


def reasons(zone: Zone) -> list[str]:
    """Why messages were rejected."""
    return [reason for (reason,) in zone.select(sa.select(messages.c.reason)) if reason]


def test_message_of_thousands_of_unroutable_objects_has_only_the_first_reasons(
    zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    zone.silence()
    records = [s3_record(f"elsewhere/{'k' * 900}{number}") for number in range(60)]
    zone.send(direct(*records, s3_record(order_key("a"))))

    with caplog.at_level("WARNING"):
        claimed = zone.drain()

    assert (claimed.rejected_messages, claimed.new_objects) == (1, 1)
    (reason,) = reasons(zone)
    assert reason.endswith("; and 57 more")
    assert reason.count("narrow the bucket's notification") == 3
    assert len(reason) < 1500
    assert len(caplog.text) < 2000


def test_tick_claims_what_it_received_in_portions_and_makes_one_batch_of_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_OBJECTS", 2)
    for number in range(5):
        zone.put_orders(f"{number}", number)

    claimed = zone.drain()

    assert (claimed.messages, claimed.new_objects) == (5, 5)
    (batch,) = zone.ledger.open_batches(QUEUE)
    assert batch.objects == 5


def test_messages_that_name_too_much_for_one_tick_are_left_and_short_ones_go_first(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_OBJECTS", 1)
    monkeypatch.setattr(intake, "CLAIM_SECONDS", 0.0)
    zone.silence()
    zone.send(direct(*[s3_record(order_key(f"forged-{number}")) for number in range(50)]))
    zone.send(direct(s3_record(order_key("a"))))

    claimed = zone.drain()

    assert (claimed.messages, claimed.new_objects) == (1, 1)
    assert set(zone.states()) == {order_key("a")}
    assert zone.queue.attributes().in_flight == 2  # the other one comes again


def test_flood_of_rejected_messages_is_logged_in_a_few_lines(
    zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(30):
        zone.send(f"no event {number}")

    with caplog.at_level("WARNING"):
        claimed = zone.drain()

    assert claimed.rejected_messages == 30
    lines = [record.message for record in caplog.records if record.name == intake.__name__]
    assert len(lines) == intake.LOGGED_MESSAGES + 1
    assert lines[-1].startswith("20 more messages stay in the queue")
    assert len(reasons(zone)) == 30
