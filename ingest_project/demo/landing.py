"""The demo's bucket, and the queue that it notifies."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from ingest_project.demo.embedded_aws import CREDENTIAL, REGION
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.sample_data import Upload

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BUCKET = "acme-landing"
QUEUE = "landing"
MAX_RECEIVE_COUNT = 5
"""After so many receives SQS moves a message to the dead-letter queue."""


class Landing:
    """A new bucket, the queue that it notifies, and a DLQ.

    `put_at` has the time of the last write of each URI.
    """

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(CREDENTIAL, CREDENTIAL, region_name=REGION)
        config = Config(retries={"mode": "standard"})
        self._s3 = session.client("s3", endpoint_url=endpoint, config=config)
        self._sqs = session.client("sqs", endpoint_url=endpoint, config=config)
        self.put_at: dict[str, datetime] = {}
        self.queue_url = _create_queue(self._sqs)
        self._s3.create_bucket(Bucket=BUCKET)
        self._s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": _arn(self._sqs, self.queue_url), "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )

    def put(self, uploads: Iterable[Upload], interrupts: Interrupts) -> None:
        """Upload objects in their order; the bucket sends their events.

        May raise KeyboardInterrupt between two.
        """
        for upload in uploads:
            interrupts.check()
            self._s3.put_object(Bucket=BUCKET, Key=upload.key, Body=upload.body)
            self.put_at[f"s3://{BUCKET}/{upload.key}"] = datetime.now(UTC)

    def send(self, body: str) -> None:
        """Send a message to the queue directly, not through the bucket."""
        self._sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)


def _create_queue(sqs: "SQSClient") -> str:
    dlq = sqs.create_queue(QueueName=f"{QUEUE}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(sqs, dlq), "maxReceiveCount": MAX_RECEIVE_COUNT}
    return sqs.create_queue(QueueName=QUEUE, Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]


def _arn(sqs: "SQSClient", url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
