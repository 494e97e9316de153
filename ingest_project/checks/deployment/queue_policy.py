"""Checks who may send to a queue: the buckets of its tables may, and others may not.

A sender can name objects that never existed,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ingest_project.checks.deployment.addresses import bucket_arn, set_attributes
from ingest_project.checks.deployment.finding import Finding, ok, warning
from ingest_project.checks.deployment.policy import Statement, allowing_statements
from ingest_project.checks.deployment.queue_attributes import QueueAttributes
from ingest_project.settings.model import QueueSettings, Settings

CHECK = "queue_policy"
SEND = "sqs:SendMessage"
S3 = "s3.amazonaws.com"
FORWARDERS = ("sns.amazonaws.com", "events.amazonaws.com")


def check_policy(queue: QueueSettings, attributes: QueueAttributes, settings: Settings) -> list[Finding]:
    """Whether the policy lets the buckets of the queue's tables send, and nobody else without a condition."""
    tables = [table for table in settings.tables_of(queue.name) if not table.is_of_messages]
    buckets = list(dict.fromkeys(table.bucket for table in tables))
    wanted = sending_statement(attributes.arn, buckets, _owners(buckets, attributes, settings))
    try:
        statements = allowing_statements(attributes.policy)
    except ValueError:
        remedy = _set_policy(queue, attributes.arn, wanted)
        return [warning(CHECK, queue.name, "its policy cannot be read", remedy)]
    sending = [one for one in statements if one.allows(SEND)]
    findings = list(_strangers(queue, statements, wanted))
    if out := _shut_out(sending, [bucket_arn(one, _region(attributes.arn)) for one in buckets]):
        remedy = _set_policy(queue, attributes.arn, wanted)
        if attributes.policy:
            remedy = f"add to its policy this statement: {json.dumps(wanted)}"
        said = f"its policy does not let S3 send events of {', '.join(out)}"
        findings.append(warning(CHECK, queue.name, said, remedy))
    return findings or [ok(CHECK, queue.name, f"its policy lets {_senders(sending)} send, under a condition")]


def sending_statement(queue_arn: str, buckets: Sequence[str], owners: Sequence[str]) -> dict[str, Any]:
    """The statement that lets S3 send events of these buckets of these accounts, and nobody else."""
    return {
        "Sid": "IngestEventsFromS3",
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": SEND,
        "Resource": queue_arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": [bucket_arn(bucket, _region(queue_arn)) for bucket in buckets]},
            "StringEquals": {"aws:SourceAccount": list(owners)},
        },
    }


def _owners(buckets: Sequence[str], attributes: QueueAttributes, settings: Settings) -> list[str]:
    """The accounts of the buckets: those that are expected, else the queue's own."""
    expected = {one.name: one.expected_owner for one in settings.buckets}
    own = attributes.arn.split(":")[4]
    return list(dict.fromkeys(expected.get(bucket) or own for bucket in buckets))


def _strangers(
    queue: QueueSettings, statements: Sequence[Statement], wanted: dict[str, Any]
) -> Iterator[Finding]:
    remedy = f"put this statement in its place: {json.dumps(wanted)}"
    if queue.source != "s3_events":
        remedy = "name the senders as its Principal, or add a condition"
    for one in statements:
        if one.is_restricted or not (one.is_for_everyone or one.services):
            continue
        who = "anybody" if one.is_for_everyone else f"{', '.join(one.services)}, acting for any account,"
        said = (
            f"statement {one.name!r} of its policy lets {who} do {', '.join(one.actions)}: there is no "
            "condition"
        )
        yield warning(
            CHECK,
            queue.name,
            f"{said} aws:SourceArn or aws:SourceAccount",
            remedy,
        )


def _shut_out(sending: Sequence[Statement], bucket_arns: Sequence[str]) -> list[str]:
    """The buckets that may not send; none if the events may come through SNS or EventBridge."""
    if any(set(FORWARDERS).intersection(one.services) for one in sending):
        return []
    let_in = [one for one in sending if one.is_for_everyone or S3 in one.services]
    return [arn for arn in bucket_arns if not any(one.takes_source(arn) for one in let_in)]


def _set_policy(queue: QueueSettings, queue_arn: str, statement: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return set_attributes(queue.url, _region(queue_arn), {"Policy": policy})


def _region(queue_arn: str) -> str:
    return queue_arn.split(":")[3]


def _senders(statements: Sequence[Statement]) -> str:
    return ", ".join(dict.fromkeys(who for one in statements for who in one.principals)) or "nobody"
