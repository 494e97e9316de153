"""What `ingest check` says about the permissions of `reconcile`; IAM's simulation is a stand-in."""

from collections.abc import Callable
from typing import Any

import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.reconcile import check_reconcile
from ingest_project.sources.aws import Aws
from ingest_project_tests.checks.deployment.test_after import Iam
from ingest_project_tests.landing import BUCKET, Landing, table

NIGHTLY = {"reconcile": {"every": "0 3 * * *"}}


def checked(landing: Landing, **changes: Any) -> list[Finding]:
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "long"}) | changes])
    services = landing.services()
    (only,) = services.settings.tables
    return check_reconcile(services, only)


def with_inventory(landing: Landing) -> None:
    configuration: Any = {
        "Id": "all", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
        "Destination": {
            "S3BucketDestination": {"Bucket": "arn:aws:s3:::lists", "Format": "CSV", "Prefix": "inv"}
        },
    }  # fmt: skip
    landing.s3.put_bucket_inventory_configuration(
        Bucket=BUCKET, Id="all", InventoryConfiguration=configuration
    )


def test_table_without_reconcile_needs_nothing(landing: Landing) -> None:
    assert checked(landing) == []


def test_bucket_whose_versions_may_be_listed_is_ok(landing: Landing) -> None:
    (finding,) = checked(landing, **NIGHTLY)

    assert finding.level is Level.OK


def test_missing_permission_to_list_versions_is_named(landing: Landing, denied: Callable[..., None]) -> None:
    denied("s3:ListBucketVersions")

    (finding,) = checked(landing, **NIGHTLY)

    assert (finding.level, finding.check, finding.subject) == (Level.WARNING, "reconcile", "sales.orders")
    assert "its schedule fails" in finding.message
    assert finding.remedy == (
        f"grant s3:ListBucketVersions (also if the bucket keeps no versions) on arn:aws:s3:::{BUCKET}"
    )


def test_inventory_of_the_bucket_that_may_not_be_read_is_a_warning(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_inventory(landing)
    monkeypatch.setattr(Aws, "client", lambda _self, _service: Iam(GetObject="implicitDeny"))

    (finding,) = checked(landing, **NIGHTLY)

    assert finding.level is Level.WARNING
    assert f"s3:GetObject on arn:aws:s3:::lists/inv/{BUCKET}/all/*" in finding.message


def test_inventory_that_may_be_read_is_ok(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    with_inventory(landing)
    monkeypatch.setattr(Aws, "client", lambda _self, _service: Iam())

    (finding,) = checked(landing, **NIGHTLY)

    assert finding.level is Level.OK
