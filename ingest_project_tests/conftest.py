"""Fixtures that more than one room needs: an AWS emulator over HTTP, and settings that point to it."""

from collections.abc import Iterator

import pytest
import requests

from ingest_project.demo.embedded_aws import embedded_aws


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of a moto server on a free port of 127.0.0.1, one for the whole test session."""
    with embedded_aws() as endpoint:
        yield endpoint


@pytest.fixture
def aws(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty AWS account that boto3's default chain finds; gives its endpoint URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    requests.post(f"{aws_endpoint}/moto-api/reset", timeout=10).raise_for_status()
    return aws_endpoint
