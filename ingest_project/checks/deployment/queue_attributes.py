"""The attributes of a queue, parsed from SQS's texts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """A queue's attributes.

    Policy and KMS key are empty if it has none, `max_message_bytes` None if unknown.
    """

    arn: str
    visible: int
    visibility_timeout_seconds: int
    retention_seconds: int
    max_message_bytes: int | None
    dlq_arn: str | None
    max_receive_count: int
    policy: str
    kms_key: str


def read_attributes(client: "SQSClient", url: str) -> QueueAttributes:
    """The attributes of the queue at this URL. Raises what boto3 raises."""
    response = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    values: Mapping[str, str] = {str(name): value for name, value in response["Attributes"].items()}
    redrive = json.loads(values.get("RedrivePolicy") or "{}")
    size = values.get("MaximumMessageSize")
    return QueueAttributes(
        arn=values["QueueArn"],
        visible=int(values["ApproximateNumberOfMessages"]),
        visibility_timeout_seconds=int(values["VisibilityTimeout"]),
        retention_seconds=int(values["MessageRetentionPeriod"]),
        max_message_bytes=int(size) if size else None,
        dlq_arn=redrive.get("deadLetterTargetArn"),
        max_receive_count=int(redrive.get("maxReceiveCount", 0)),
        policy=values.get("Policy") or "",
        kms_key=values.get("KmsMasterKeyId") or "",
    )


def duration(seconds: int) -> str:
    """A length of time in the largest unit of which it has at least two."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"
