"""Sending to queues of the emulator, directly and through a proxy that loses answers and fails entries."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from botocore.config import Config

from ingest_project.errors import InvalidEntries, QueueRefused, QueueUnavailable, SettingsError
from ingest_project.sources.sqs import send_batch
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send import Sender
from ingest_project.sources.sqs.send_result import FailedEntry, SendResult, Sent
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SEND = "SendMessageBatch"


@pytest.fixture
def client(aws: str) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def queue(client: "SQSClient") -> Queue:
    return Queue(client, name="landing", url=client.create_queue(QueueName="landing")["QueueUrl"])


@pytest.fixture
def fifo(client: "SQSClient") -> Queue:
    made = client.create_queue(QueueName="landing.fifo", Attributes={"FifoQueue": "true"})
    return Queue(client, name="landing", url=made["QueueUrl"])


@pytest.fixture
def proxy(aws: str) -> Iterator[FaultProxy]:
    made = FaultProxy(aws)
    yield made
    made.close()


def behind(proxy: FaultProxy, queue: Queue) -> Queue:
    """The queue through the proxy, without boto3's own retries, so that each rule is one failed call."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=3)
    client = boto3.client("sqs", endpoint_url=proxy.endpoint, config=config)
    return Queue(client, name=queue.name, url=queue.url)


def sent_by(queue: Queue, given: Any, **options: Any) -> SendResult:
    return Sender(queue, sleep=lambda _: None, **options).send(given)


def entries(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"Id": f"id {n}", "MessageBody": f"body {n}", **more} for n in range(count)]


def received(client: "SQSClient", queue: Queue) -> list[dict[str, Any]]:
    """Every message of the queue, as often as it is there, in the order of delivery."""
    found: list[dict[str, Any]] = []
    while batch := client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):  # fmt: skip
        found.extend(batch)  # type: ignore[arg-type]
        for one in batch:
            client.delete_message(QueueUrl=queue.url, ReceiptHandle=one["ReceiptHandle"])
    return found


def bodies(client: "SQSClient", queue: Queue) -> list[str]:
    return [one["Body"] for one in received(client, queue)]


def test_every_entry_arrives_once_and_is_answered_by_its_own_id(client: "SQSClient", queue: Queue) -> None:
    result = send_batch(queue, entries(57))

    assert [one.id for one in result.succeeded] == [f"id {n}" for n in range(57)]
    assert result.failed == ()
    messages = received(client, queue)
    assert {one["MessageId"]: one["Body"] for one in messages} == {
        one.message_id: one.id.replace("id", "body") for one in result.succeeded
    }
    assert len(messages) == 57


def test_delay_attributes_group_and_deduplication_id_reach_the_queue(
    client: "SQSClient", fifo: Queue
) -> None:
    attributes = {
        "kind": {"DataType": "String", "StringValue": "order"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        "Total": {"DataType": "Number.eur", "StringValue": "1.50"},
        "said": {"DataType": "String", "StringValue": "\N{PARTY POPPER} é"},
    }
    entry = {
        "Id": "a", "MessageBody": "x", "MessageAttributes": attributes, "MessageGroupId": "g",
        "MessageDeduplicationId": "d", "DelaySeconds": None,
    }  # fmt: skip

    result = send_batch(fifo, [entry])

    (message,) = received(client, fifo)
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == "d"
    assert result.succeeded == (Sent("a", message["MessageId"], result.succeeded[0].sequence_number),)
    assert result.succeeded[0].sequence_number


def test_delayed_message_is_not_visible_at_once(client: "SQSClient", queue: Queue) -> None:
    result = send_batch(queue, entries(1, DelaySeconds=900))

    assert len(result.succeeded) == 1
    assert (queue.attributes().delayed, queue.attributes().visible) == (1, 0)


def test_queue_may_be_a_url_or_a_name_in_the_settings(
    client: "SQSClient", queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"name": "a.b", "queue": "mine", "bucket": "landing", "format": "text"}
    path = tmp_path / "ingest.yaml"
    path.write_text(yaml.safe_dump({"queues": [{"name": "mine", "url": queue.url}], "tables": [table]}))
    monkeypatch.setenv("INGEST_CONFIG", str(path))

    send_batch(queue.url, entries(1))
    send_batch("mine", entries(1))

    assert bodies(client, queue) == ["body 0", "body 0"]
    with pytest.raises(SettingsError, match="no queue 'yours'; known are mine"):
        send_batch("yours", entries(1))


def test_importing_send_batch_does_not_load_boto3() -> None:
    program = (
        "import sys; from ingest_project.sources.sqs import send_batch; print('botocore' in sys.modules)"
    )

    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "False"


def test_queue_of_small_messages_refuses_only_the_large_ones(client: "SQSClient", queue: Queue) -> None:
    client.set_queue_attributes(QueueUrl=queue.url, Attributes={"MaximumMessageSize": "1024"})
    kind = {"kind": {"DataType": "String", "StringValue": "x" * 100}}
    given: list[dict[str, Any]] = [
        {"Id": "fits", "MessageBody": "x" * 1024},
        {"Id": "too long", "MessageBody": "x" * 1025},
        {"Id": "too long with its attributes", "MessageBody": "x" * 1000, "MessageAttributes": kind},
    ]

    result = send_batch(queue, given)

    assert [one.id for one in result.succeeded] == ["fits"]
    assert [(one.id, one.sender_fault, one.trials) for one in result.failed] == [
        ("too long", True, 0),
        ("too long with its attributes", True, 0),
    ]
    assert result.failed[1].message == "body and attributes have 1,110 bytes, and the queue takes 1,024"


def test_calls_stay_below_a_mebibyte(client: "SQSClient", queue: Queue) -> None:
    given = [{"Id": str(n), "MessageBody": "é" * 150_000} for n in range(10)]  # 300,000 bytes each

    result = send_batch(queue, given)

    assert len(result.succeeded) == 10


def test_entries_that_sqs_failed_are_tried_again_and_none_is_lost_or_doubled(
    client: "SQSClient", queue: Queue, proxy: FaultProxy
) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.REFUSE_SOME, times=1000, probability=0.6))

    result = sent_by(behind(proxy, queue), entries(200), max_trials=20)

    assert rule.hits > 3
    assert result.failed == ()
    assert sorted(bodies(client, queue)) == sorted(f"body {n}" for n in range(200))


