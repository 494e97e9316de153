"""Checks SNS topics and EventBridge: do they forward a bucket's events to the queue?"""

import json
from typing import TYPE_CHECKING, Any

from ingest_project.checks.deployment.addresses import QueueAddress, partition_of
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, unseen
from ingest_project.settings.model import TableSettings
from ingest_project.sources.aws import Aws

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

CHECK = "notifications"
S3_SOURCE = "aws.s3"


class Subscriptions:
    """Asks SNS and EventBridge whether they forward events to queues. If AWS denies that, it is a warning."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def by_topic(self, table: TableSettings, queue: QueueAddress, topic_arn: str) -> Finding:
        """Whether the topic has a subscription for the queue without a filter."""
        way = f"{table.source} goes to SNS topic {topic_arn}"
        client = self._aws.sns(topic_arn.split(":")[3])
        try:
            found = _subscription(client, topic_arn, queue.arn)
            filtered = found is not None and _is_filtered(client, found)
        except AWS_FAULTS as error:
            what = f"{way}; whether it goes on to queue {table.queue}"
            permission = "sns:ListSubscriptionsByTopic and sns:GetSubscriptionAttributes"
            return unseen(CHECK, table.name, error, what, permission=permission, resource=topic_arn)
        if found is None:
            remedy = (
                "let sns.amazonaws.com send in the queue's policy, and subscribe the queue: "
                f"aws sns subscribe --region {topic_arn.split(':')[3]} --topic-arn {topic_arn} --protocol "
                f"sqs --notification-endpoint {queue.arn}"
            )
            return problem(CHECK, table.name, f"{way}, which has no subscription for {queue.arn}", remedy)
        if filtered:
            said = f"{way} and on to queue {table.queue}, as far as the filter policy of {found} lets it"
            return warning(
                CHECK,
                table.name,
                said,
                f"see: aws sns get-subscription-attributes --subscription-arn {found}",
            )
        return ok(CHECK, table.name, f"{way} and on to queue {table.queue}")

    def by_eventbridge(self, table: TableSettings, queue: QueueAddress) -> Finding:
        """Whether an enabled rule sends events of the bucket to the queue."""
        way = f"{table.source} goes to EventBridge"
        client = self._aws.of_bucket(table.bucket).client("events")
        try:
            names = client.list_rule_names_by_target(TargetArn=queue.arn)["RuleNames"]
            rules = [client.describe_rule(Name=name) for name in names]
        except AWS_FAULTS as error:
            what = f"{way}; whether it goes on to queue {table.queue}"
            permission = "events:ListRuleNamesByTarget and events:DescribeRule"
            arn = f"arn:{partition_of(queue.region)}:events:{queue.region}:*:rule/*"
            return unseen(CHECK, table.name, error, what, permission=permission, resource=arn)
        ours = [rule for rule in rules if takes(rule.get("EventPattern"), table.bucket)]
        for rule in ours:
            if rule.get("State") == "ENABLED":
                said = f"{way}, and by its rule {rule['Name']} on to queue {table.queue}"
                return ok(CHECK, table.name, said)
        if ours:
            remedy = f"aws events enable-rule --region {queue.region} --name {ours[0]['Name']}"
            return problem(CHECK, table.name, f"{way}, where rule {ours[0]['Name']} is disabled", remedy)
        return problem(
            CHECK, table.name, f"{way}, where no rule has {queue.arn} as its target", _new_rule(table, queue)
        )


def takes(pattern: str | None, bucket: str) -> bool:
    """Whether an event pattern matches Object Created of this bucket, judged by its plain values."""
    try:
        asked = json.loads(pattern or "{}")
    except ValueError:
        return False
    detail = asked.get("detail", {})
    return (
        _takes(asked.get("source"), S3_SOURCE)
        and _takes(asked.get("detail-type"), "Object Created")
        and _takes(detail.get("bucket", {}).get("name"), bucket)
    )


def _takes(values: Any, value: str) -> bool:
    """Whether one of the values matches; one that is not plain, like {"prefix": ...}, counts as a match."""
    return values is None or any(one == value or not isinstance(one, str) for one in values)


def _new_rule(table: TableSettings, queue: QueueAddress) -> str:
    detail = {"bucket": {"name": [table.bucket]}}
    pattern = {"source": [S3_SOURCE], "detail-type": ["Object Created"], "detail": detail}
    name = f"ingest-{table.bucket}"
    return (
        "let events.amazonaws.com send in the queue's policy, and create a rule: "
        f"aws events put-rule --region {queue.region} --name {name} --event-pattern '{json.dumps(pattern)}' "
        f"&& aws events put-targets --region {queue.region} --rule {name} --targets Id=queue,Arn={queue.arn}"
    )


def _subscription(client: "SNSClient", topic_arn: str, queue_arn: str) -> str | None:
    """The ARN of the queue's subscription, if it is confirmed."""
    for page in client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
        for one in page["Subscriptions"]:
            if one.get("Endpoint") == queue_arn and one.get("SubscriptionArn", "").startswith("arn:"):
                return one["SubscriptionArn"]
    return None


def _is_filtered(client: "SNSClient", subscription_arn: str) -> bool:
    attributes = client.get_subscription_attributes(SubscriptionArn=subscription_arn)["Attributes"]
    return bool(attributes.get("FilterPolicy"))
