"""A landing zone with which nothing is wrong; each test breaks one thing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import requests

from ingest_project_tests.landing import BUCKET, Landing


@pytest.fixture
def landing(aws: str, tmp_path: Path) -> Landing:
    zone = Landing(tmp_path, aws)
    zone.create()
    for key in ("orders/1.ndjson", "clicks/1.ndjson"):
        zone.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    return zone


@pytest.fixture
def denied(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Gives the environment a user's credentials without these permissions; the emulator enforces them."""
    switch = f"{landing.endpoint}/moto-api/reset-auth"

    def deny(*actions: str) -> None:
        statements = [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": list(actions), "Resource": "*"},
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam = boto3.client("iam")
        iam.create_user(UserName="viewer")
        iam.put_user_policy(UserName="viewer", PolicyName="most", PolicyDocument=document)
        key = iam.create_access_key(UserName="viewer")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        requests.post(switch, data="0", timeout=60).raise_for_status()

    yield deny
    requests.post(switch, data="inf", timeout=60).raise_for_status()