@pytest.mark.parametrize("effect", [Effect.THROTTLE, Effect.SERVER_ERROR, Effect.RESET])
def test_calls_that_failed_as_a_whole_are_tried_again(
    client: "SQSClient", queue: Queue, proxy: FaultProxy, effect: Effect
) -> None:
    proxy.rules.add(Rule(SEND, effect, times=2))

    result = sent_by(behind(proxy, queue), entries(9), max_trials=3)

    assert len(result.succeeded) == 9
    assert len(bodies(client, queue)) == 9


def test_lost_answer_never_loses_an_entry_but_may_double_it(
    client: "SQSClient", queue: Queue, proxy: FaultProxy
) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.LOSE_ANSWER, times=2))

    result = sent_by(behind(proxy, queue), entries(60), max_trials=5)

    assert len(result.succeeded) == 60
    assert rule.hits == 2
    counts = Counter(bodies(client, queue))
    assert set(counts) == {f"body {n}" for n in range(60)}
    assert sum(counts.values()) == 80


def test_lost_answer_of_a_fifo_queue_doubles_nothing(
    client: "SQSClient", fifo: Queue, proxy: FaultProxy
) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.LOSE_ANSWER, times=3))
    given = [{"Id": str(n), "MessageBody": "same", "MessageGroupId": str(n % 4)} for n in range(20)]

    result = sent_by(behind(proxy, fifo), given, max_trials=5)

    assert rule.hits == 3
    assert len(result.succeeded) == 20
    assert bodies(client, fifo) == ["same"] * 20


def test_order_of_each_group_is_kept_over_failed_entries(
    client: "SQSClient", fifo: Queue, proxy: FaultProxy
) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.REFUSE_SOME, times=1000, probability=0.6))
    given = [
        {"Id": str(n), "MessageBody": f"{n % 5} {n:03}", "MessageGroupId": str(n % 5)} for n in range(60)
    ]

    result = sent_by(behind(proxy, fifo), given, max_trials=50)

    assert rule.hits > 3
    assert len(result.succeeded) == 60
    delivered = bodies(client, fifo)
    for group in range(5):
        assert [one for one in delivered if one[0] == str(group)] == [
            f"{group} {n:03}" for n in range(60) if n % 5 == group
        ]


def test_entries_behind_one_that_failed_for_good_are_not_sent(
    client: "SQSClient", fifo: Queue, proxy: FaultProxy
) -> None:
    proxy.rules.add(Rule(SEND, Effect.STALE_RECEIPTS, times=1))  # refuses the first of each two, for good
    given = [
        {"Id": f"{group}{n}", "MessageBody": f"{group}{n}", "MessageGroupId": group}
        for n in range(3)
        for group in "ab"
    ]
    sender = Sender(behind(proxy, fifo))

    result = sender.send(given)
    later = sender.send([{"Id": "a3", "MessageBody": "a3", "MessageGroupId": "a"}])

    assert [(one.id, one.code, one.trials) for one in result.failed] == [
        ("a0", "ReceiptHandleIsInvalid", 1),
        ("a1", "EarlierEntryFailed", 0),
        ("a2", "EarlierEntryFailed", 0),
    ]
    assert [one.code for one in later.failed] == ["EarlierEntryFailed"]
    assert bodies(client, fifo) == ["b0", "b1", "b2"]


def test_entry_of_a_fifo_queue_that_cannot_be_sent_keeps_those_behind_it_back(fifo: Queue) -> None:
    given = [
        {"Id": "1", "MessageBody": "", "MessageGroupId": "a"},
        {"Id": "2", "MessageBody": "2", "MessageGroupId": "a"},
        {"Id": "3", "MessageBody": "3", "MessageGroupId": "b"},
        {"Id": "4", "MessageBody": "4"},
    ]

    result = send_batch(fifo, given)

    assert [one.id for one in result.succeeded] == ["3"]
    assert [(one.id, one.code) for one in result.failed] == [
        ("1", "MissingParameter"), ("2", "EarlierEntryFailed"), ("4", "MissingParameter"),
    ]  # fmt: skip


