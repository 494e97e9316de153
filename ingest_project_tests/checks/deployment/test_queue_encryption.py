"""Keys of the emulator's KMS, with which a queue is encrypted."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.queues import check_queue
from ingest_project_tests.landing import Landing

OWNER = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def finding(landing: Landing, key: str) -> Finding:
    landing.set_queue(KmsMasterKeyId=key)
    services = landing.services()
    found = check_queue(services, services.settings.queue("landing"))
    (only,) = [one for one in found if one.check == "encryption"]
    return only


def key_with(*statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OWNER, *statements]})
    return str(boto3.client("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"])


def for_service(*actions: str, service: str = "s3.amazonaws.com") -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions), "Resource": "*"}


@pytest.mark.parametrize("key", ["alias/aws/sqs", "arn:aws:kms:us-east-1:123456789012:alias/aws/sqs"])
def test_the_key_of_aws_is_a_problem(key: str, landing: Landing) -> None:
    found = finding(landing, key)

    assert found.level is Level.PROBLEM
    assert '"SqsManagedSseEnabled": "true"' in (found.remedy or "")


@pytest.mark.parametrize(
    "statement",
    [
        for_service("kms:GenerateDataKey", "kms:Decrypt"),
        for_service("kms:GenerateDataKey*", "kms:Decrypt"),
        for_service("kms:*", service="sns.amazonaws.com"),
    ],
)
def test_a_key_that_the_sender_may_use_is_ok(statement: dict[str, Any], landing: Landing) -> None:
    assert finding(landing, key_with(statement)).level is Level.OK


@pytest.mark.parametrize(
    "statements", [[], [for_service("kms:Decrypt")], [for_service("kms:*", service="logs.amazonaws.com")]]
)
def test_a_key_that_no_sender_may_use_is_a_warning_with_the_statement(
    statements: list[dict[str, Any]], landing: Landing
) -> None:
    found = finding(landing, key_with(*statements))

    assert found.level is Level.WARNING
    statement = json.loads((found.remedy or "").partition(": ")[2])
    assert finding(landing, key_with(statement)).level is Level.OK


def test_a_disabled_key_is_a_problem(landing: Landing) -> None:
    key = key_with(for_service("kms:*"))
    boto3.client("kms").disable_key(KeyId=key)

    assert finding(landing, key).level is Level.PROBLEM


def test_a_key_without_permission_is_reported(landing: Landing, denied: Callable[..., None]) -> None:
    key = key_with()
    landing.set_queue(KmsMasterKeyId=key)
    denied("kms:GetKeyPolicy")
    services = landing.services()

    (found,) = [
        one for one in check_queue(services, services.settings.queue("landing")) if one.check == "encryption"
    ]

    assert found.level is Level.WARNING
    assert "could not be checked: needs kms:DescribeKey and kms:GetKeyPolicy" in found.message
