"""The demo's embedded AWS keeps what parallel calls agreed on."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest

from ingest_project.demo.embedded_aws import CREDENTIAL, REGION, embedded_aws

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

THREADS = 8


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Makes threads switch a hundred times as often, so that races between them occur."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_it_answers_while_the_block_runs(aws: str) -> None:
    with embedded_aws() as endpoint:
        assert endpoint != aws
        assert _client(endpoint).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.usefixtures("frequent_switches")
def test_no_message_comes_back_when_many_are_deleted_at_once() -> None:
    with embedded_aws() as endpoint, ThreadPoolExecutor(THREADS) as threads:
        sqs = _client(endpoint)
        url = sqs.create_queue(QueueName="landing")["QueueUrl"]
        list(threads.map(lambda _: _send_ten(sqs, url), range(30)))
        portions = []
        while portion := _receive_ten(sqs, url):
            portions.append(portion)

        list(threads.map(lambda portion: _delete(sqs, url, portion), portions))

        assert sum(len(portion) for portion in portions) == 300
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert counts["ApproximateNumberOfMessages"] == "0"
        assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def _client(endpoint: str) -> "SQSClient":
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIAL,
        aws_secret_access_key=CREDENTIAL,
    )


def _send_ten(sqs: "SQSClient", url: str) -> None:
    sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(place), "MessageBody": "{}"} for place in range(10)]
    )


def _receive_ten(sqs: "SQSClient", url: str) -> list[str]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
    return [message["ReceiptHandle"] for message in found.get("Messages", [])]


def _delete(sqs: "SQSClient", url: str, handles: list[str]) -> None:
    sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(handles)],
    )
