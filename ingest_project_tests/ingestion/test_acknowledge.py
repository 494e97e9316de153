"""The end of the journey: settled messages are deleted, the others stay invisible while they are in work."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.errors import LedgerUnavailable, QueueUnavailable
from ingest_project.ingestion import acknowledge as acknowledge_module
from ingest_project.ingestion.acknowledge import Acknowledged, acknowledge, keep_invisible
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import OpenMessage
from ingest_project.ledger.open_messages import LONGEST_INVISIBLE
from ingest_project.ledger.tables import messages
from ingest_project.sources.s3.events import S3Events
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message
from ingest_project_tests.factories import NEXT_DAY, QUEUE, Zone, order_key, orders, orders_table
from ingest_project_tests.landing import table
from ingest_project_tests.sources.factories import direct, s3_record


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    clicks = table("web.clicks", "clicks/", {"click_id": "string"})
    return Zone.create(tmp_path, aws, orders_table(), clicks)


class ForgetfulLedger(Ledger):
    """A ledger whose database goes away after SQS has deleted the messages."""

    def messages_deleted(self, queue: str, ids: Iterable[str], *, refused: Iterable[str] = ()) -> None:
        raise LedgerUnavailable("the database went away")


def receive(zone: Zone, count: int = 1, *, visibility_timeout_seconds: int = 60) -> list[Message]:
    return zone.queue.receive(
        limit=count, wait_seconds=1, visibility_timeout_seconds=visibility_timeout_seconds, seconds=5
    )


def claim(zone: Zone, *received: Message, invisible_until: datetime | None = None) -> None:
    """Claim messages as they are given, and plan what they name."""
    claims: list[Claim] = [S3Events(QUEUE, zone.services.router).claim(one) for one in received]
    zone.ledger.claim_and_plan(
        QUEUE,
        claims,
        rules=zone.services.intake(QUEUE).rules,
        max_in_flight=4,
        invisible_until=invisible_until or datetime.now(UTC),
    )


def invisible_until(zone: Zone) -> datetime:
    """Until when the ledger's one message is invisible, by the ledger."""
    ((until,),) = zone.select(sa.select(messages.c.invisible_until))
    assert isinstance(until, datetime)
    return until


def extend(zone: Zone, seconds: int) -> int:
    return keep_invisible(zone.ledger, zone.queue, timeout=timedelta(seconds=seconds))


def test_only_messages_of_settled_objects_are_deleted(zone: Zone) -> None:
    zone.put_orders("good", 1)
    zone.put(order_key("bad"), b"broken")
    zone.ingest_one()
    zone.put_orders("waiting", 2)
    zone.drain()

    assert zone.acknowledge() == Acknowledged(deleted=1, refused=0)

    assert zone.queue.attributes().in_flight == 2
    assert zone.acknowledge() == Acknowledged(deleted=0, refused=0)


def test_message_that_names_objects_of_two_tables_waits_for_both(zone: Zone) -> None:
    zone.silence()
    records = []
    for key, body in ((order_key("a"), orders(1)), ("clicks/1.ndjson", b'{"click_id": "x"}\n')):
        told = {"eTag": zone.put(key, body), "versionId": ..., "sequencer": ...}
        records.append(s3_record(key, object_fields=told))
    zone.send(direct(*records))
    zone.drain()
    first, second = zone.ledger.open_batches(QUEUE)

    zone.process(first.batch_id)
    assert zone.acknowledge().deleted == 0
    zone.process(second.batch_id)
    assert zone.acknowledge().deleted == 1


