"""The demo's bucket announces what is put into it, on a queue with a dead-letter queue."""

from datetime import UTC, datetime

import pytest

from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.landing import BUCKET, MAX_RECEIVE_COUNT, Landing
from ingest_project.demo.sample_data import NOT_AN_EVENT
from ingest_project.errors import NotAnS3Event
from ingest_project.services import Services
from ingest_project.settings.model import Settings
from ingest_project.sources.s3.notification import parse_notification
from ingest_project.sources.sqs.message import Message
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.demo.factories import upload


@pytest.fixture
def landing(aws: str) -> Landing:
    return Landing(aws)


@pytest.fixture
def queue(landing: Landing) -> Queue:
    settings = {
        "queues": [{"name": "landing", "url": landing.queue_url}],
        "tables": [{"name": "sales.orders", "queue": "landing", "bucket": BUCKET, "format": "ndjson"}],
    }
    return Services(Settings.model_validate(settings)).queue("landing")


def receive(queue: Queue, count: int) -> list[Message]:
    return queue.receive(limit=count, wait_seconds=1, visibility_timeout_seconds=60, seconds=5)


def test_each_put_is_announced_and_its_time_is_kept(landing: Landing, queue: Queue) -> None:
    started = datetime.now(UTC)
    with Interrupts() as interrupts:
        landing.put([upload("orders/a b+c.ndjson"), upload("orders/b.ndjson")], interrupts)

    announced = [
        item.uri for message in receive(queue, 3) for item in parse_notification(message.body).objects
    ]
    assert sorted(announced) == [f"s3://{BUCKET}/orders/a b+c.ndjson", f"s3://{BUCKET}/orders/b.ndjson"]
    assert sorted(landing.put_at) == sorted(announced)
    assert all(started <= time <= datetime.now(UTC) for time in landing.put_at.values())


def test_the_stray_message_is_not_an_s3_event(landing: Landing, queue: Queue) -> None:
    receive(queue, 1)  # S3's own test event
    landing.send(NOT_AN_EVENT)

    (message,) = receive(queue, 1)

    with pytest.raises(NotAnS3Event):
        parse_notification(message.body)


def test_the_queue_has_a_dead_letter_queue(landing: Landing, queue: Queue) -> None:
    dlq = queue.dead_letter_queue()

    assert dlq is not None
    assert dlq.name == "landing-dlq"
    assert queue.attributes().max_receive_count == MAX_RECEIVE_COUNT


def test_an_interrupt_ends_the_upload_between_two_objects(landing: Landing) -> None:
    with Interrupts() as interrupts:
        interrupts.count = 1
        with pytest.raises(KeyboardInterrupt):
            landing.put([upload("orders/a.ndjson")], interrupts)

    assert landing.put_at == {}
