"""The DLQ of a queue whose messages are rows: a message that is moved back is still the same row."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest_project.ingestion import intake
from ingest_project.ingestion.dead_letters.letter import DeadLetter, Wanted
from ingest_project.ingestion.dead_letters.moved_entry import moved_entry
from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project.sources.sqs.batch_calls import Refusal
from ingest_project.sources.sqs.message import Message, MessageAttribute
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send_entries import SendLimits
from ingest_project_tests.databases import SERVER_VARIABLE, postgres
from ingest_project_tests.ingestion.dead_letters.worlds import RawWorld

ALL = Wanted()
TEXT = {"DataType": "String", "StringValue": "v"}


class Stops(Exception):
    """The process dies here."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 0)
    monkeypatch.setattr(intake, "DRAIN_SECONDS", 1)
    monkeypatch.setattr("ingest_project.ingestion.dead_letters.held_messages.RECEIVE_SECONDS", 1)
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, aws: str, tmp_path: Path) -> Iterator[RawWorld]:
    if request.param == "postgres" and SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{SERVER_VARIABLE} is not set")
    url = "sqlite:///ledger.db" if request.param == "sqlite" else postgres().ledger_url
    world = RawWorld(tmp_path, ledger=url)
    yield world
    world.services.ledger.close()


@pytest.fixture
def on_files(aws: str, tmp_path: Path) -> RawWorld:
    return RawWorld(tmp_path)


def dies(*_: object) -> Any:
    raise Stops


def dead(world: RawWorld, body: str = "body", **more: Any) -> str:
    """A message in the DLQ that nobody has claimed; returns its id."""
    world.work()
    first = world.send(body, **more)
    world.kill()
    return first


def test_moved_message_is_the_row_of_its_first_id(world: RawWorld) -> None:
    first = dead(world)

    done = world.letters.redrive(ALL)
    world.work()

    assert done.moved == 1
    assert world.rows().select("message_id", "body").rows() == [(first, "body")]
    assert (world.depth(world.url), world.depth(world.dlq_url)) == (0, 0)


@pytest.mark.parametrize("is_ingested_between", [False, True])
def test_crash_between_send_and_delete_makes_one_row(
    world: RawWorld, monkeypatch: pytest.MonkeyPatch, *, is_ingested_between: bool
) -> None:
    first = dead(world)
    with monkeypatch.context() as dying:
        dying.setattr(Queue, "delete", dies)
        with pytest.raises(Stops):
            world.letters.redrive(ALL)
    assert (world.depth(world.url), world.depth(world.dlq_url)) == (1, 1)
    if is_ingested_between:
        world.work()

    done = world.letters.redrive(ALL)
    world.work()

    assert (done.moved, done.already_ingested) == ((0, 1) if is_ingested_between else (1, 0))
    assert world.rows()["message_id"].to_list() == [first]
    assert (world.depth(world.url), world.depth(world.dlq_url)) == (0, 0)


def test_first_id_is_kept_when_a_moved_message_dies_again(on_files: RawWorld) -> None:
    first = dead(on_files)
    on_files.letters.redrive(ALL)
    on_files.kill()
    (letter,) = on_files.letters.look(ALL, limit=10).letters
    assert letter.original_id == first != letter.message_id

    on_files.letters.redrive(ALL)
    on_files.work()

    assert on_files.rows()["message_id"].to_list() == [first]


def test_first_id_replaces_what_a_sender_wrote_there(on_files: RawWorld) -> None:
    nonsense = {ORIGINAL_ID: {"DataType": "String", "StringValue": "nonsense"}}
    first = dead(on_files, MessageAttributes=nonsense)

    on_files.letters.redrive(ALL)
    on_files.work()

    assert on_files.rows()["message_id"].to_list() == [first]


def test_message_with_ten_attributes_stays_with_a_reason(on_files: RawWorld) -> None:
    first = dead(on_files, MessageAttributes={f"a{n}": TEXT for n in range(10)})

    done = on_files.letters.redrive(ALL)

    assert (done.moved, done.failed) == (0, 1)
    assert done.refused_ids == {"NoRoom": [first]}
    assert done.reasons["NoRoom"] == (
        "it has 10 attributes, SQS's most, so ingest.original_message_id has no room; without it the message "
        "would be another row"
    )
    assert (on_files.depth(on_files.url), on_files.depth(on_files.dlq_url)) == (0, 1)


def test_message_with_ten_attributes_that_has_its_first_id_is_moved(on_files: RawWorld) -> None:
    attributes = {f"a{n}": TEXT for n in range(9)}
    first = dead(on_files, MessageAttributes=attributes)
    on_files.letters.redrive(ALL)
    on_files.kill()

    assert on_files.letters.redrive(ALL).moved == 1

    (message,) = on_files.received(on_files.url)
    assert len(message["MessageAttributes"]) == 10
    assert message["MessageAttributes"][ORIGINAL_ID]["StringValue"] == first


