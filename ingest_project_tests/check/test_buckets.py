"""The emulator's bucket and what it announces."""

import json
from collections.abc import Iterator

import boto3
import pytest
import requests

from ingest_project.check.buckets import check_bucket
from ingest_project.check.finding import Finding, Level
from ingest_project_tests.landing import BUCKET, Landing, queue_rule


def findings(landing: Landing) -> list[Finding]:
    return check_bucket(landing.services(), BUCKET)


@pytest.fixture
def no_view_of_notifications(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment's credentials are those of a user who may not read notifications; the emulator enforces it."""
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:GetBucketNotification", "Resource": "*"},
    ]
    iam = boto3.client("iam")
    iam.create_user(UserName="viewer")
    iam.put_user_policy(
        UserName="viewer",
        PolicyName="s3",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = iam.create_access_key(UserName="viewer")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    switch = f"{landing.endpoint}/moto-api/reset-auth"
    requests.post(switch, data="0", timeout=10).raise_for_status()
    yield
    requests.post(switch, data="inf", timeout=10).raise_for_status()


def test_a_bucket_that_announces_its_objects_is_ok(landing: Landing) -> None:
    assert [(one.subject, one.level) for one in findings(landing)] == [
        (BUCKET, Level.OK),
        ("sales.orders", Level.OK),
        ("web.clicks", Level.OK),
    ]


def test_a_table_whose_objects_are_not_announced_is_a_problem(landing: Landing) -> None:
    landing.notify([queue_rule(prefix="orders/")])

    assert [(one.subject, one.level) for one in findings(landing)][1:] == [
        ("sales.orders", Level.OK),
        ("web.clicks", Level.PROBLEM),
    ]


def test_a_bucket_without_notifications_is_a_problem_of_every_table(landing: Landing) -> None:
    landing.notify([])

    assert [one.level for one in findings(landing)] == [Level.OK, Level.PROBLEM, Level.PROBLEM]


def test_a_bucket_that_does_not_exist_is_a_problem(landing: Landing) -> None:
    landing.s3.delete_bucket(Bucket=BUCKET)

    (found,) = findings(landing)

    assert found.level is Level.PROBLEM
    assert found.remedy == f"create it, or correct tables[].bucket ({BUCKET})"


@pytest.mark.usefixtures("no_view_of_notifications")
def test_a_notification_configuration_that_may_not_be_read_is_a_warning(landing: Landing) -> None:
    bucket, notifications = findings(landing)

    assert bucket.level is Level.OK
    assert notifications.level is Level.WARNING
    assert notifications.remedy == f"grant s3:GetBucketNotification on arn:aws:s3:::{BUCKET}"
