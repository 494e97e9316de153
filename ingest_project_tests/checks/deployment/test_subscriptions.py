"""What stands between the emulator's bucket and the queue: SNS and EventBridge."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from ingest_project.checks.deployment.addresses import QueueAddress
from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.subscriptions import Subscriptions, takes
from ingest_project_tests.landing import BUCKET, QUEUE_ARN, Landing

QUEUE = QueueAddress("https://sqs.us-east-1.amazonaws.com/123456789012/landing", "us-east-1")
PATTERN = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [BUCKET]}}}


def by_topic(landing: Landing, topic_arn: str) -> Finding:
    services = landing.services()
    return Subscriptions(services.aws).by_topic(services.settings.table("sales.orders"), QUEUE, topic_arn)


def by_eventbridge(landing: Landing) -> Finding:
    services = landing.services()
    return Subscriptions(services.aws).by_eventbridge(services.settings.table("sales.orders"), QUEUE)


@pytest.fixture
def topic_arn(aws: str) -> str:
    return boto3.client("sns").create_topic(Name="landing")["TopicArn"]


def test_a_topic_without_a_subscription_is_a_problem_with_the_command_that_makes_it(
    landing: Landing, topic_arn: str
) -> None:
    boto3.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=f"{QUEUE_ARN}-other")
    found = by_topic(landing, topic_arn)
    assert found.level is Level.PROBLEM
    words = shlex.split((found.remedy or "").partition("queue: ")[2])
    assert words[:3] == ["aws", "sns", "subscribe"]

    boto3.client("sns").subscribe(TopicArn=words[6], Protocol=words[8], Endpoint=words[10])

    assert by_topic(landing, topic_arn).level is Level.OK


def test_a_subscription_with_a_filter_is_a_warning(landing: Landing, topic_arn: str) -> None:
    policy = json.dumps({"kind": ["x"]})
    boto3.client("sns").subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=QUEUE_ARN, Attributes={"FilterPolicy": policy}
    )

    found = by_topic(landing, topic_arn)

    assert found.level is Level.WARNING
    assert "filter policy" in found.message


def test_a_topic_that_is_gone_or_refuses_is_reported(
    landing: Landing, topic_arn: str, denied: Callable[..., None]
) -> None:
    assert by_topic(landing, f"{topic_arn}-gone").level is Level.WARNING

    denied("sns:ListSubscriptionsByTopic")

    found = by_topic(landing, topic_arn)
    assert found.level is Level.WARNING
    assert "could not be checked: needs sns:ListSubscriptionsByTopic" in found.message


def put_rule(name: str, pattern: dict[str, Any], state: str = "ENABLED") -> None:
    events = boto3.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": QUEUE_ARN}])


def test_a_rule_of_eventbridge_that_is_enabled_is_ok(landing: Landing) -> None:
    put_rule("other", {"source": ["aws.ec2"]})
    assert by_eventbridge(landing).level is Level.PROBLEM

    put_rule("landing", PATTERN)
    assert by_eventbridge(landing).level is Level.OK


def test_a_rule_that_is_disabled_is_a_problem(landing: Landing) -> None:
    put_rule("landing", PATTERN, state="DISABLED")

    found = by_eventbridge(landing)

    assert found.level is Level.PROBLEM
    assert found.remedy == "aws events enable-rule --region us-east-1 --name landing"


def test_the_commands_for_eventbridge_make_the_rule(landing: Landing) -> None:
    rule, targets = (by_eventbridge(landing).remedy or "").partition("rule: ")[2].split(" && ")
    pattern = shlex.split(rule)[-1]

    assert json.loads(pattern) == PATTERN
    assert takes(pattern, BUCKET)
    assert shlex.split(targets)[-1] == f"Id=queue,Arn={QUEUE_ARN}"


def test_rules_without_permission_are_reported(landing: Landing, denied: Callable[..., None]) -> None:
    denied("events:ListRuleNamesByTarget")

    assert "could not be checked: needs events:ListRuleNamesByTarget" in by_eventbridge(landing).message


@pytest.mark.parametrize(
    ("pattern", "is_taken"),
    [
        (PATTERN, True),
        ({"source": ["aws.s3"]}, True),
        ({"detail": {"bucket": {"name": [{"prefix": "acme"}]}}}, True),
        (PATTERN | {"detail-type": ["Object Deleted"]}, False),
        (PATTERN | {"detail": {"bucket": {"name": ["another"]}}}, False),
    ],
)
def test_patterns_are_read(pattern: dict[str, Any], is_taken: bool) -> None:
    assert takes(json.dumps(pattern), BUCKET) is is_taken
