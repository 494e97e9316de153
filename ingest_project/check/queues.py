"""Checks a queue, where an object's journey begins: it answers, gives poison messages up, and keeps the others long enough."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_project.check.finding import Finding, ok, problem, warning
from ingest_project.check.refusal import AWS_FAULTS, is_denied, remedy_for, words_of
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FEWEST_RECEIVES = 3
"""A message comes back whenever a run or the daemon dies; with fewer receives such bad luck looks like poison."""

SHORTEST_RETENTION_SECONDS = 86_400
"""An outage of the ingest that outlasts the retention loses events; SQS's own default is four days, its limit 14."""


@dataclass(frozen=True, slots=True)
class _Attributes:
    """What SQS says of a queue, read from its text attributes."""

    arn: str
    visible: int
    visibility_timeout_seconds: int
    retention_seconds: int
    dlq_arn: str | None
    max_receive_count: int


def check_queue(services: Services, queue: QueueSettings) -> list[Finding]:
    """Everything about one queue that its attributes, and its dead-letter queue's, tell."""
    try:
        client = services.aws.sqs()
        attributes = _attributes(client, queue.url)
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="sqs:GetQueueAttributes",
            resource=queue.url,
            if_absent=f"create it, or correct queues[].url ({queue.url}) or aws.region",
        )
        return [problem("queue", queue.name, words_of(error), remedy)]
    return [
        ok("queue", queue.name, f"{attributes.arn} answers; {attributes.visible} messages visible"),
        _visibility(queue, attributes),
        _retention(queue, attributes),
        *_redrive(client, queue, attributes),
    ]


def _visibility(queue: QueueSettings, attributes: _Attributes) -> Finding:
    """Every receive sets the timeout of ingest.yaml, so that the queue's own never counts here."""
    own = attributes.visibility_timeout_seconds
    said = f"visibility timeout {queue.visibility_timeout_seconds} s"
    if own != queue.visibility_timeout_seconds:
        said += f", set at every receive (the queue's own default, {own} s, does not matter)"
    return ok("visibility", queue.name, said)


def _retention(queue: QueueSettings, attributes: _Attributes) -> Finding:
    said = f"messages are kept for {_duration(attributes.retention_seconds)}"
    if attributes.retention_seconds < SHORTEST_RETENTION_SECONDS:
        return warning(
            "retention",
            queue.name,
            f"{said}: a longer outage of the ingest loses events",
            f"aws sqs set-queue-attributes --queue-url {queue.url} --attributes MessageRetentionPeriod=1209600",
        )
    return ok("retention", queue.name, said)


def _redrive(client: "SQSClient", queue: QueueSettings, attributes: _Attributes) -> list[Finding]:
    if attributes.dlq_arn is None:
        return [
            warning(
                "dead_letter_queue",
                queue.name,
                "no redrive policy: a message that cannot be ingested comes round until its retention ends, then is lost",
                "create a dead-letter queue and set RedrivePolicy with its ARN and maxReceiveCount 5",
            )
        ]
    findings = [_dead_letter_queue(client, queue, attributes, attributes.dlq_arn)]
    if attributes.max_receive_count < FEWEST_RECEIVES:
        findings.append(
            warning(
                "redrive_policy",
                queue.name,
                f"maxReceiveCount {attributes.max_receive_count}: a crash or two send good messages to the DLQ",
                f"raise maxReceiveCount in the RedrivePolicy to {FEWEST_RECEIVES} or more; 5 is usual",
            )
        )
    return findings


def _dead_letter_queue(
    client: "SQSClient", queue: QueueSettings, attributes: _Attributes, arn: str
) -> Finding:
    account, name = arn.split(":")[4:6]
    try:
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        retention_seconds = _attributes(client, url).retention_seconds
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="sqs:GetQueueUrl and sqs:GetQueueAttributes",
            resource=arn,
            if_absent=f"create a queue {name}, or name another one in the RedrivePolicy",
        )
        make = warning if is_denied(error) else problem
        return make("dead_letter_queue", queue.name, f"{arn}: {words_of(error)}", remedy)
    said = f"{arn} after {attributes.max_receive_count} receives"
    # A message keeps its age when it moves; the DLQ's retention counts from when it was first sent.
    if retention_seconds <= attributes.retention_seconds:
        return warning(
            "dead_letter_queue",
            queue.name,
            f"{said}; it keeps messages for {_duration(retention_seconds)} since they were first sent, no longer "
            "than the queue itself",
            f"aws sqs set-queue-attributes --queue-url {url} --attributes MessageRetentionPeriod=1209600",
        )
    return ok("dead_letter_queue", queue.name, said)


def _attributes(client: "SQSClient", url: str) -> _Attributes:
    response = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    values: Mapping[str, str] = {str(name): value for name, value in response["Attributes"].items()}
    redrive = json.loads(values.get("RedrivePolicy") or "{}")
    return _Attributes(
        arn=values["QueueArn"],
        visible=int(values["ApproximateNumberOfMessages"]),
        visibility_timeout_seconds=int(values["VisibilityTimeout"]),
        retention_seconds=int(values["MessageRetentionPeriod"]),
        dlq_arn=redrive.get("deadLetterTargetArn"),
        max_receive_count=int(redrive.get("maxReceiveCount", 0)),
    )


def _duration(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"
