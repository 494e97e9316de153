"""Reconciling by an S3 Inventory: each format, and a clear error for each inventory that cannot be used."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest_project.errors import InventoryUnusable, ObjectMissing
from ingest_project_tests.cli.commands import run
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key, orders
from ingest_project_tests.ingestion.reconcile.factories import found, later, reconcile
from ingest_project_tests.ingestion.reconcile.inventories import (
    INVENTORIES,
    MANIFEST,
    Rows,
    as_csv,
    as_orc,
    as_parquet,
    listed,
    manifest_of,
    put_inventory,
)
from ingest_project_tests.landing import BUCKET


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    zone.landing.s3.create_bucket(Bucket=INVENTORIES)
    return zone


def held(zone: Zone) -> Rows:
    return listed(zone.landing.s3, BUCKET)


def publish(
    zone: Zone, body: bytes, file_format: str = "CSV", *, at: datetime | None = None, **changes: Any
) -> str:
    """Put an inventory of one file into a bucket of its own; returns the URI of its manifest."""
    manifest = manifest_of(BUCKET, body, file_format, at or later(2)) | changes
    return put_inventory(zone.landing.s3, body, manifest)


def by_inventory(zone: Zone, uri: str, **more: Any) -> Any:
    return reconcile(zone, listing=zone.services.inventory(uri, zone.services.settings.table(ORDERS)), **more)


@pytest.mark.parametrize(
    ("file_format", "write"), [("CSV", as_csv), ("Parquet", as_parquet), ("ORC", as_orc)]
)
@pytest.mark.parametrize("versions", ["Enabled", None])
def test_missing_and_changed_objects_are_found_and_enqueued(
    zone: Zone, file_format: str, write: Callable[[Rows], bytes], versions: str | None
) -> None:
    if versions:
        zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    zone.put_orders("kept", 1)
    gone = zone.put_orders("gone", 2)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a b+c é%2B", 3)
    zone.put_orders("kept", 4)
    zone.delete(gone)

    result = by_inventory(zone, publish(zone, write(held(zone)), file_format), enqueue=True)

    assert found(result) == {"missing": ["a b+c é%2B"], "changed": ["kept"], "gone": ["gone"]}
    assert result.enqueued == 2
    zone.ingest_one()
    zone.assert_exact(2, 3, 4)


def test_what_has_changed_since_the_inventory_is_left_to_its_event(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("deleted", 1)
    zone.put_orders("overwritten", 2)
    uri = publish(zone, as_csv(held(zone)))
    zone.delete(order_key("deleted"))
    zone.put_orders("overwritten", 3)

    result = by_inventory(zone, uri, enqueue=True)

    assert (result.is_even, result.known, result.enqueued) == (True, {"recent": 2}, 0)


def test_object_that_the_inventory_does_not_list_is_not_gone_if_s3_holds_it(zone: Zone) -> None:
    """The inventory may have a filter, or be older than the object."""
    zone.put_orders("a", 1)
    zone.ingest_one()
    later_uri = publish(zone, as_csv([]))
    earlier_uri = publish(zone, as_csv([]), at=later(-3_600))

    assert by_inventory(zone, later_uri).found == {}
    zone.delete(order_key("a"))
    assert by_inventory(zone, publish(zone, as_csv([]), at=later(-3_600))).found == {}
    assert found(by_inventory(zone, publish(zone, as_csv([])))) == {"gone": ["a"]}
    assert earlier_uri == later_uri


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sourceBucket": "another"}, "it lists the bucket 'another'"),
        ({"sourceBucket": "arn:aws:s3:::another"}, "it lists the bucket 'another'"),
        ({"fileFormat": "JSON"}, "known are CSV, PARQUET, ORC"),
        ({"fileSchema": "Bucket, Key"}, "lack size, last_modified_date, e_tag"),
        ({"files": None}, "not one"),
        ({"files": [{"key": "inv/data/1.bin", "size": 10**6, "MD5checksum": "0"}]}, "truncated or changed"),
        ({"files": [{"key": "inv/data/1.bin"}]}, "lacks 'size'"),
    ],
)  # fmt: skip
def test_inventory_that_cannot_be_used_is_an_error_and_changes_nothing(
    zone: Zone, changes: dict[str, Any], reason: str
) -> None:
    zone.silence()
    zone.put_orders("a", 1)
    uri = publish(zone, as_csv(held(zone)), **changes)

    with pytest.raises(InventoryUnusable, match="inventory") as refused:
        by_inventory(zone, uri, enqueue=True)

    assert reason in str(refused.value)
    assert zone.ledger.pending_objects(QUEUE) == 0


def test_truncated_manifest_and_truncated_list_are_errors(zone: Zone) -> None:
    zone.silence()
    zone.put("orders/dt=2026-11-20/a.ndjson", orders(1))
    whole = as_csv(held(zone))
    uri = publish(zone, whole[:-12])  # the checksum is that of the truncated file
    with pytest.raises(InventoryUnusable, match="cannot be read as CSV"):
        by_inventory(zone, uri, enqueue=True)

    body = zone.landing.s3.get_object(Bucket=INVENTORIES, Key=MANIFEST)["Body"].read()
    zone.landing.s3.put_object(Bucket=INVENTORIES, Key=MANIFEST, Body=body[:-20])
    with pytest.raises(InventoryUnusable, match="truncated"):
        by_inventory(zone, uri)

    assert zone.ledger.pending_objects(QUEUE) == 0


def test_file_of_the_list_that_is_not_there_is_an_error(zone: Zone) -> None:
    uri = publish(zone, as_csv([]))
    zone.landing.s3.delete_object(Bucket=INVENTORIES, Key="inv/data/1.bin")

    with pytest.raises(ObjectMissing, match=r"1\.bin"):
        by_inventory(zone, uri)


def test_command_takes_the_manifest_and_says_what_is_wrong_with_it(zone: Zone) -> None:
    zone.ingest()
    zone.silence()
    zone.put_orders("a", 1)
    uri = publish(zone, as_csv(held(zone)))

    shown = run(zone, "reconcile", "sales.orders", "--grace", "0s", "--inventory", uri)
    assert (shown.exit_code, "1 missing" in shown.stdout, uri in shown.stdout) == (1, True, True)

    wrong = run(zone, "reconcile", "sales.orders", "--inventory", "s3://inventories/inv/")
    assert wrong.exit_code == 1
    assert "not the URI of a manifest" in wrong.stderr
