"""A look at a queue takes one receive of each message, and nothing else."""

import json
from typing import Any

import pytest

from ingest_project.errors import QueueUnavailable
from ingest_project.preview.queue_look import QueueLook, look
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.landing import DLQ_ARN
from ingest_project_tests.preview.factories import Bucket, ndjson


def looked(bucket: Bucket, limit: int = 100) -> QueueLook:
    return look(bucket.services.queue("landing"), limit)


def receive_counts(bucket: Bucket) -> dict[str, int]:
    """The receives of every message that is visible, this one among them, as SQS itself counts them."""
    counts: dict[str, int] = {}
    while messages := bucket.landing.sqs.receive_message(
        QueueUrl=bucket.landing.queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=60,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    ).get("Messages", []):
        counts |= {one["MessageId"]: int(one["Attributes"]["ApproximateReceiveCount"]) for one in messages}
    return counts


def allow_receives(bucket: Bucket, count: int) -> None:
    policy = json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": str(count)})
    bucket.landing.set_queue(RedrivePolicy=policy)


def test_each_message_has_one_receive_more_and_stays_visible(bucket: Bucket) -> None:
    for number in range(25):
        bucket.put(f"orders/{number:02}.ndjson", ndjson({"id": number}))

    found = looked(bucket)

    assert (found.visible, found.looked_at, found.highest_receive_count) == (25, 25, 1)
    assert (found.at_their_limit, found.near_their_limit, found.not_given_back) == (0, 0, 0)
    assert [one.key for one in found.objects] == [f"orders/{number:02}.ndjson" for number in range(25)]
    attributes = bucket.services.queue("landing").attributes()
    assert (attributes.visible, attributes.in_flight) == (25, 0)
    assert set(receive_counts(bucket).values()) == {2}  # the look, and the asking just now


def test_no_more_messages_are_looked_at_than_asked_for(bucket: Bucket) -> None:
    for number in range(5):
        bucket.put(f"orders/{number}.ndjson", ndjson({"id": number}))

    assert looked(bucket, limit=3).looked_at == 3
    assert sorted(receive_counts(bucket).values()) == [1, 1, 2, 2, 2]


def test_queue_whose_messages_have_but_one_receive_is_left_alone(bucket: Bucket) -> None:
    bucket.put("orders/a.ndjson", ndjson({"id": 1}))
    allow_receives(bucket, 1)

    found = looked(bucket)

    assert "maxReceiveCount is 1" in (found.refused or "")
    assert found.looked_at == 0
    assert list(receive_counts(bucket).values()) == [1]


@pytest.mark.parametrize(("allowed", "at", "near"), [(2, 0, 1), (3, 0, 0)])
def test_messages_near_the_dlq_are_reported(bucket: Bucket, allowed: int, at: int, near: int) -> None:
    bucket.put("orders/a.ndjson", ndjson({"id": 1}))
    allow_receives(bucket, allowed)

    found = looked(bucket)

    assert (found.at_their_limit, found.near_their_limit) == (at, near)


def test_look_that_takes_the_last_receive_is_reported(bucket: Bucket) -> None:
    bucket.put("orders/a.ndjson", ndjson({"id": 1}))
    allow_receives(bucket, 2)
    looked(bucket)

    assert looked(bucket).at_their_limit == 1


def test_other_messages_are_left_alone_once_some_are_near_the_dlq(bucket: Bucket) -> None:
    for number in range(15):
        bucket.put(f"orders/{number:02}.ndjson", ndjson({"id": number}))
    allow_receives(bucket, 2)

    assert looked(bucket).looked_at == 10
    assert sorted(receive_counts(bucket).values()) == [1] * 5 + [2] * 10


def test_messages_are_given_back_if_the_look_fails_midway(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(15):
        bucket.put(f"orders/{number:02}.ndjson", ndjson({"id": number}))
    queue = bucket.services.queue("landing")
    receive, calls = queue.receive, 0

    def fail_the_second_time(**arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise QueueUnavailable("landing", "it went away")
        return receive(**arguments)

    monkeypatch.setattr(queue, "receive", fail_the_second_time)

    with pytest.raises(QueueUnavailable):
        look(queue, 100)

    assert queue.attributes().in_flight == 0


def test_messages_that_name_no_objects_are_counted(bucket: Bucket) -> None:
    for body in ("no event", json.dumps({"Event": "s3:TestEvent", "Bucket": "x"})):
        bucket.landing.sqs.send_message(QueueUrl=bucket.landing.queue_url, MessageBody=body)

    found = looked(bucket)

    assert (found.looked_at, found.unreadable, found.skipped, found.objects) == (2, 1, 1, ())


def test_empty_queue_costs_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Queue, "receive", lambda *_, **__: pytest.fail("there is nothing to receive"))

    assert looked(bucket).looked_at == 0
