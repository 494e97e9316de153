"""A table's route against notification configurations as S3 hands them out."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from ingest_project.check.finding import Finding, Level
from ingest_project.check.notifications import check_route
from ingest_project.settings.model import QueueSettings, TableSettings
from ingest_project_tests.landing import QUEUE_ARN

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import NotificationConfigurationResponseTypeDef

QUEUE = QueueSettings(name="landing", url="https://sqs.us-east-1.amazonaws.com/123456789012/landing")
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:landing"
CREATED = "s3:ObjectCreated:*"


def rule(*events: str, prefix: str = "", suffix: str = "", arn: str = QUEUE_ARN) -> dict[str, Any]:
    key_rules = [{"Name": "Prefix", "Value": prefix}, {"Name": "Suffix", "Value": suffix}]
    return {"QueueArn": arn, "Events": list(events), "Filter": {"Key": {"FilterRules": key_rules}}}


def finding(*rules: dict[str, Any], prefix: str = "orders/", suffix: str = "", **more: Any) -> Finding:
    table = TableSettings(
        name="sales.orders", queue="landing", bucket="acme", prefix=prefix, suffix=suffix, format="ndjson"
    )
    configuration = {"QueueConfigurations": list(rules), **more}
    return check_route(table, QUEUE, cast("NotificationConfigurationResponseTypeDef", configuration))


@pytest.mark.parametrize(
    "rules",
    [
        [rule(CREATED)],
        [rule(CREATED, prefix="orders/")],
        [rule(CREATED, prefix="ord", suffix=".gz")],
        [{"QueueArn": QUEUE_ARN, "Events": [CREATED]}],
        [rule("s3:ObjectCreated:Put", "s3:ObjectCreated:Post"),
         rule("s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload")],
    ],
)  # fmt: skip
def test_rules_that_send_every_key_of_the_route_are_ok(rules: list[dict[str, Any]]) -> None:
    assert finding(*rules, suffix=".json.gz").level is Level.OK


def test_a_filter_value_is_form_encoded() -> None:
    assert finding(rule(CREATED, prefix="a+b%2Bc/"), prefix="a b+c/").level is Level.OK


def test_a_bucket_that_sends_nothing_is_a_problem_with_the_rule_to_add() -> None:
    found = finding()

    assert found.level is Level.PROBLEM
    assert "'orders/'" in (found.remedy or "")
    assert QUEUE.url in (found.remedy or "")


@pytest.mark.parametrize(
    "other",
    [
        rule(CREATED, prefix="clicks/"),
        rule(CREATED, suffix=".csv"),
        rule("s3:ObjectRemoved:*"),
    ],
)
def test_rules_for_other_keys_and_events_do_not_count(other: dict[str, Any]) -> None:
    assert finding(other, suffix=".json").level is Level.PROBLEM


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:sqs:us-east-1:123456789012:other", "arn:aws:sqs:us-east-1:999999999999:landing"],
)
def test_another_queue_that_gets_the_events_is_named(arn: str) -> None:
    found = finding(rule(CREATED, arn=arn))

    assert found.level is Level.PROBLEM
    assert f"but to {arn}" in found.message


def test_a_rule_for_a_part_of_the_route_is_a_warning_that_names_the_part() -> None:
    found = finding(rule(CREATED, prefix="orders/eu/", suffix=".json"))

    assert found.level is Level.WARNING
    assert "only orders/eu/*.json" in found.message


def test_kinds_of_writes_that_are_not_sent_are_named() -> None:
    found = finding(rule("s3:ObjectCreated:Put", "s3:ObjectCreated:Post"))

    assert found.level is Level.WARNING
    assert "written by CompleteMultipartUpload, Copy " in found.message


def test_what_goes_to_a_topic_cannot_be_seen_further() -> None:
    found = finding(TopicConfigurations=[{"TopicArn": TOPIC_ARN, "Events": [CREATED]}])

    assert found.level is Level.WARNING
    assert TOPIC_ARN in found.message


def test_what_goes_to_eventbridge_cannot_be_seen_further() -> None:
    found = finding(EventBridgeConfiguration={})

    assert found.level is Level.WARNING
    assert "EventBridge" in found.message
