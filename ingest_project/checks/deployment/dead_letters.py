"""Checks the dead-letter queue of a queue: it exists, it is another queue, and it keeps messages long enough.

When SQS moves a message of a standard queue to its DLQ, the message keeps the time at which it was first
sent, and the retention of the DLQ counts from then; that of a FIFO queue gets a new time,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest_project.checks.deployment.addresses import QueueAddress, set_attributes
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.queue_attributes import QueueAttributes, duration, read_attributes
from ingest_project.checks.deployment.refusal import AWS_FAULTS, is_denied, remedy_for, unseen, words_of
from ingest_project.checks.deployment.simulation import Wanted, missing_permissions
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings
from ingest_project.sources.aws import Aws

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CHECK = "dead_letter_queue"
FEWEST_RECEIVES = 3
"""A message is received again when a run or the daemon dies; fewer receives would move good messages to the
DLQ."""
USUAL_RECEIVES = 5
LONGEST_RETENTION_SECONDS = 1_209_600
"""14 days; SQS allows no more."""
OF_QUEUE = ("sqs:SendMessage",)
OF_DLQ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")


def check_dead_letters(
    services: Services, queue: QueueSettings, attributes: QueueAttributes
) -> list[Finding]:
    """Whether messages that cannot be processed go to a suitable DLQ."""
    aws = services.aws.of(queue.access)
    address = QueueAddress(queue.url, aws.region)
    if attributes.dlq_arn is None:
        return [_none(queue, address, attributes)]
    findings = _dead_letter_queue(services, aws.sqs(), queue, attributes)
    if queue.source == "messages":
        findings.append(_native_redrive(queue))
    findings += _redrive_permissions(aws, queue, attributes)
    if attributes.max_receive_count < FEWEST_RECEIVES:
        said = f"maxReceiveCount {attributes.max_receive_count}: a crash or two send good messages to the DLQ"
        findings.append(warning("redrive_policy", queue.name, said, _redrive(address, attributes.dlq_arn)))
    return findings


def _none(queue: QueueSettings, address: QueueAddress, attributes: QueueAttributes) -> Finding:
    name = address.name.removesuffix(".fifo") + ("-dlq.fifo" if address.is_fifo else "-dlq")
    settings = {"MessageRetentionPeriod": str(LONGEST_RETENTION_SECONDS)}
    if address.is_fifo:
        settings["FifoQueue"] = "true"
    arn = f"{attributes.arn.rpartition(':')[0]}:{name}"
    create = (
        f"aws sqs create-queue --region {address.region} --queue-name {name} "
        f"--attributes '{json.dumps(settings)}'"
    )
    return warning(
        CHECK,
        queue.name,
        "no redrive policy: SQS delivers a message that cannot be ingested until its retention ends, then "
        "it is lost",
        f"{create} && {_redrive(address, arn)}",
    )


def _native_redrive(queue: QueueSettings) -> Finding:
    said = (
        "a redrive by the console or by start-message-move-task gives messages new ids, so those that are "
        "ingested already become second rows"
    )
    return warning("redrive", queue.name, said, f"move messages back by `ingest redrive {queue.name}` only")


def _redrive_permissions(aws: Aws, queue: QueueSettings, attributes: QueueAttributes) -> Iterator[Finding]:
    """What `ingest redrive` needs besides what the ingest needs."""
    what = "ingest redrive"
    remedy = "remove the denial, if messages are to be moved back by `ingest redrive`"
    for actions, arn in ((OF_QUEUE, attributes.arn), (OF_DLQ, attributes.dlq_arn or "")):
        wanted = Wanted("redrive", queue.name, what, actions, arn, remedy)
        yield from missing_permissions(aws, wanted)


def _redrive(address: QueueAddress, dlq_arn: str) -> str:
    policy = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": str(USUAL_RECEIVES)}
    return address.set_attributes({"RedrivePolicy": json.dumps(policy)})


def _dead_letter_queue(
    services: Services, client: "SQSClient", queue: QueueSettings, attributes: QueueAttributes
) -> list[Finding]:
    arn = attributes.dlq_arn or ""
    region, account, name = arn.split(":")[3:6]
    try:
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        dlq = read_attributes(client, url)
    except AWS_FAULTS as error:
        permission = "sqs:GetQueueUrl and sqs:GetQueueAttributes"
        if is_denied(error):
            return [unseen(CHECK, queue.name, error, arn, permission=permission, resource=arn)]
        remedy = remedy_for(
            error,
            permission=permission,
            resource=arn,
            if_absent=f"create a queue {name}, or name another one in the RedrivePolicy: "
            f"aws sqs create-queue --region {region} --queue-name {name}",
        )
        return [problem(CHECK, queue.name, f"{arn}: {words_of(error)}", remedy)]
    return [
        _retention(queue, url, attributes, dlq),
        *_shared(services, queue, client, url=url, attributes=attributes, dlq_arn=dlq.arn),
    ]


def _retention(queue: QueueSettings, url: str, attributes: QueueAttributes, dlq: QueueAttributes) -> Finding:
    """If both keep messages for 14 days, the DLQ's retention cannot be longer, so this is not a warning."""
    said = f"{dlq.arn} after {attributes.max_receive_count} receives"
    if attributes.arn.endswith(".fifo") or dlq.retention_seconds > attributes.retention_seconds:
        return ok(CHECK, queue.name, said)
    since = f"it keeps messages for {duration(dlq.retention_seconds)} since they were first sent"
    if dlq.retention_seconds >= LONGEST_RETENTION_SECONDS:
        return ok(
            CHECK, queue.name, f"{said}; {since}, the time in {queue.name} included: SQS allows no more"
        )
    longest = {"MessageRetentionPeriod": str(LONGEST_RETENTION_SECONDS)}
    return warning(
        CHECK,
        queue.name,
        f"{said}; {since}, no longer than the queue itself",
        set_attributes(url, dlq.arn.split(":")[3], longest),
    )


def _shared(
    services: Services,
    queue: QueueSettings,
    client: "SQSClient",
    *,
    url: str,
    attributes: QueueAttributes,
    dlq_arn: str,
) -> list[Finding]:
    drained = [one.name for one in services.settings.queues if _is_at(services, one, dlq_arn)]
    if drained:
        said = (
            f"{dlq_arn} is itself a queue that is ingested ({drained[0]}): failed messages are received "
            "without end"
        )
        own = QueueAddress(queue.url, services.aws.of(queue.access).region)
        return [
            problem(
                CHECK, queue.name, said, f"give it a DLQ of its own: {_redrive(own, f'{attributes.arn}-dlq')}"
            )
        ]
    try:
        sources = client.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    except AWS_FAULTS:  # only if it is allowed; the answer would only be a remark
        return []
    others = [one for one in sources if QueueAddress(one, "").name != attributes.arn.rpartition(":")[2]]
    if not others:
        return []
    names = ", ".join(QueueAddress(one, "").name for one in others[:3])
    said = f"{dlq_arn} is the DLQ of other queues too ({names}): its messages need not come from {queue.name}"
    return [warning(CHECK, queue.name, said, "give each queue its own DLQ, or accept that they share it")]


def _is_at(services: Services, queue: QueueSettings, arn: str) -> bool:
    return QueueAddress(queue.url, services.aws.of(queue.access).region).arn == arn
