"""A queue against the emulator: what is sent arrives, what is deleted is gone, what fails says so."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from mypy_boto3_sqs import SQSClient

from ingest_project.errors import QueueRefused, QueueUnavailable
from ingest_project.sources.sqs.message import Message, Receipt
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send_entries import SendLimits


@pytest.fixture
def client(aws: str) -> SQSClient:
    return boto3.client("sqs")


@pytest.fixture
def queue(client: SQSClient) -> Queue:
    return Queue(client, name="landing", url=client.create_queue(QueueName="landing")["QueueUrl"])


def send(client: SQSClient, queue: Queue, count: int) -> set[str]:
    bodies = [f"body {number}" for number in range(count)]
    for start in range(0, count, 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        client.send_message_batch(QueueUrl=queue.url, Entries=entries)  # type: ignore[arg-type]
    return set(bodies)


# A drain that has reached its limit ends at once; one that looks for more costs two seconds on the emulator.
def receive(queue: Queue, *, limit: int = 1000, wait_seconds: int = 1, seconds: float = 20) -> list[Message]:
    return queue.receive(
        limit=limit, wait_seconds=wait_seconds, visibility_timeout_seconds=60, seconds=seconds
    )


def test_a_drain_receives_every_message_once(client: SQSClient, queue: Queue) -> None:
    bodies = send(client, queue, 57)

    messages = receive(queue)

    assert len(messages) == 57
    assert {message.body for message in messages} == bodies
    assert queue.attributes().in_flight == 57


def test_a_message_tells_when_it_was_sent_and_how_often_received(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 1)

    (message,) = receive(queue, limit=1)

    assert message.receive_count == 1
    assert timedelta() <= datetime.now(UTC) - message.sent_at < timedelta(seconds=30)
    assert message.sent_at <= message.received_at + timedelta(milliseconds=1)
    assert message.receipt_handle not in repr(message)


def test_a_drain_takes_no_more_than_the_limit(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 40)

    messages = receive(queue, limit=23)

    assert len(messages) == 23
    assert queue.attributes().visible == 17


def test_a_limit_of_nothing_receives_nothing(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 1)

    assert receive(queue, limit=0) == []
    assert queue.attributes().visible == 1


def test_an_empty_queue_gives_nothing_after_the_long_poll(queue: Queue) -> None:
    began = time.monotonic()

    messages = receive(queue, wait_seconds=1)

    assert messages == []
    assert 0.9 < time.monotonic() - began < 4


def test_the_long_poll_is_no_longer_than_the_time_given(queue: Queue) -> None:
    began = time.monotonic()

    receive(queue, wait_seconds=20, seconds=1.5)

    assert time.monotonic() - began < 4


def test_a_message_that_arrives_during_the_long_poll_is_received(client: SQSClient, queue: Queue) -> None:
    sender = threading.Timer(0.5, send, (client, queue, 1))
    sender.start()

    messages = receive(queue, wait_seconds=5)
    sender.join()

    assert len(messages) == 1


def test_deleted_messages_are_gone(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 25)
    messages = receive(queue, limit=25)

    results = queue.delete([message.receipt for message in messages])

    assert sorted(results.succeeded) == sorted(message.message_id for message in messages)
    assert results.failed == ()
    attributes = queue.attributes()
    assert (attributes.visible, attributes.in_flight) == (0, 0)


def test_deleting_twice_succeeds_twice(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 1)
    receipts = [message.receipt for message in receive(queue, limit=1)]
    queue.delete(receipts)

    assert queue.delete(receipts).failed == ()


def test_deleting_nothing_calls_nothing(aws: str) -> None:
    results = unreachable_queue().delete([])

    assert (results.succeeded, results.failed) == ((), ())


def test_a_receipt_that_sqs_refuses_fails_alone(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 11)
    good = [message.receipt for message in receive(queue, limit=11)]
    bad = Receipt("no-such-message", "no-such-handle")

    results = queue.delete([*good[:5], bad, *good[5:]])

    assert sorted(results.succeeded) == sorted(receipt.message_id for receipt in good)
    (failed,) = results.failed
    assert (failed.message_id, failed.code) == ("no-such-message", "ReceiptHandleIsInvalid")
    assert "no-such-handle" not in failed.reason


def test_visibility_zero_gives_messages_back_and_counts_the_receive(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 12)
    receipts = [message.receipt for message in receive(queue, limit=12)]

    results = queue.change_visibility(receipts, timeout_seconds=0)

    assert len(results.succeeded) == 12
    again = receive(queue, limit=12)
    assert [message.receive_count for message in again] == [2] * 12


def test_visibility_of_a_deleted_message_is_a_failed_entry(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 2)
    gone, there = (message.receipt for message in receive(queue, limit=2))
    queue.delete([gone])

    results = queue.change_visibility([gone, there], timeout_seconds=60)

    assert results.succeeded == (there.message_id,)
    assert [entry.message_id for entry in results.failed] == [gone.message_id]


def test_an_impossible_visibility_is_reported_for_each_entry(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 2)
    receipts = [message.receipt for message in receive(queue, limit=2)]

    results = queue.change_visibility(receipts, timeout_seconds=43_201)

    assert results.succeeded == ()
    assert {entry.code for entry in results.failed} == {"InvalidParameterValue"}


def test_attributes_without_a_redrive_policy_name_no_dlq(client: SQSClient, queue: Queue) -> None:
    send(client, queue, 3)

    attributes = queue.attributes()

    assert attributes.arn == "arn:aws:sqs:us-east-1:123456789012:landing"
    assert (attributes.visible, attributes.in_flight, attributes.delayed) == (3, 0, 0)
    assert (attributes.dlq_arn, attributes.max_receive_count) == (None, None)
    assert queue.dead_letter_queue() is None


@pytest.mark.parametrize("count", [5, "5"])
def test_the_redrive_policy_leads_to_the_dlq(client: SQSClient, queue: Queue, count: int | str) -> None:
    dlq_url = client.create_queue(QueueName="landing-dlq")["QueueUrl"]
    dlq_arn = "arn:aws:sqs:us-east-1:123456789012:landing-dlq"
    policy = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": count})
    client.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": policy})

    attributes, dlq = queue.attributes(), queue.dead_letter_queue()

    assert (attributes.dlq_arn, attributes.max_receive_count) == (dlq_arn, 5)
    assert dlq is not None
    assert (dlq.name, dlq.url) == ("landing-dlq", dlq_url)


def test_a_queue_that_does_not_exist_is_unavailable(client: SQSClient, queue: Queue) -> None:
    missing = Queue(client, name="missing", url=queue.url.replace("landing", "missing"))

    with pytest.raises(QueueUnavailable, match=r"queue missing: ReceiveMessage: .*NonExistentQueue"):
        receive(missing)
    with pytest.raises(QueueUnavailable, match=r"queue missing: DeleteMessageBatch: "):
        missing.delete([Receipt("1", "handle")])
    with pytest.raises(QueueUnavailable, match=r"queue missing: GetQueueAttributes: "):
        missing.attributes()


def test_an_endpoint_that_does_not_answer_is_unavailable(aws: str) -> None:
    with pytest.raises(QueueUnavailable, match=r"queue landing: EndpointConnectionError: ") as raised:
        receive(unreachable_queue())

    assert raised.value.transient


def test_missing_credentials_make_the_queue_unavailable(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path_factory.mktemp("none") / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    anonymous = Queue(boto3.Session().client("sqs"), name="landing", url=queue.url)

    with pytest.raises(QueueUnavailable, match="NoCredentialsError"):
        anonymous.attributes()


def unreachable_queue() -> Queue:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2)
    client = boto3.client("sqs", endpoint_url="http://127.0.0.1:1", config=config)
    return Queue(client, name="landing", url="http://127.0.0.1:1/123456789012/landing")


def test_limits_of_a_queue_are_its_own(client: SQSClient, queue: Queue) -> None:
    client.set_queue_attributes(QueueUrl=queue.url, Attributes={"MaximumMessageSize": "2048"})
    by_content = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    made = client.create_queue(QueueName="landing.fifo", Attributes=by_content)  # type: ignore[arg-type]
    fifo = Queue(client, name="fifo", url=made["QueueUrl"])

    assert queue.send_limits() == SendLimits(max_message_bytes=2048)
    assert fifo.send_limits() == SendLimits(is_fifo=True, deduplicates_by_content=True)


def test_limits_are_those_of_sqs_if_a_sender_may_not_ask_for_them(queue: Queue) -> None:
    client = boto3.client("sqs")
    fifo = Queue(client, name="fifo", url=f"{queue.url}.fifo")
    denied = Queue(client, name="landing", url=queue.url)
    with Stubber(client) as stubber:
        for _ in range(2):
            stubber.add_client_error("get_queue_attributes", "AccessDenied", http_status_code=403)

        assert denied.send_limits() == SendLimits()
        with pytest.raises(QueueRefused, match="AccessDenied"):
            fifo.send_limits()
