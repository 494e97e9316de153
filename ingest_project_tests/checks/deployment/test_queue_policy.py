"""Queue policies as people write them: who may send, and who may who should not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.queue_attributes import read_attributes
from ingest_project.checks.deployment.queue_policy import check_policy
from ingest_project.checks.deployment.queues import check_queue
from ingest_project_tests.landing import BUCKET, QUEUE_ARN, Landing

S3 = {"Service": "s3.amazonaws.com"}
ACCOUNT = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
BUCKET_ARN = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{BUCKET}"}}


def statement(principal: Any, condition: Any = None, **changes: Any) -> dict[str, Any]:
    base = {
        "Sid": "x",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sqs:SendMessage",
        "Resource": QUEUE_ARN,
    }
    return base | ({} if condition is None else {"Condition": condition}) | changes


def findings(landing: Landing, *statements: dict[str, Any]) -> list[Finding]:
    landing.set_queue(Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    services = landing.services()
    found = check_queue(services, services.settings.queue("landing"))
    return [one for one in found if one.check == "queue_policy"]


@pytest.mark.parametrize(
    "statements",
    [
        [statement(S3, BUCKET_ARN | ACCOUNT)],
        [statement(S3, ACCOUNT)],
        [statement(S3, {"ArnEquals": {"AWS:SourceArn": [f"arn:aws:s3:::{BUCKET}", "arn:aws:s3:::other"]}})],
        [statement("*", BUCKET_ARN, Action="SQS:SendMessage")],
        [statement({"AWS": "*"}, ACCOUNT, Action=["sqs:Send*"])],
        [statement({"Service": "sns.amazonaws.com"},
            {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:1:t"}})],
        [statement(S3, BUCKET_ARN), statement({"AWS": "arn:aws:iam::123456789012:root"}, Action="sqs:*")],
        [statement(S3, BUCKET_ARN), statement("*", Effect="Deny")],
        [statement("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}})],
    ],
)  # fmt: skip
def test_a_policy_that_tells_callers_apart_is_ok(statements: list[dict[str, Any]], landing: Landing) -> None:
    assert [one.level for one in findings(landing, *statements)] == [Level.OK]


@pytest.mark.parametrize(
    "open_to_strangers",
    [
        statement("*"),
        statement({"AWS": "*"}),
        statement({"AWS": ["arn:aws:iam::123456789012:root", "*"]}, Action="sqs:*"),
        statement(S3),
        statement(S3, {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/x"}}),
        statement(S3, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}),
        statement("*", {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}),
        statement("*", {"StringNotEquals": {"aws:SourceAccount": "999999999999"}}),
        statement("*", {"ForAllValues:StringEquals": {"aws:SourceAccount": "123456789012"}}),
        statement("*", {"Bool": {"aws:SecureTransport": "true"}}),
        statement("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
        {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "NotAction": "sqs:DeleteMessage"},
    ],
)
def test_a_policy_that_allows_everyone_is_a_warning_with_the_statement_to_use(
    open_to_strangers: dict[str, Any], landing: Landing
) -> None:
    found = findings(landing, statement(S3, BUCKET_ARN | ACCOUNT), open_to_strangers)

    assert [one.level for one in found] == [Level.WARNING]
    better = json.loads((found[0].remedy or "").partition(": ")[2])
    assert [one.level for one in findings(landing, better)] == [Level.OK]


@pytest.mark.parametrize(
    "statements",
    [
        [statement({"AWS": "arn:aws:iam::123456789012:root"}, Action="sqs:*")],
        [statement(S3, {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}})],
        [statement(S3, BUCKET_ARN, Action="sqs:ReceiveMessage")],
        [statement(S3, BUCKET_ARN, Effect="Deny")],
    ],
)
def test_a_policy_that_shuts_the_bucket_out_is_a_warning(
    statements: list[dict[str, Any]], landing: Landing
) -> None:
    (found,) = findings(landing, *statements)

    assert found.level is Level.WARNING
    assert f"does not let S3 send events of arn:aws:s3:::{BUCKET}" in found.message
    assert "add to its policy this statement: {" in (found.remedy or "")


def test_no_policy_is_a_warning_with_the_command_that_sets_one(landing: Landing) -> None:
    (found,) = findings(landing)

    assert found.level is Level.WARNING
    assert (found.remedy or "").startswith("aws sqs set-queue-attributes --region us-east-1 --queue-url ")


@pytest.mark.parametrize("policy", ["[]", "{", '{"Statement": [1]}', '{"Statement": "x"}'])
def test_what_is_not_a_policy_is_a_warning(policy: str, landing: Landing) -> None:
    services = landing.services()
    attributes = replace(read_attributes(landing.sqs, landing.queue_url), policy=policy)

    (found,) = check_policy(services.settings.queue("landing"), attributes, services.settings)

    assert (found.level, found.message) == (Level.WARNING, "its policy cannot be read")
