"""Regions, roles and owners of queues and buckets, as ingest.yaml has them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest_project.errors import SettingsError
from ingest_project.settings.aws_access import region_of_queue
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings

PARIS = "https://sqs.eu-west-3.amazonaws.com/123456789012/landing"
ROLE = "arn:aws:iam::123456789012:role/ingest"


def loaded(folder: Path, queue: dict[str, Any], *buckets: dict[str, Any]) -> Settings:
    table = {"name": "a.b", "queue": "landing", "bucket": "acme", "format": "ndjson"}
    document = {
        "queues": [{"name": "landing", "url": PARIS, **queue}],
        "buckets": list(buckets),
        "tables": [table],
    }
    (folder / "ingest.yaml").write_text(yaml.safe_dump(document))
    return load_settings(folder / "ingest.yaml")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-west-3.amazonaws.com", "eu-west-3"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("eu-west-3.queue.amazonaws.com", "eu-west-3"),
        ("queue.amazonaws.com", "us-east-1"),
        ("vpce-0a1b-2c3d.sqs.eu-west-3.vpce.amazonaws.com", "eu-west-3"),
        ("sqs.eu-west-3.api.aws", "eu-west-3"),
        ("127.0.0.1:5000", None),
        ("sqs.example.com", None),
        ("sqs.eu-west-3.amazonaws.com.example.com", None),
    ],
)
def test_the_region_is_read_from_the_host_of_a_queue_s_url(host: str, region: str | None) -> None:
    assert region_of_queue(f"https://{host}/123456789012/landing") == region


def test_a_queue_is_in_the_region_of_its_url_and_has_a_role_of_its_own(tmp_path: Path) -> None:
    access = loaded(tmp_path, {"role_arn": ROLE, "external_id": "x"}).queue("landing").access

    assert (access.region, access.role_arn, access.external_id) == ("eu-west-3", ROLE, "x")


def test_what_a_bucket_says_is_kept(tmp_path: Path) -> None:
    entry = {"name": "acme", "region": "eu-west-3", "role_arn": ROLE, "expected_owner": "111122223333"}

    (bucket,) = loaded(tmp_path, {}, entry).buckets

    assert bucket.model_dump(exclude_none=True) == entry


@pytest.mark.parametrize(
    ("queue", "buckets", "told"),
    [
        ({"region": "us-east-1"}, [], "queues[0].region: the queue's URL names the region eu-west-3"),
        ({"external_id": "x"}, [], "queues[0]: external_id is set without role_arn"),
        ({}, [{"name": "acme"}, {"name": "acme"}], "buckets[1].name: another entry has this name"),
        ({}, [{"name": "acme", "external_id": "x"}], "buckets[0]: external_id is set without role_arn"),
        (
            {},
            [{"name": "acme", "expected_owner": 111122223333}],
            "buckets[0].expected_owner: text is expected",
        ),
        ({}, [{"name": "acme", "expected_owner": "1234"}], "buckets[0].expected_owner: not an account id"),
        (
            {},
            [{"name": "acme", "owner": "1234"}],
            "buckets[0].owner: unknown key; known are",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    queue: dict[str, Any], buckets: list[dict[str, Any]], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refusal:
        loaded(tmp_path, queue, *buckets)

    assert told in str(refusal.value)
