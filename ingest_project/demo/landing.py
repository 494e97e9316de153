"""The demo's bucket, and the queue that it notifies."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from ingest_project.demo.embedded_aws import CREDENTIAL, REGION
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.sample_data import EVENTS_QUEUE, Upload
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send import send_batch

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef
    from mypy_boto3_sqs import SQSClient

BUCKET = "acme-landing"
RESULTS_BUCKET = "acme-results"
QUEUE = "landing"
REQUESTS_QUEUE = "requests"
MAX_RECEIVE_COUNT = 5
"""After so many receives SQS moves a message to the dead-letter queue."""


class Landing:
    """New buckets, the queue that one notifies, queues of raw messages and of jobs, and their DLQs.

    `put_at` has the time of the last write of each URI.
    """

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(CREDENTIAL, CREDENTIAL, region_name=REGION)
        config = Config(retries={"mode": "standard"})
        self._s3 = session.client("s3", endpoint_url=endpoint, config=config)
        self._sqs = session.client("sqs", endpoint_url=endpoint, config=config)
        self.put_at: dict[str, datetime] = {}
        self.queue_url = _create_queue(self._sqs, QUEUE)
        self.events_queue_url = _create_queue(self._sqs, EVENTS_QUEUE)
        self.requests_queue_url = _create_queue(self._sqs, REQUESTS_QUEUE)
        for bucket in (BUCKET, RESULTS_BUCKET):
            self._s3.create_bucket(Bucket=bucket)
        self._notify(is_wanted=True)

    @property
    def queue_urls(self) -> dict[str, str]:
        """The URL of each queue by its name."""
        return {
            QUEUE: self.queue_url,
            EVENTS_QUEUE: self.events_queue_url,
            REQUESTS_QUEUE: self.requests_queue_url,
        }

    def put(self, uploads: Iterable[Upload], interrupts: Interrupts) -> None:
        """Upload objects in their order; the bucket sends their events.

        May raise KeyboardInterrupt between two.
        """
        for upload in uploads:
            interrupts.check()
            self._s3.put_object(Bucket=BUCKET, Key=upload.key, Body=upload.body)
            self.put_at[f"s3://{BUCKET}/{upload.key}"] = datetime.now(UTC)

    def put_unannounced(self, uploads: Iterable[Upload], interrupts: Interrupts) -> None:
        """Upload objects while the bucket does not send events."""
        self._notify(is_wanted=False)
        self.put(uploads, interrupts)
        self._notify(is_wanted=True)

    def _notify(self, *, is_wanted: bool) -> None:
        events: NotificationConfigurationTypeDef = {
            "QueueConfigurations": [
                {"QueueArn": _arn(self._sqs, self.queue_url), "Events": ["s3:ObjectCreated:*"]}
            ]
        }
        self._s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration=events if is_wanted else {}
        )

    def send(self, body: str) -> None:
        """Send a message to the queue directly, not through the bucket."""
        self._sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def send_messages(self, bodies: Sequence[str]) -> dict[str, str]:
        """Send messages to the queue of raw messages; returns the bodies by message id."""
        queue = Queue(self._sqs, name=EVENTS_QUEUE, url=self.events_queue_url)
        result = send_batch(
            queue, [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        )
        if result.failed:
            raise RuntimeError(f"the embedded AWS refused {len(result.failed)} messages")
        return {one.message_id: bodies[int(one.id)] for one in result.succeeded}


def _create_queue(sqs: "SQSClient", name: str) -> str:
    dlq = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(sqs, dlq), "maxReceiveCount": MAX_RECEIVE_COUNT}
    return sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]


def _arn(sqs: "SQSClient", url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
