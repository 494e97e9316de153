"""A landing zone in the emulator, and the settings for it: bucket, queue, DLQ with redrive, notification."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml

from ingest_project.services import Services
from ingest_project.settings.load import load_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "acme-landing"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:landing"
DLQ_ARN = "arn:aws:sqs:us-east-1:123456789012:landing-dlq"
QUEUE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "S3",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE_ARN,
            "Condition": {
                "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"},
                "StringEquals": {"aws:SourceAccount": "123456789012"},
            },
        }
    ],
}
TWO_WEEKS_SECONDS = "1209600"


@dataclass(frozen=True)
class Landing:
    """Two tables, sales.orders and web.clicks, on one queue; everything local is in `folder`."""

    folder: Path
    endpoint: str

    @cached_property
    def sqs(self) -> "SQSClient":
        return boto3.client("sqs")

    @cached_property
    def s3(self) -> "S3Client":
        return boto3.client("s3")

    @property
    def queue_url(self) -> str:
        return f"{self.endpoint}/123456789012/landing"

    @property
    def settings_path(self) -> Path:
        return self.folder / "ingest.yaml"

    def create(self) -> None:
        """Create a zone without faults."""
        self.sqs.create_queue(
            QueueName="landing-dlq", Attributes={"MessageRetentionPeriod": TWO_WEEKS_SECONDS}
        )
        self.sqs.create_queue(QueueName="landing")
        self.set_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": "5"}))
        self.s3.create_bucket(Bucket=BUCKET)
        self.notify([queue_rule()])
        self.sqs.purge_queue(QueueUrl=self.queue_url)  # the s3:TestEvent
        self.write()

    def set_queue(self, **attributes: str) -> None:
        """Set attributes of the queue, by SQS's names, and its policy, which the emulator would forget."""
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_url,
            Attributes={"Policy": json.dumps(QUEUE_POLICY)} | attributes,  # type: ignore[arg-type]
        )

    def notify(self, rules: list[Any]) -> None:
        """Set the bucket's whole notification configuration: rules for queues."""
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": rules}
        )

    def write(self, **changes: Any) -> None:
        """Write ingest.yaml, with top-level keys replaced."""
        self.settings_path.write_text(yaml.safe_dump(self.document() | changes), encoding="utf-8")

    def document(self) -> dict[str, Any]:
        """The content of ingest.yaml."""
        return {
            "ledger": {"url": "sqlite:///ledger.db"},
            "catalog": {"type": "sql", "uri": "sqlite:///catalog.db", "warehouse": "warehouse"},
            "queues": [{"name": "landing", "url": self.queue_url}],
            "tables": [
                table("sales.orders", "orders/", {"order_id": "long", "amount": "decimal(12,2)"}),
                table("web.clicks", "clicks/", {"click_id": "string"}),
            ],
        }

    def services(self) -> Services:
        """The services of a new process with this ingest.yaml."""
        return Services(load_settings(self.settings_path))


def table(name: str, prefix: str, columns: dict[str, str], **more: Any) -> dict[str, Any]:
    """A table of ingest.yaml."""
    base = {"name": name, "queue": "landing", "bucket": BUCKET, "format": "ndjson"}
    return base | {"prefix": prefix, "columns": columns} | more


def queue_rule(
    *, events: tuple[str, ...] = ("s3:ObjectCreated:*",), prefix: str = "", arn: str = QUEUE_ARN
) -> dict[str, Any]:
    """A rule of a notification configuration."""
    rule = {"QueueArn": arn, "Events": list(events)}
    if not prefix:
        return rule
    return rule | {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}