def test_crash_between_the_deletion_and_the_ledger_is_finished_by_the_next_call(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    with pytest.raises(LedgerUnavailable):
        acknowledge(ForgetfulLedger(zone.services.settings.ledger.url), zone.queue)
    assert zone.queue.attributes().in_flight == 0

    assert zone.acknowledge() == Acknowledged(deleted=1, refused=0)

    assert zone.message_states() == {"deleted": 1}


def test_refused_receipt_handle_holds_no_other_message_back_and_the_next_delivery_settles_it(
    zone: Zone,
) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    first, second = receive(zone, 2)
    claim(zone, replace(first, receipt_handle="stale"), second)
    zone.ingest()

    assert zone.acknowledge() == Acknowledged(deleted=1, refused=1)
    assert zone.acknowledge() == Acknowledged(deleted=0, refused=0)
    assert zone.message_states() == {"deleted": 1, "open": 1}

    zone.landing.sqs.change_message_visibility(
        QueueUrl=zone.landing.queue_url, ReceiptHandle=first.receipt_handle, VisibilityTimeout=0
    )
    zone.drain()
    assert zone.acknowledge() == Acknowledged(deleted=1, refused=0)
    zone.assert_exact(1, 2)


def test_message_that_went_to_the_dead_letter_queue_meanwhile_is_let_go(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    for _ in range(4):  # five receives in all, which is the most
        zone.redeliver()
        zone.drain()
    zone.redeliver()
    assert zone.queue.receive(limit=1, wait_seconds=1, visibility_timeout_seconds=60, seconds=2) == []
    zone.process(batch_id)

    assert zone.acknowledge() == Acknowledged(deleted=0, refused=1)

    zone.assert_exact(1)


def test_settled_messages_stay_when_sqs_cannot_be_reached(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with pytest.raises(QueueUnavailable):
            zone.landing.services().acknowledge(QUEUE)

    assert zone.acknowledge() == Acknowledged(deleted=1, refused=0)


def test_messages_of_work_in_progress_are_extended_and_no_others(zone: Zone) -> None:
    zone.put_orders("settled", 1)
    zone.put(order_key("failed"), b"broken")
    zone.send("rejected")
    zone.drain(visibility_timeout_seconds=30)
    (batch,) = zone.ledger.open_batches(QUEUE)
    zone.process(batch.batch_id)
    zone.put_orders("planned", 2)
    zone.put_orders("planned too", 3, day=NEXT_DAY)
    zone.drain(visibility_timeout_seconds=30)
    zone.put_orders("pending", 4)
    zone.drain(visibility_timeout_seconds=30, max_batches_in_flight=1)

    assert extend(zone, 300) == 3
    assert extend(zone, 300) == 0  # nobody's timeout is half gone


def test_message_is_extended_when_half_of_its_timeout_is_gone(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.drain(visibility_timeout_seconds=60)

    assert extend(zone, 100) == 0
    assert extend(zone, 130) == 1

    assert 120 < (invisible_until(zone) - datetime.now(UTC)).total_seconds() <= 130


def test_extended_message_stays_invisible(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.drain(visibility_timeout_seconds=1)

    assert extend(zone, 30) == 1
    time.sleep(1.2)

    assert zone.queue.attributes().visible == 0


def test_extension_ends_twelve_hours_after_the_receipt(zone: Zone) -> None:
    zone.put_orders("a", 1)
    (message,) = receive(zone)
    received_at = datetime.now(UTC) - LONGEST_INVISIBLE + timedelta(seconds=2.9)
    claim(zone, replace(message, received_at=received_at))

    assert extend(zone, 300) == 1

    assert invisible_until(zone) <= received_at + LONGEST_INVISIBLE
    time.sleep(2.2)
    assert zone.queue.attributes().visible == 1


def test_message_received_twelve_hours_ago_is_not_extended(zone: Zone) -> None:
    zone.put_orders("a", 1)
    (message,) = receive(zone)
    claim(zone, replace(message, received_at=datetime.now(UTC) - LONGEST_INVISIBLE))

    assert extend(zone, 300) == 0


def test_extension_that_sqs_refuses_is_not_asked_for_again_at_once(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    first, second = receive(zone, 2)
    claim(zone, replace(first, receipt_handle="stale"), second)

    assert extend(zone, 300) == 1
    assert extend(zone, 300) == 0


def test_nothing_is_extended_for_less_than_a_second() -> None:
    """SQS counts whole seconds, and 0 would give the message back."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    message = OpenMessage(
        "m1", "handle", received_at=now - LONGEST_INVISIBLE + timedelta(seconds=0.9), invisible_until=now
    )

    assert acknowledge_module._by_timeout([message], timedelta(minutes=5), now) == {}
