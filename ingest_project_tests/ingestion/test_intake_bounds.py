"""A tick's intake is bounded, whatever messages hold: in what it claims, records as reasons, and logs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.errors import LedgerUnavailable
from ingest_project.ingestion import intake
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ClaimResult
from ingest_project.ledger.tables import messages
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs import drain
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


def test_tick_claims_while_it_receives_and_makes_one_batch_of_all(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_MESSAGES", 10)
    # The emulator may give a message to two calls at once.
    monkeypatch.setattr(drain, "WORKERS", 1)
    zone.silence()
    for number in range(45):
        zone.send(direct(s3_record(order_key(f"{number}"))))
    claimed_at_once: list[int] = []
    claim_and_plan = Ledger.claim_and_plan

    def noted(self: Ledger, queue: str, claims: Sequence[Claim], **named: Any) -> ClaimResult:
        claimed_at_once.append(len(claims))
        return claim_and_plan(self, queue, claims, **named)

    monkeypatch.setattr(Ledger, "claim_and_plan", noted)

    claimed = zone.drain()

    assert (claimed.messages, claimed.new_objects) == (45, 45)
    assert len(claimed_at_once) > 1
    (batch,) = zone.ledger.open_batches(QUEUE)
    assert batch.objects == 45


def test_long_messages_are_claimed_after_the_short_ones_of_all_parts(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_MESSAGES", 10)
    monkeypatch.setattr(intake, "CLAIM_OBJECTS", 1)
    monkeypatch.setattr(intake, "CLAIM_SECONDS", 0.0)
    zone.silence()
    for _ in range(3):
        zone.send(direct(*[s3_record(order_key(f"forged-{number}")) for number in range(50)]))
    for number in range(20):
        zone.send(direct(s3_record(order_key(f"{number}"))))

    zone.drain()

    assert not [key for key in zone.states() if "forged" in key]
    assert zone.states()


def test_ledger_that_fails_while_messages_are_received_ends_the_tick_and_loses_nothing(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CLAIM_MESSAGES", 10)
    zone.silence()
    for number in range(45):
        zone.send(direct(s3_record(order_key(f"{number}"))))

    def failing(*_: object, **__: object) -> ClaimResult:
        raise LedgerUnavailable("it is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "claim_and_plan", failing)
        with pytest.raises(LedgerUnavailable):
            zone.drain()

    assert zone.states() == {}
    assert zone.queue.attributes().depth == 45
