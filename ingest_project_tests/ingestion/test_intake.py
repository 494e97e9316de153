"""A tick's intake: messages become claims and batches, and those that name other things stay in the queue."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.errors import QueueUnavailable
from ingest_project.ingestion import intake
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.tables import messages, object_versions
from ingest_project.settings.clocks import utc_now
from ingest_project.sources.s3.events import S3Events
from ingest_project.sources.sqs.message import Message
from ingest_project_tests.factories import (
    DAY,
    NEXT_DAY,
    ORDERS,
    QUEUE,
    Zone,
    order_key,
    orders,
    orders_table,
)
from ingest_project_tests.landing import BUCKET, queue_rule, table
from ingest_project_tests.sources.factories import direct, s3_record, through_sns

CLICKS = table("web.clicks", "clicks/", {"click_id": "string"})


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 1)
    return Zone.create(tmp_path, aws, orders_table(), CLICKS)


def message_with(body: str) -> Message:
    at = utc_now()
    return Message("m1", "handle", body, receive_count=1, sent_at=at, received_at=at)


def reasons(zone: Zone) -> list[str]:
    """Why messages were rejected."""
    query = sa.select(messages.c.reason).where(messages.c.reason.is_not(None)).order_by(messages.c.reason)
    return [reason for (reason,) in zone.select(query)]


def test_notification_of_the_emulator_becomes_a_batch_of_its_table(zone: Zone) -> None:
    zone.put_orders("a b+c é%2B", 1)
    zone.put_orders("d", 2, day=NEXT_DAY)
    zone.put("clicks/1.ndjson", b'{"click_id": "x"}\n')

    claimed = zone.drain()

    assert (claimed.messages, claimed.new_objects, claimed.rejected_messages) == (3, 3, 0)
    batches = {batch.table: batch.objects for batch in zone.ledger.open_batches(QUEUE)}
    assert batches == {ORDERS: 2, "web.clicks": 1}
    assert set(zone.states()) == {f"orders/dt={DAY}/a b+c é%2B.ndjson", order_key("d", NEXT_DAY)}


def test_message_delivered_twice_is_known_the_second_time(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    zone.redeliver()

    claimed = zone.drain()

    assert (claimed.new_objects, claimed.known_objects) == (0, 1)
    assert [batch.batch_id for batch in zone.ledger.open_batches(QUEUE)] == [batch_id]
    zone.process(batch_id)
    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1
    assert zone.queue.attributes().visible == 0


def test_object_named_by_two_messages_is_ingested_once_and_both_go(zone: Zone) -> None:
    etag = zone.put(order_key("a"), orders(1))
    zone.announce(order_key("a"), etag)

    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


def test_message_with_good_and_bad_parts_is_ingested_but_never_deleted(zone: Zone) -> None:
    zone.silence()
    etag = zone.put(order_key("a"), orders(1))
    good = s3_record(order_key("a"), object_fields={"eTag": etag, "versionId": ..., "sequencer": ...})
    nowhere = s3_record("elsewhere/x.ndjson")
    unreadable = s3_record(order_key("b"), eventVersion="9.0")
    zone.send(direct(good, nowhere, unreadable))

    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.message_states() == {"rejected": 1}
    (reason,) = reasons(zone)
    assert "elsewhere/x.ndjson" in reason
    assert "9.0" in reason
    assert zone.acknowledge().deleted == 0
    assert zone.queue.attributes().in_flight == 1


def test_rejected_message_delivered_again_ingests_nothing_twice(zone: Zone) -> None:
    zone.silence()
    etag = zone.put(order_key("a"), orders(1))
    good = s3_record(order_key("a"), object_fields={"eTag": etag, "versionId": ..., "sequencer": ...})
    zone.send(direct(good, s3_record("elsewhere/x.ndjson")))
    zone.ingest_one()
    zone.redeliver()

    assert zone.ingest() == []

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 0


def test_rejected_message_goes_once_a_table_takes_what_it_names(zone: Zone) -> None:
    zone.put("returns/a.ndjson", orders(1))
    zone.drain()
    assert zone.message_states() == {"rejected": 1}
    returns = table("sales.returns", "returns/", {"order_id": "long"})
    zone.landing.write(tables=[orders_table(), CLICKS, returns])
    zone.redeliver()

    later = zone.restarted()
    later.ingest_one()

    later.assert_exact(1, name="sales.returns")
    assert later.acknowledge().deleted == 1


@pytest.mark.parametrize(
    "body",
    ["not JSON", "[]", '{"Records": []}', through_sns("not JSON"), direct(s3_record(eventName="Unheard:Of"))],
    ids=["text", "list", "no records", "text through SNS", "unheard event"],
)
def test_message_that_is_not_an_s3_event_stays_in_the_queue_and_holds_no_other_back(
    zone: Zone, body: str
) -> None:
    zone.send(body)
    zone.put_orders("a", 1)

    claimed = zone.drain()

    assert (claimed.messages, claimed.rejected_messages, claimed.new_objects) == (2, 1, 1)
    assert len(reasons(zone)) == 1
    assert zone.acknowledge().deleted == 0
    assert zone.queue.attributes().in_flight == 2


def test_message_that_nobody_can_read_reaches_the_dead_letter_queue(zone: Zone) -> None:
    zone.send("not JSON")

    for _ in range(5):
        zone.drain()
        zone.redeliver()
    zone.services.intake(QUEUE).drain()

    dlq = zone.queue.dead_letter_queue()
    assert dlq is not None
    assert dlq.attributes().visible == 1


def test_test_event_of_s3_is_deleted(zone: Zone) -> None:
    zone.landing.notify([queue_rule()])
    zone.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "acme-landing"}))

    claimed = zone.drain()

    assert claimed.rejected_messages == 0
    assert zone.acknowledge().deleted == claimed.messages >= 1
    assert zone.queue.attributes().in_flight == 0


def test_event_that_brings_no_object_is_deleted(zone: Zone) -> None:
    zone.landing.notify([queue_rule(events=("s3:ObjectCreated:*", "s3:ObjectRemoved:*"))])
    zone.delete(zone.put_orders("a", 1))

    zone.drain()

    assert zone.message_states() == {"open": 3}  # the creation, the removal, and S3's test event
    assert zone.acknowledge().deleted == 2
    assert zone.queue.attributes().in_flight == 1


def test_nothing_is_received_while_as_much_waits_as_a_tick_may_bring(zone: Zone) -> None:
    settings = zone.landing.document()["queues"][0] | {"max_batches_in_flight": 1}
    small = orders_table(batch={"max_objects": 1})
    zone.landing.write(queues=[settings], tables=[small])
    zone = zone.restarted()
    for number in range(4):
        zone.put_orders(f"{number}", number)
    zone.drain(max_messages_per_tick=3)
    assert zone.ledger.waiting_objects(QUEUE) == 2

    zone.drain(max_messages_per_tick=2)

    assert zone.queue.attributes().visible == 1
    assert len(zone.ledger.open_batches(QUEUE)) == 1


def test_tick_receives_as_much_as_is_left_of_its_limit(zone: Zone) -> None:
    settings = zone.landing.document()["queues"][0] | {"max_batches_in_flight": 1}
    small = orders_table(batch={"max_objects": 1})
    zone.landing.write(queues=[settings], tables=[small])
    zone = zone.restarted()
    for number in range(5):
        zone.put_orders(f"{number}", number)
    zone.drain(max_messages_per_tick=2)
    assert zone.ledger.waiting_objects(QUEUE) == 1

    claimed = zone.drain(max_messages_per_tick=3)

    assert claimed.messages == 2
    assert zone.queue.attributes().visible == 1


def test_what_waits_for_a_table_that_the_settings_no_longer_have_holds_nothing_up(zone: Zone) -> None:
    settings = zone.landing.document()["queues"][0] | {"max_batches_in_flight": 1}
    zone.landing.write(queues=[settings], tables=[orders_table(), CLICKS])
    zone = zone.restarted()
    zone.put_orders("a", 1)
    zone.put("clicks/b.ndjson", b'{"click_id": "b"}')
    zone.drain()
    assert zone.states("web.clicks") == {"clicks/b.ndjson": ObjectState.PENDING}  # orders come first
    zone = zone.declare()
    zone.put_orders("c", 3)

    assert zone.drain(max_messages_per_tick=1).messages == 1


def test_what_waits_is_planned_although_the_queue_is_empty(zone: Zone) -> None:
    settings = zone.landing.document()["queues"][0] | {"max_batches_in_flight": 1}
    zone.landing.write(queues=[settings], tables=[orders_table(batch={"max_objects": 1})])
    zone = zone.restarted()
    for number in range(3):
        zone.put_orders(f"{number}", number)

    results = [zone.ingest_one(), zone.ingest_one(), zone.ingest_one()]

    assert [result.rows for result in results] == [1, 1, 1]
    assert zone.ingest() == []
    zone.assert_exact(0, 1, 2)


def test_queue_that_cannot_be_reached_still_leaves_what_waits(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(QueueUnavailable):
        zone.landing.services().intake(QUEUE).drain()

    assert zone.states() == {}
    assert zone.queue.attributes().visible == 1


def test_drain_of_an_empty_queue_claims_nothing(zone: Zone) -> None:
    claimed = zone.services.intake(QUEUE).drain()

    assert (claimed.messages, claimed.new_objects) == (0, 0)


def test_claim_keeps_the_good_parts_of_a_message_and_the_reasons_for_the_others(zone: Zone) -> None:
    body = direct(s3_record(order_key("a")), s3_record("orders/no-day.ndjson"), s3_record("clicks/1.ndjson"))

    claim = S3Events(QUEUE, zone.services.router).claim(message_with(body))

    assert [(one.table, one.partition_key) for one in claim.objects] == [(ORDERS, DAY), ("web.clicks", None)]
    (reason,) = claim.rejected
    assert "orders/no-day.ndjson" in reason


def test_planning_rules_are_the_tables_own(zone: Zone) -> None:
    first, second = planning_rules(zone.services.settings.tables_of(QUEUE))

    assert (first.table, first.on_overwrite, first.max_objects) == (ORDERS, "replace", 5000)
    assert second.table == "web.clicks"


def test_failing_object_is_named_in_no_batch_while_its_message_is_redelivered(zone: Zone) -> None:
    key = order_key("a")
    zone.put(key, b"broken")
    zone.ingest_one()
    zone.redeliver()

    assert zone.ingest() == []

    assert zone.states()[key] is ObjectState.FAILED


def test_markers_without_a_partition_are_passed_over_and_their_messages_deleted(zone: Zone) -> None:
    for key, body in (("orders/", b""), ("orders/_SUCCESS", b"{}"), ("orders/stray.ndjson", b"")):
        zone.put(key, body)

    claimed = zone.drain()

    assert (claimed.messages, claimed.rejected_messages, claimed.new_objects) == (3, 1, 1)
    assert zone.states() == {"orders/_SUCCESS": ObjectState.SKIPPED}
    assert zone.acknowledge().deleted == 2


HIDDEN = (
    f"orders/dt={DAY}/_committed_1",
    f"orders/dt={DAY}/.part-0.json.crc",
    f"orders/_temporary/0/dt={DAY}/part-0.ndjson",
    "orders/_spark_metadata/0",
    "orders/.hoodie/x.commit",
)


def test_hidden_objects_are_skipped_with_their_reason_and_their_messages_deleted(zone: Zone) -> None:
    for key in HIDDEN:
        zone.put(key, b"not a row")
    zone.put_orders("a", 1)

    zone.ingest_one()

    skipped = {key: state for key, state in zone.states().items() if key != order_key("a")}
    assert skipped == dict.fromkeys(HIDDEN, ObjectState.SKIPPED)
    reasons = dict(zone.select(sa.select(object_versions.c.key, object_versions.c.reason)))
    assert reasons["orders/.hoodie/x.commit"] == (
        "'.hoodie' in its key begins with '.', so it is hidden, and `hidden_files` is skip"
    )
    zone.assert_exact(1)
    zone.acknowledge()
    assert zone.queue.attributes().visible + zone.queue.attributes().in_flight == 0


def test_excluded_objects_are_skipped_and_a_retry_by_key_ingests_one_nevertheless(zone: Zone) -> None:
    zone.landing.write(tables=[orders_table(exclude=["*.bak.ndjson"]), CLICKS])
    zone = zone.restarted()
    key = zone.put_orders("a.bak", 1)
    zone.drain()
    assert zone.states() == {key: ObjectState.SKIPPED}
    assert zone.acknowledge().deleted == 1

    zone.ledger.retry(Selection(uris=(f"s3://{BUCKET}/{key}",)))
    zone.ingest_one()

    zone.assert_exact(1)


def test_failed_object_that_is_excluded_meanwhile_is_skipped_after_a_redrive(zone: Zone) -> None:
    key = order_key("a")
    etag = zone.put(key, b"broken")
    zone.ingest_one()
    assert zone.states()[key] is ObjectState.FAILED
    zone.landing.write(tables=[orders_table(exclude=["a.*"]), CLICKS])
    zone = zone.restarted()

    zone.announce(key, etag)
    zone.drain()

    assert zone.states()[key] is ObjectState.SKIPPED
    assert zone.ledger.open_batches(QUEUE) == []


def test_hidden_files_are_ingested_if_the_settings_say_so(zone: Zone) -> None:
    zone.landing.write(tables=[orders_table(hidden_files="ingest"), CLICKS])
    zone = zone.restarted()
    zone.put(f"orders/dt={DAY}/_x/.a.ndjson", orders(1))
    zone.put(f"orders/dt={DAY}/_SUCCESS", b"{}")

    zone.ingest_one()

    zone.assert_exact(1)
