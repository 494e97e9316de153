"""Fixtures for more than one room: an AWS emulator over HTTP, buckets in it, and a store that reads them."""

import os
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING
from unittest.mock import patch

import boto3
import pytest
import requests
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

from ingest_project.demo.embedded_aws import embedded_aws
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.compiled_statements import compiled_once

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

settings.register_profile(
    "suite",
    derandomize=True,  # each run tries the same examples; `make fuzz` tries new ones
    deadline=None,  # a slow machine is no fault
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")
SLOW_AT_ONCE = 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the slowest tests first, on two of the workers: the last ones to run are short.

    `--dist=worksteal` begins with one portion of the list for each worker, all of about the same length. The
    daemons of slow tests poll while they wait for a core: more of them at once take longer in all.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("e2e")]
    others = [item for item in items if not item.get_closest_marker("e2e")]
    at_once = min(workers, SLOW_AT_ONCE)
    portions = [slow[worker::at_once] if worker < at_once else [] for worker in range(workers)]
    for worker, portion in enumerate(portions):
        left = workers - worker
        size = (len(others) + sum(map(len, portions[worker:]))) // left
        short = max(0, size - len(portion)) if left > 1 else len(others)
        portions[worker] = [*portion, *others[:short]]
        del others[:short]
    items[:] = chain.from_iterable(portions)


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _botocore_reads_its_files_once() -> Iterator[None]:
    """Each session of botocore parses megabytes of JSON, and each test opens sessions."""
    read = JSONFileLoader.load_file
    read_once = cache(lambda path: read(JSONFileLoader(), path))
    with patch.object(JSONFileLoader, "load_file", lambda _, path: read_once(path)):
        yield


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of a moto server on a free port of 127.0.0.1, one for the whole test session."""
    with embedded_aws() as endpoint:
        yield endpoint


@pytest.fixture
def aws(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty AWS account that boto3's default chain finds; returns its endpoint URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    requests.post(f"{aws_endpoint}/moto-api/reset", timeout=60).raise_for_status()
    return aws_endpoint


@pytest.fixture
def s3(aws: str) -> "S3Client":
    client = boto3.client("s3")
    client.create_bucket(Bucket="landing")
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def store(s3: "S3Client") -> ObjectStore:
    return ObjectStore(Aws(AwsSettings()))