def test_fault_of_the_sender_is_not_tried_again(queue: Queue, proxy: FaultProxy) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.STALE_RECEIPTS, times=5))

    result = sent_by(behind(proxy, queue), entries(2), max_trials=3)

    assert rule.hits == 1
    assert [(one.id, one.sender_fault, one.trials) for one in result.failed] == [("id 0", True, 1)]


def test_what_still_fails_comes_back_with_its_error_and_can_be_sent_again(
    client: "SQSClient", queue: Queue, proxy: FaultProxy
) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.REFUSE_SOME, times=3))
    through = behind(proxy, queue)
    given = entries(2, DelaySeconds=0)

    result = sent_by(through, given, max_trials=3)

    error = {"Code": "InternalError", "Message": "made by a fault trial", "SenderFault": False, "Trials": 3}
    assert rule.hits == 3
    assert result.failed == (
        FailedEntry({**given[0], "Error": error}, "InternalError", "made by a fault trial", False, 3),
    )
    assert result.failed[0]["Error"] == error
    assert "Error" not in given[0]
    again = sent_by(through, result.failed)
    assert [one.id for one in again.succeeded] == ["id 0"]
    assert sorted(bodies(client, queue)) == ["body 0", "body 1"]


def test_error_is_appended_only_if_asked_for(queue: Queue, proxy: FaultProxy) -> None:
    proxy.rules.add(Rule(SEND, Effect.STALE_RECEIPTS))

    result = send_batch(behind(proxy, queue), entries(1), append_error=False)

    assert dict(result.failed[0]) == {"Id": "id 0", "MessageBody": "body 0"}
    assert result.failed[0].code == "ReceiptHandleIsInvalid"


def test_failed_entry_of_a_fifo_queue_keeps_the_deduplication_id_that_it_was_sent_with(
    client: "SQSClient", fifo: Queue, proxy: FaultProxy
) -> None:
    proxy.rules.add(Rule(SEND, Effect.LOSE_ANSWER))
    given = [{"Id": "1", "MessageBody": "x", "MessageGroupId": "a"}]

    lost = sent_by(behind(proxy, fifo), given, max_trials=1)
    again = send_batch(fifo, lost.failed)

    assert len(again.succeeded) == 1
    assert bodies(client, fifo) == ["x"]


def test_outage_fails_every_entry_and_ends_the_calls(queue: Queue, proxy: FaultProxy) -> None:
    rule = proxy.rules.add(Rule(SEND, Effect.RESET, times=1_000_000))

    result = sent_by(behind(proxy, queue), entries(2000), max_trials=2)

    assert result.succeeded == ()
    assert {one.code for one in result.failed} == {"QueueUnavailable"}
    assert len(result.failed) == 2000
    assert rule.hits <= 8 * 2
    assert any("ConnectionClosedError" in one.message for one in result.failed)


def test_queue_that_does_not_exist_is_an_error_of_the_whole_call(client: "SQSClient", queue: Queue) -> None:
    missing = Queue(client, name="missing", url=f"{queue.url}-missing")

    with pytest.raises(QueueRefused, match="NonExistentQueue") as raised:
        send_batch(missing, entries(3))

    assert not raised.value.transient


def test_endpoint_that_does_not_answer_is_an_error_before_anything_is_sent(aws: str) -> None:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    client = boto3.client("sqs", endpoint_url="http://127.0.0.1:1", config=config)

    with pytest.raises(QueueUnavailable) as raised:
        send_batch(Queue(client, name="landing", url="http://127.0.0.1:1/1/landing"), entries(1))

    assert raised.value.transient


@pytest.mark.parametrize("wrong", ["a string", {"Id": "1", "MessageBody": "x"}, 7, iter([])])
def test_what_is_not_a_list_is_refused_before_anything_is_sent(queue: Queue, wrong: Any) -> None:
    with pytest.raises(InvalidEntries, match="not a list of entries"):
        send_batch(queue, wrong)


def test_wrong_entry_is_named_and_nothing_is_sent(queue: Queue) -> None:
    wrong: list[dict[str, Any]] = [{"Id": 7, "MessageBody": "x"}]

    with pytest.raises(InvalidEntries, match=r"entry at position 12 \(Id 7\): Id is an int, not a string"):
        send_batch(queue, [*entries(12), *wrong])

    assert queue.attributes().visible == 0


def test_nothing_to_send_sends_nothing(aws: str) -> None:
    client = boto3.client("sqs", endpoint_url="http://127.0.0.1:1")

    assert send_batch(Queue(client, name="none", url="http://127.0.0.1:1/1/none"), []) == SendResult((), ())


def test_no_trial_is_refused(queue: Queue) -> None:
    with pytest.raises(ValueError, match="max_trials is 0"):
        send_batch(queue, entries(1), max_trials=0)
