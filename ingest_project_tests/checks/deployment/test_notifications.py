"""A table's route against notification configurations as S3 hands them out."""

import json
import shlex
from typing import TYPE_CHECKING, Any, cast

import pytest

from ingest_project.checks.deployment.addresses import QueueAddress
from ingest_project.checks.deployment.finding import Finding, Level, ok, problem
from ingest_project.checks.deployment.notifications import check_routes
from ingest_project.settings.model import TableSettings
from ingest_project_tests.landing import QUEUE_ARN

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import NotificationConfigurationResponseTypeDef

QUEUE = QueueAddress("https://sqs.us-east-1.amazonaws.com/123456789012/landing", "us-east-1")
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:landing"
CREATED = "s3:ObjectCreated:*"


def rule(*events: str, prefix: str = "", suffix: str = "", arn: str = QUEUE_ARN) -> dict[str, Any]:
    key_rules = [{"Name": "Prefix", "Value": prefix}, {"Name": "Suffix", "Value": suffix}]
    return {"QueueArn": arn, "Events": list(events), "Filter": {"Key": {"FilterRules": key_rules}}}


class Forwards:
    """What SNS and EventBridge would answer: whether they send on."""

    def __init__(self, *, sends_on: bool) -> None:
        self.answer = ok if sends_on else problem

    def by_topic(self, table: TableSettings, queue: QueueAddress, topic_arn: str) -> Finding:
        return self._finding(table, topic_arn)

    def by_eventbridge(self, table: TableSettings, queue: QueueAddress) -> Finding:
        return self._finding(table, "EventBridge")

    def _finding(self, table: TableSettings, way: str) -> Finding:
        return ok("by", table.name, way) if self.answer is ok else problem("by", table.name, way, "mend it")


def finding(
    *rules: dict[str, Any], prefix: str = "orders/", suffix: str = "", sends_on: bool = True, **more: Any
) -> Finding:
    table = TableSettings(
        name="sales.orders", queue="landing", bucket="acme", prefix=prefix, suffix=suffix, format="ndjson"
    )
    configuration = {"QueueConfigurations": list(rules), **more}
    said = cast("NotificationConfigurationResponseTypeDef", configuration)
    (found,) = check_routes([(table, QUEUE)], said, Forwards(sends_on=sends_on))
    return found


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


def told_configuration(found: Finding) -> dict[str, Any]:
    """The configuration that the remedy's command puts, as a shell would read it."""
    words = shlex.split(found.remedy or "")
    assert words[:3] == ["aws", "s3api", "put-bucket-notification-configuration"]
    return dict(json.loads(words[words.index("--notification-configuration") + 1]))


def test_the_remedy_adds_our_rule_by_arn_and_keeps_all_others() -> None:
    other = rule(CREATED, prefix="clicks/", arn=QUEUE_ARN.replace("landing", "it's another"))

    found = finding(other, suffix=".gz")

    assert found.level is Level.PROBLEM
    ours = {
        "QueueArn": QUEUE_ARN,
        "Events": [CREATED],
        "Filter": {
            "Key": {
                "FilterRules": [{"Name": "prefix", "Value": "orders/"}, {"Name": "suffix", "Value": ".gz"}]
            }
        },
    }
    assert told_configuration(found) == {"QueueConfigurations": [other, ours]}


def test_a_queue_of_this_name_in_another_region_is_another_queue() -> None:
    found = finding(rule(CREATED, arn=QUEUE_ARN.replace("us-east-1", "eu-west-3")))

    assert found.level is Level.PROBLEM
    assert "of this name in another region: arn:aws:sqs:eu-west-3:" in found.message


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


def test_kinds_of_writes_that_are_not_sent_are_named_and_the_remedy_sends_them_all() -> None:
    put, post = rule("s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"), rule("s3:ObjectCreated:Post")

    found = finding(put, post)

    assert found.level is Level.WARNING
    assert "written by CompleteMultipartUpload, Copy " in found.message
    (only,) = told_configuration(found)["QueueConfigurations"]
    assert only == put | {"Events": [CREATED, "s3:ObjectRemoved:Delete"]}


@pytest.mark.parametrize("sends_on", [True, False])
@pytest.mark.parametrize(
    ("more", "way"),
    [
        ({"TopicConfigurations": [{"TopicArn": TOPIC_ARN, "Events": [CREATED]}]}, TOPIC_ARN),
        ({"EventBridgeConfiguration": {}}, "EventBridge"),
    ],
)
def test_what_goes_through_a_topic_or_eventbridge_is_judged_there(
    more: dict[str, Any], way: str, sends_on: bool
) -> None:
    found = finding(sends_on=sends_on, **more)

    assert found.level is (Level.OK if sends_on else Level.PROBLEM)
    assert found.message == way


def test_a_rule_for_a_part_is_fine_if_eventbridge_sends_all() -> None:
    part = rule(CREATED, prefix="orders/eu/")

    assert finding(part, EventBridgeConfiguration={}).level is Level.OK
    assert finding(part, EventBridgeConfiguration={}, sends_on=False).level is Level.WARNING


def test_a_topic_that_gets_only_a_part_of_the_route_is_a_warning() -> None:
    topic = {"TopicArn": TOPIC_ARN, "Events": [CREATED], "Filter": rule(CREATED, suffix=".gz")["Filter"]}

    assert finding(TopicConfigurations=[topic]).level is Level.WARNING