@pytest.mark.parametrize("needs_original_id", [False, True])
def test_message_with_list_values_is_not_moved_without_them(*, needs_original_id: bool) -> None:
    """Which emulators deliver, though not the one of these tests."""
    lists = MessageAttribute("String.list", string_value="v", string_list_values=("a", "b"))
    now = datetime.now(UTC)
    message = Message("id", "receipt", "body", 1, now, now, message_attributes={"l": lists})
    letter = DeadLetter(message, (), (), (), is_ingested=False)

    refused = moved_entry(letter, SendLimits(), needs_original_id=needs_original_id)

    assert isinstance(refused, Refusal)
    assert refused.code == "ListValues"
    assert refused.reason == "its attribute 'l' has list values, which SQS does not take"


def test_attributes_are_moved_as_they_are(on_files: RawWorld) -> None:
    attributes: dict[str, Any] = {
        "text": {"DataType": "String.x", "StringValue": "v\N{SNOWMAN}"},
        "number": {"DataType": "Number", "StringValue": "1.50"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff\x89"},
    }
    dead(on_files, MessageAttributes=attributes)

    on_files.letters.redrive(ALL)

    (message,) = on_files.received(on_files.url)
    moved = message["MessageAttributes"]
    assert moved["bytes"]["BinaryValue"] == b"\x00\xff\x89"
    assert {name: one["DataType"] for name, one in moved.items() if name != ORIGINAL_ID} == {
        name: one["DataType"] for name, one in attributes.items()
    }
    assert (moved["text"]["StringValue"], moved["number"]["StringValue"]) == ("v\N{SNOWMAN}", "1.50")


def test_group_of_a_fifo_queue_is_kept_and_ids_do_not_hide_a_second_redrive(aws: str, tmp_path: Path) -> None:
    world = RawWorld(tmp_path, fifo=True)
    world.work()
    firsts: list[str] = []
    for number in range(3):  # one after the other, because the emulator's DLQ does not keep the order
        firsts.append(world.send(f"{number}", MessageGroupId="g", MessageDeduplicationId=f"d{number}"))
        world.kill(count=number + 1)

    assert world.letters.redrive(ALL).moved == 3
    received = world.received(world.url)
    assert [one["Body"] for one in received] == ["0", "1", "2"]
    assert {one["Attributes"]["MessageGroupId"] for one in received} == {"g"}
    assert [one["MessageAttributes"][ORIGINAL_ID]["StringValue"] for one in received] == firsts

    for one in received:
        world.sqs.change_message_visibility(
            QueueUrl=world.url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0
        )
    world.kill(count=3)
    # Within the five minutes in which SQS drops a message with the same deduplication id.
    assert world.letters.redrive(ALL).moved == 3
    assert (world.depth(world.url), world.depth(world.dlq_url)) == (3, 0)


def test_crash_between_send_and_delete_of_a_fifo_queue_sends_once(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = RawWorld(tmp_path, fifo=True)
    dead(world, MessageGroupId="g", MessageDeduplicationId="d")
    with monkeypatch.context() as dying:
        dying.setattr(Queue, "delete", dies)
        with pytest.raises(Stops):
            world.letters.redrive(ALL)

    world.letters.redrive(ALL)

    assert (world.depth(world.url), world.depth(world.dlq_url)) == (1, 0)


def test_many_messages_are_moved_at_most_so_fast(on_files: RawWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    on_files.work()
    for number in range(25):
        on_files.send(f"{number}")
    on_files.kill(count=25)
    paced: list[int] = []

    def pace(rate: float) -> Callable[[int], None]:
        assert rate == 7.5
        return paced.append

    monkeypatch.setattr("ingest_project.ingestion.dead_letters.dead_letter_queue.Pace", pace)

    assert on_files.letters.redrive(ALL, rate=7.5).moved == 25

    assert sum(paced) == 25
    assert on_files.depth(on_files.url) == 25


def test_messages_of_other_queues_that_share_the_dlq_stay(
    on_files: RawWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(on_files)
    monkeypatch.setattr(  # the emulator does not say from which queue a message came: any other text serves
        "ingest_project.ingestion.dead_letters.dead_letter_queue.SOURCE_QUEUE", "SenderId"
    )
    letters = on_files.letters

    done = letters.redrive(ALL)

    assert (done.moved, done.of_others) == (0, 1)
    assert letters.look(ALL, limit=10).letters == ()
    assert on_files.depth(on_files.dlq_url) == 1
