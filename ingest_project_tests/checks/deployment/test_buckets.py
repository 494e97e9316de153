"""The emulator's bucket and what it announces."""

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from ingest_project.checks.deployment.buckets import check_bucket, check_unused
from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project_tests.landing import BUCKET, Landing, queue_rule, table
from ingest_project_tests.sources.s3.regional_s3 import OWNER, RegionalS3, regional_s3


def findings(landing: Landing) -> list[Finding]:
    return check_bucket(landing.services(), BUCKET)


def levels(landing: Landing, check: str) -> dict[str, Level]:
    """What this check says, by subject."""
    return {one.subject: one.level for one in findings(landing) if one.check == check}


def test_a_bucket_that_announces_its_objects_is_ok(landing: Landing) -> None:
    assert [(one.check, one.subject, one.level) for one in findings(landing)] == [
        ("bucket", BUCKET, Level.OK),
        ("notifications", "sales.orders", Level.OK),
        ("notifications", "web.clicks", Level.OK),
        ("keys", "sales.orders", Level.OK),
        ("keys", "web.clicks", Level.OK),
    ]


def test_a_table_whose_objects_are_not_announced_is_a_problem(landing: Landing) -> None:
    landing.notify([queue_rule(prefix="orders/")])

    assert levels(landing, "notifications") == {"sales.orders": Level.OK, "web.clicks": Level.PROBLEM}


def test_a_bucket_without_notifications_is_a_problem_of_every_table(landing: Landing) -> None:
    landing.notify([])

    assert set(levels(landing, "notifications").values()) == {Level.PROBLEM}
    (command,) = {
        one.remedy for one in findings(landing) if one.check == "notifications"
    }  # once, for all tables
    landing.notify(json.loads(shlex.split(command or "")[-1])["QueueConfigurations"])
    assert set(levels(landing, "notifications").values()) == {Level.OK}
    assert levels(landing, "bucket") == {BUCKET: Level.OK}


def test_a_bucket_that_does_not_exist_is_a_problem(landing: Landing) -> None:
    for key in ("orders/1.ndjson", "clicks/1.ndjson"):
        landing.s3.delete_object(Bucket=BUCKET, Key=key)
    landing.s3.delete_bucket(Bucket=BUCKET)

    (found,) = findings(landing)

    assert found.level is Level.PROBLEM
    assert found.remedy == f"create it, or correct tables[].bucket ({BUCKET})"


def test_a_notification_configuration_that_may_not_be_read_is_a_warning(
    landing: Landing, denied: Callable[..., None]
) -> None:
    denied("s3:GetBucketNotification")

    bucket, notifications, *keys = findings(landing)

    assert {one.level for one in (bucket, *keys)} == {Level.OK}
    assert notifications.level is Level.WARNING
    assert "could not be checked: needs s3:GetBucketNotification" in notifications.message
    assert notifications.remedy == f"grant s3:GetBucketNotification on arn:aws:s3:::{BUCKET}"


@pytest.mark.parametrize(("status", "level"), [("Enabled", None), ("Suspended", Level.WARNING)])
def test_a_table_that_appends_needs_versions(
    status: Literal["Enabled", "Suspended"], level: Level | None, landing: Landing
) -> None:
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "long"}, on_overwrite="append")])
    landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})

    assert levels(landing, "versioning").get(BUCKET) is level


def test_versions_without_permission_are_reported(landing: Landing, denied: Callable[..., None]) -> None:
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "long"}, on_overwrite="ignore")])
    denied("s3:GetBucketVersioning")

    (found,) = [one for one in findings(landing) if one.check == "versioning"]

    assert found.level is Level.WARNING
    assert "could not be checked: needs s3:GetBucketVersioning" in found.message


def test_an_entry_that_no_table_uses_is_a_warning(landing: Landing) -> None:
    landing.write(buckets=[{"name": BUCKET}, {"name": "acme-landings"}])

    (found,) = check_unused(landing.services())

    assert (found.subject, found.level) == ("acme-landings", Level.WARNING)


@pytest.fixture
def s3_server(aws: str) -> Iterator[RegionalS3]:
    with regional_s3() as server:
        yield server


def of_server(server: RegionalS3, bucket: str, landing: Landing, **entry: str) -> Finding:
    """What is said first of this bucket of the server."""
    landing.write(aws={"endpoint_url": server.endpoint}, buckets=[{"name": bucket, **entry}])
    return check_bucket(landing.services(), bucket)[0]


@pytest.mark.parametrize("bucket", ["moved-301", "moved-400"])
def test_a_bucket_in_another_region_is_reported_with_the_setting_that_avoids_the_redirect(
    bucket: str, landing: Landing, s3_server: RegionalS3
) -> None:
    found = of_server(s3_server, bucket, landing)

    assert (found.check, found.level) == ("region", Level.WARNING)
    assert found.message.startswith("it is in eu-west-3, but the settings say us-east-1")
    assert found.remedy == f"add to ingest.yaml: buckets: [{{name: {bucket}, region: eu-west-3}}]"
    assert of_server(s3_server, bucket, landing, region="eu-west-3").level is Level.OK


def test_a_bucket_of_another_account_than_expected_is_a_problem(
    landing: Landing, s3_server: RegionalS3
) -> None:
    found = of_server(s3_server, "home", landing, expected_owner="999999999999")

    assert found.level is Level.PROBLEM
    assert "another account owns the bucket, not 999999999999" in found.message
    assert f"account {OWNER} owns it" in of_server(s3_server, "home", landing, expected_owner=OWNER).message


def test_a_refusal_with_an_expected_owner_names_both_causes(landing: Landing, s3_server: RegionalS3) -> None:
    found = of_server(s3_server, "private", landing, expected_owner=OWNER)

    assert found.remedy == (
        f"grant s3:ListBucket on arn:aws:s3:::private; if that is granted, another account than {OWNER} owns "
        "the bucket"
    )
