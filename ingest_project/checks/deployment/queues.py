"""Checks a queue: it answers, and receives, keeps and moves messages as it should."""

from collections.abc import Iterator

from ingest_project.checks.deployment.addresses import QueueAddress
from ingest_project.checks.deployment.dead_letters import LONGEST_RETENTION_SECONDS, check_dead_letters
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.queue_attributes import QueueAttributes, duration, read_attributes
from ingest_project.checks.deployment.queue_encryption import check_encryption
from ingest_project.checks.deployment.queue_policy import check_policy
from ingest_project.checks.deployment.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.errors import SettingsError
from ingest_project.services import Services
from ingest_project.settings.aws_access import region_of_queue
from ingest_project.settings.model import QueueSettings
from ingest_project.settings.wording import plural

SHORTEST_RETENTION_SECONDS = 86_400
"""An outage of the ingest that outlasts the retention loses events; SQS's own default is four days, its limit
14."""
LARGEST_EVENT_BYTES = 65_536
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
USUAL_MESSAGE_BYTES = 262_144


def check_queue(services: Services, queue: QueueSettings) -> list[Finding]:
    """The findings about one queue: its attributes, its policy, its key and its dead-letter queue."""
    try:
        aws = services.aws.of(queue.access)
        address = QueueAddress(queue.url, aws.region)
        attributes = read_attributes(aws.sqs(), queue.url)
    except AWS_FAULTS as error:
        return [*_region(services, queue), _no_answer(services, queue, error)]
    findings = [
        ok("queue", queue.name, f"{attributes.arn} answers; {plural(attributes.visible, 'message')} visible"),
        *_region(services, queue),
        *(_fifo(queue, address) if queue.source == "s3_events" else ()),
        _visibility(services, queue, attributes),
        _retention(queue, address, attributes),
        *(_message_size(queue, address, attributes) if queue.source == "s3_events" else ()),
        *check_dead_letters(services, queue, attributes),
        *check_policy(queue, attributes, services.settings),
    ]
    if attributes.kms_key:
        findings.append(check_encryption(queue.name, address, attributes.kms_key, aws.client("kms")))
    return findings


def _no_answer(services: Services, queue: QueueSettings, error: Exception) -> Finding:
    arn = queue.url
    if not isinstance(error, SettingsError):
        arn = QueueAddress(queue.url, services.aws.of(queue.access).region).arn
    remedy = remedy_for(
        error,
        permission="sqs:GetQueueAttributes",
        resource=arn,
        if_absent=f"create it, or correct queues[].url ({queue.url}) or its region: there is no {arn}",
    )
    return problem("queue", queue.name, words_of(error), remedy)


def _region(services: Services, queue: QueueSettings) -> Iterator[Finding]:
    """The region of the URL is used; if it differs from `aws.region`, either may be a mistake."""
    named = region_of_queue(queue.url)
    if named is None or queue.region is not None:
        return
    try:
        usual = services.aws.region
    except AWS_FAULTS:
        return
    if named != usual:
        yield warning(
            "region",
            queue.name,
            f"its URL names the region {named}, but aws.region is {usual}; requests go to {named}",
            f"correct the wrong one, or confirm that it is intended: region: {named} in the entry of the "
            "queue",
        )


def _fifo(queue: QueueSettings, address: QueueAddress) -> Iterator[Finding]:
    if address.is_fifo:
        yield warning(
            "queue",
            queue.name,
            f"{address.name} is a FIFO queue, to which S3 cannot send directly",
            "send through EventBridge or a FIFO topic, or use a standard queue: the order of events does "
            "not matter",
        )


def _visibility(services: Services, queue: QueueSettings, attributes: QueueAttributes) -> Finding:
    """Every receive sets the timeout of ingest.yaml, so the queue's own timeout is not used."""
    own = attributes.visibility_timeout_seconds
    said = f"visibility timeout {queue.visibility_timeout_seconds} s"
    lease_seconds = services.settings.ledger.lease_seconds
    if queue.visibility_timeout_seconds < lease_seconds:
        return warning(
            "visibility",
            queue.name,
            f"{said}, less than ledger.lease_seconds, {lease_seconds} s: if a run dies while the sensor is "
            "stopped, its messages become visible before another run may take over, and each receive counts",
            f"visibility_timeout_seconds: {2 * lease_seconds} in the entry of the queue",
        )
    if own != queue.visibility_timeout_seconds:
        said += f", set at every receive (the queue's own default, {own} s, does not matter)"
    return ok("visibility", queue.name, said)


def _retention(queue: QueueSettings, address: QueueAddress, attributes: QueueAttributes) -> Finding:
    said = f"messages are kept for {duration(attributes.retention_seconds)}"
    if attributes.retention_seconds < SHORTEST_RETENTION_SECONDS:
        remedy = address.set_attributes({"MessageRetentionPeriod": str(LONGEST_RETENTION_SECONDS)})
        return warning("retention", queue.name, f"{said}: a longer outage of the ingest loses events", remedy)
    return ok("retention", queue.name, said)


def _message_size(
    queue: QueueSettings, address: QueueAddress, attributes: QueueAttributes
) -> Iterator[Finding]:
    largest = attributes.max_message_bytes
    if largest is not None and largest < LARGEST_EVENT_BYTES:
        yield warning(
            "message_size",
            queue.name,
            f"MaximumMessageSize is {largest:,} bytes, but S3's events may have {LARGEST_EVENT_BYTES:,}: "
            "larger ones are lost",
            address.set_attributes({"MaximumMessageSize": str(USUAL_MESSAGE_BYTES)}),
        )
