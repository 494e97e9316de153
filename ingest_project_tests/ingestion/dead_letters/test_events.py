"""The DLQ of a queue with S3's events: looked at without consuming, and moved back without doubling."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest_project.errors import QueueUnavailable
from ingest_project.ingestion.dead_letters.letter import UNKNOWN, Wanted
from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project.sources.sqs.message import EntryResults
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.factories import QUEUE, Zone, order_key, orders
from ingest_project_tests.ingestion.dead_letters.worlds import letters_of, one_receive, to_dlq
from ingest_project_tests.sources.factories import direct, s3_record

ALL = Wanted()


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr("ingest_project.ingestion.dead_letters.held_messages.RECEIVE_SECONDS", 1)
    zone = Zone.create(tmp_path, aws)
    one_receive(zone)
    return zone


@pytest.fixture
def dead(zone: Zone) -> Zone:
    """A zone whose DLQ has three messages: a file that is broken, one that is gone, and one of no table."""
    zone.put(order_key("broken"), b"{broken")
    gone = zone.put_orders("gone", 1)
    zone.put("nobody/wants.this", b"x")
    zone.drain()
    zone.delete(gone)
    for batch in zone.ledger.open_batches(QUEUE):
        zone.process(batch.batch_id)
    to_dlq(zone)
    assert letters_of(zone).dlq.attributes().visible == 3
    return zone


class Stops(Exception):
    """The process dies here."""


def test_look_says_why_each_message_is_there(dead: Zone) -> None:
    look = letters_of(dead).look(ALL, limit=100)

    assert (look.queue, look.dlq, look.messages, look.seen) == ("landing", "landing-dlq", 3, 3)
    why = {one.objects[0] if one.objects else one.body_start: one for one in look.letters}
    broken = why["s3://acme-landing/" + order_key("broken")]
    assert broken.error_classes == ("unreadable",)
    assert broken.reasons[0].startswith("unreadable: ")
    assert why["s3://acme-landing/" + order_key("gone")].error_classes == ("missing",)
    (other,) = (one for one in look.letters if not one.objects)
    assert "nobody/wants.this" in other.reasons[0]
    assert '"Records"' in other.body_start


def test_look_does_not_consume(dead: Zone) -> None:
    first = letters_of(dead).look(ALL, limit=100)

    attributes = letters_of(dead).dlq.attributes()
    assert (attributes.visible, attributes.in_flight) == (3, 0)
    second = letters_of(dead).look(ALL, limit=100)
    assert {one.message_id for one in first.letters} == {one.message_id for one in second.letters}
    assert sum(dead.message_states().values()) == 3


def test_look_is_bounded(dead: Zone) -> None:
    look = letters_of(dead).look(ALL, limit=2)

    assert (look.seen, look.messages, len(look.letters)) == (2, 3, 2)
    assert letters_of(dead).dlq.attributes().visible == 3


def test_look_gives_everything_back_when_the_ledger_fails(
    dead: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise Stops

    letters = letters_of(dead)
    monkeypatch.setattr(type(dead.ledger), "known_letters", fails)
    with pytest.raises(Stops):
        letters.look(ALL, limit=100)

    assert letters.dlq.attributes().visible == 3


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(reason="UNREADABLE: "), ["broken"]),
        (Wanted(error_class="missing"), ["gone"]),
        (Wanted(objects=("orders/*/g?ne.ndjson",)), ["gone"]),
        (Wanted(objects=("s3://acme-landing/*",)), ["broken", "gone"]),
        (Wanted(objects=("nobody", order_key("broken"))), ["broken"]),
        (Wanted(objects=("orders/[db]*",)), []),
        (Wanted(reason="unreadable", error_class="missing"), []),
        (Wanted(older_than=timedelta(hours=1)), []),
        (Wanted(older_than=timedelta(0), error_class="missing"), ["gone"]),
    ],
)
def test_filters_select_by_what_the_ledger_knows(dead: Zone, wanted: Wanted, names: list[str]) -> None:
    look = letters_of(dead).look(wanted, limit=100)

    found = sorted(uri.rpartition("/")[2].partition(".")[0] for one in look.letters for uri in one.objects)
    assert found == names
    assert look.seen == 3


def test_redrive_moves_what_matches_and_leaves_the_rest(dead: Zone) -> None:
    done = letters_of(dead).redrive(Wanted(error_class="unreadable"))

    assert (done.moved, done.kept, done.already_ingested, done.failed) == (1, 2, 0, 0)
    attributes = letters_of(dead).dlq.attributes()
    assert (attributes.visible, attributes.in_flight) == (2, 0)
    (message,) = receive(dead)
    assert order_key("broken").rpartition("/")[2] in message.body


def test_moved_message_has_the_body_and_names_the_first_id(dead: Zone) -> None:
    before = letters_of(dead).look(Wanted(error_class="unreadable"), limit=100).letters[0]

    letters_of(dead).redrive(Wanted(error_class="unreadable"))

    (message,) = dead.landing.sqs.receive_message(
        QueueUrl=dead.landing.queue_url, MessageAttributeNames=["All"]
    )["Messages"]
    assert message["Body"] == before.message.body
    assert message["MessageId"] != before.message_id
    assert message["MessageAttributes"][ORIGINAL_ID]["StringValue"] == before.message_id


def test_event_with_ten_attributes_is_moved_without_the_first_id(zone: Zone) -> None:
    zone.drain()
    attribute = {"DataType": "String", "StringValue": "v"}
    zone.landing.sqs.send_message(
        QueueUrl=letters_of(zone).dlq.url,
        MessageBody=direct(s3_record(order_key("a"))),
        MessageAttributes={f"a{number}": attribute for number in range(10)},  # type: ignore[misc]
    )

    assert letters_of(zone).redrive(ALL).moved == 1

    (message,) = zone.landing.sqs.receive_message(
        QueueUrl=zone.landing.queue_url, MessageAttributeNames=["All"]
    )["Messages"]
    assert sorted(message["MessageAttributes"]) == [f"a{number}" for number in range(10)]


def test_failed_object_is_tried_again_after_a_redrive(dead: Zone) -> None:
    dead.silence()
    dead.put(order_key("gone"), orders(1))

    letters_of(dead).redrive(Wanted(error_class="missing"))
    dead.ingest()
    dead.acknowledge()

    dead.assert_exact(1)
    assert letters_of(dead).dlq.attributes().depth == 2


def test_dry_run_counts_and_changes_nothing(dead: Zone) -> None:
    done = letters_of(dead).redrive(ALL, dry_run=True)

    assert (done.moved, done.dry_run) == (3, True)
    attributes = letters_of(dead).dlq.attributes()
    assert (attributes.visible, attributes.in_flight) == (3, 0)
    assert receive(dead) == []


def test_what_is_ingested_is_deleted_instead_of_moved(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()
    to_dlq(zone)
    (letter,) = letters_of(zone).look(ALL, limit=100).letters
    assert (letter.is_ingested, letter.reasons) == (True, ("ingested already: committed",))

    done = letters_of(zone).redrive(ALL)

    assert (done.moved, done.already_ingested) == (0, 1)
    assert letters_of(zone).dlq.attributes().depth == 0
    assert receive(zone) == []
    assert zone.message_states() == {"deleted": 1}


def test_message_with_one_object_that_is_not_ingested_is_moved(zone: Zone) -> None:
    zone.silence()
    records = []
    for key, body in ((order_key("good"), orders(1)), (order_key("bad"), b"{broken")):
        told = {"eTag": zone.put(key, body), "versionId": ..., "sequencer": ...}
        records.append(s3_record(key, object_fields=told))
    zone.send(direct(*records))
    zone.ingest()
    to_dlq(zone)

    done = letters_of(zone).redrive(ALL)

    assert (done.moved, done.already_ingested) == (1, 0)


def test_redriven_message_is_not_left_to_the_dlq_any_more(dead: Zone) -> None:
    assert len(dead.ledger.rejected_messages([QUEUE])) == 1

    letters_of(dead).redrive(ALL)

    assert dead.ledger.rejected_messages([QUEUE]) == []
    assert dead.message_states() == {"deleted": 3}


def test_unknown_message_is_said_to_be_unknown(zone: Zone) -> None:
    zone.drain()
    zone.put_orders("a", 1)
    dlq = letters_of(zone).dlq.url
    (message,) = zone.landing.sqs.receive_message(QueueUrl=zone.landing.queue_url)["Messages"]
    zone.landing.sqs.send_message(QueueUrl=dlq, MessageBody=message["Body"])

    (letter,) = letters_of(zone).look(ALL, limit=10).letters

    assert letter.reasons == (UNKNOWN,)
    assert letter.objects == ("s3://acme-landing/" + order_key("a"),)


def test_crash_between_send_and_delete_ingests_once(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = order_key("a")
    zone.silence()
    zone.announce(gone, "e" * 32)
    zone.ingest()  # fails as missing
    to_dlq(zone)
    etag = zone.put(gone, orders(1))
    zone.announce(gone, etag)
    letters = letters_of(zone)
    with monkeypatch.context() as dying:
        dying.setattr(Queue, "delete", dies)
        with pytest.raises(Stops):
            letters.redrive(ALL)
    assert (letters.dlq.attributes().visible, zone.queue.attributes().visible) == (1, 2)

    letters_of(zone).redrive(ALL)  # sends it again: it is not ingested yet
    assert zone.queue.attributes().visible == 3
    for _ in range(2):
        zone.ingest()
        zone.acknowledge()

    zone.assert_exact(1)
    assert letters.dlq.attributes().depth == 0


def test_crash_and_ingest_in_between_deletes_the_second(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    zone.drain()
    zone.put_orders("a", 1)
    assert len(receive(zone, visibility_timeout_seconds=0)) == 1
    assert receive(zone) == []  # it is in the DLQ, and nobody has claimed it
    letters = letters_of(zone)
    with monkeypatch.context() as dying:
        dying.setattr(Queue, "delete", dies)
        with pytest.raises(Stops):
            letters.redrive(ALL)
    zone.ingest_one()
    zone.acknowledge()

    done = letters_of(zone).redrive(ALL)

    assert (done.moved, done.already_ingested) == (0, 1)
    zone.ingest()
    zone.assert_exact(1)
    assert (letters.dlq.attributes().depth, zone.queue.attributes().depth) == (0, 0)


def test_deletion_that_sqs_refuses_is_told_and_finished_by_the_next_redrive(
    dead: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = letters_of(dead)
    with monkeypatch.context() as refusing:
        refusing.setattr(Queue, "delete", lambda *_: EntryResults((), ()))
        done = letters.redrive(Wanted(error_class="missing"))
    assert (done.moved, done.undeleted, done.failed) == (1, 1, 1)

    done = letters_of(dead).redrive(Wanted(error_class="missing"))

    assert (done.moved, done.undeleted) == (1, 0)


def test_outage_after_a_part_is_told_with_what_was_done(dead: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.dead_letters.dead_letter_queue.PART_MESSAGES", 1)
    letters, sends = letters_of(dead), []

    def once(queue: Queue, entries: Any) -> Any:
        sends.append(entries)
        if len(sends) > 1:
            raise QueueUnavailable(queue.name, "SendMessageBatch: 503")
        return send(queue, entries)

    send = Queue.send_messages
    monkeypatch.setattr(Queue, "send_messages", once)
    monkeypatch.setattr("ingest_project.sources.sqs.send.FIRST_PAUSE_SECONDS", 0.01)

    done = letters.redrive(ALL)

    assert done.moved == 1
    assert "503" in str(done.stopped)
    assert letters.dlq.attributes().visible == 2


def test_message_that_fails_again_at_once_is_moved_once(dead: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = letters_of(dead)
    send = Queue.send_messages

    def fails_again(queue: Queue, entries: Any) -> Any:
        answer = send(queue, entries)
        for _ in range(2):
            receive(dead, visibility_timeout_seconds=0)
        return answer

    monkeypatch.setattr(Queue, "send_messages", fails_again)

    done = letters.redrive(ALL)

    assert done.moved == 3
    assert letters.dlq.attributes().visible == 3


def receive(zone: Zone, *, visibility_timeout_seconds: int = 60) -> list[Any]:
    return zone.queue.receive(
        limit=10, wait_seconds=0, visibility_timeout_seconds=visibility_timeout_seconds, seconds=1
    )


def dies(*_: object) -> Any:
    raise Stops
