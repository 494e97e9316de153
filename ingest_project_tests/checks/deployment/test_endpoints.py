"""Addresses in plain text."""

import pytest

from ingest_project.checks.deployment.endpoints import check_endpoints, is_plain
from ingest_project.checks.deployment.finding import Level
from ingest_project_tests.landing import Landing

OTHERS = {"type": "rest", "uri": "http://metadata.internal"}
CATALOG = {"type": "rest", "uri": "http://catalog.internal:8181", "s3.endpoint": "http://minio:9000"}


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://minio:9000", True),
        ("HTTP://10.0.0.7/queue", True),
        ("http://localhost.example.com", True),
        ("http://127.0.0.1:5000", False),
        ("http://127.8.0.1", False),
        ("http://[::1]:5000", False),
        ("http://localhost:5000", False),
        ("http://s3.localhost", False),
        ("https://minio:9000", False),
        ("sqlite:///catalog.db", False),
    ],
)
def test_plain_is_http_to_another_machine(url: str, plain: bool) -> None:
    assert is_plain(url) is plain


def test_nothing_is_said_of_this_machine(landing: Landing) -> None:
    assert check_endpoints(landing.services()) == []


def test_each_plain_address_is_a_warning_that_names_its_key(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.internal:4566")
    queue = {"name": "landing", "url": "http://queue.internal/1/landing"}
    landing.write(queues=[queue], catalog=CATALOG, metadata_catalog=OTHERS)

    found = check_endpoints(landing.services())

    assert {one.level for one in found} == {Level.WARNING}
    assert [one.subject for one in found] == [
        "AWS_ENDPOINT_URL", "queues: landing.url", "catalog.uri", "catalog.s3.endpoint",
        "metadata_catalog.uri",
    ]  # fmt: skip


def test_an_endpoint_of_the_settings_names_their_key(landing: Landing) -> None:
    landing.write(aws={"endpoint_url": "http://ann:hunter2@aws.internal"})

    (found,) = check_endpoints(landing.services())

    assert found.subject == "aws.endpoint_url"
    assert "hunter2" not in repr(found)
