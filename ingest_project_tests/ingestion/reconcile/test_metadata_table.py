"""Reconciling by a table of S3 Metadata, inventory or journal, and the error for one that cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from ingest_project.checks.deployment.finding import Level
from ingest_project.checks.deployment.reconcile import check_reconcile
from ingest_project.errors import InventoryUnusable
from ingest_project.ingestion.reconcile import metadata_table
from ingest_project_tests.cli.commands import answer, run
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key
from ingest_project_tests.ingestion.reconcile.factories import found, reconcile
from ingest_project_tests.ingestion.reconcile.metadata_tables import (
    INVENTORY,
    JOURNAL,
    NAME,
    Rows,
    catalog_of,
    declare,
    held,
    publish,
)
from ingest_project_tests.landing import BUCKET


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return declare(Zone.create(tmp_path, aws))


def by_table(zone: Zone, name: str, **more: Any) -> Any:
    table = zone.services.settings.table(ORDERS)
    return reconcile(zone, listing=zone.services.metadata_listing(name, table), **more)


def keep_versions(zone: Zone) -> None:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def journal(rows: Rows, record_type: str = "CREATE") -> Rows:
    return [{**one, "record_type": record_type} for one in rows]


def deleted(row: dict[str, Any], sequence: str = "z") -> dict[str, Any]:
    """The record of a permanent deletion: null, except for what is required."""
    kept = {name: row[name] for name in ("bucket", "key", "version_id")}
    return {**kept, "sequence_number": sequence, "record_type": "DELETE"}


@pytest.mark.parametrize("versions", [True, False], ids=["versioned", "unversioned"])
def test_missing_and_changed_objects_are_found_and_enqueued(zone: Zone, versions: bool) -> None:
    if versions:
        keep_versions(zone)
    zone.put_orders("kept", 1)
    gone = zone.put_orders("gone", 2)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a b+c é%2B", 3)
    zone.put_orders("kept", 4)
    zone.delete(gone)
    zone.put("other/x", b"not of the table")

    result = by_table(zone, publish(zone, held(zone)), enqueue=True)

    assert found(result) == {"missing": ["a b+c é%2B"], "changed": ["kept"], "gone": ["gone"]}
    assert (result.enqueued, result.source) == (2, NAME)
    zone.ingest_one()
    zone.assert_exact(2, 3, 4)


def test_of_a_journal_the_newest_record_of_each_version_counts(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_table, "PORTION", 2)
    zone.silence()
    for name in ("written", "overwritten", "deleted"):
        zone.put_orders(name, 1)
    first = held(zone)
    zone.put_orders("overwritten", 2)
    zone.delete(order_key("deleted"))
    second = [{**one, "sequence_number": f"9{n}"} for n, one in enumerate(held(zone))]
    gone = [deleted(one, "95") for one in first if one["key"] == order_key("deleted")]
    tagged = journal(second[:1], "UPDATE_METADATA")

    result = by_table(zone, publish(zone, gone, tagged, journal(second), journal(first), columns=JOURNAL))

    assert result.listed == 2
    assert found(result) == {"missing": ["overwritten", "written"]}


def test_deleted_versions_and_markers_of_a_journal_are_not_held(zone: Zone) -> None:
    keep_versions(zone)
    zone.put_orders("marked", 1)
    zone.put_orders("back", 2)
    zone.ingest_one()
    zone.silence()
    kept = held(zone)
    zone.delete(order_key("marked"))
    zone.delete(order_key("back"))
    markers = {one["key"]: one for one in held(zone) if one["is_delete_marker"]}
    back = markers[order_key("back")]
    zone.landing.s3.delete_object(Bucket=BUCKET, Key=back["key"], VersionId=back["version_id"])
    marked = journal([{**one, "sequence_number": "y"} for one in markers.values()], "DELETE")

    result = by_table(zone, publish(zone, journal(kept), [*marked, deleted(back)], columns=JOURNAL))

    assert found(result) == {"gone": ["marked"]}
    assert result.known == {"committed": 1}


def test_tags_of_an_older_version_do_not_make_it_the_current_one(zone: Zone) -> None:
    keep_versions(zone)
    zone.silence()
    zone.put_orders("a", 1)
    (older,) = held(zone)
    zone.put_orders("a", 2)
    (newer,) = [one for one in held(zone) if one["version_id"] != older["version_id"]]
    older |= {"sequence_number": "9", "last_modified_date": older["last_modified_date"].replace(year=2020)}
    newer |= {"sequence_number": "1"}

    result = by_table(zone, publish(zone, [older, newer]), enqueue=True)

    assert found(result) == {"missing": ["a"]}
    zone.ingest_one()
    zone.assert_exact(2)


def test_object_that_the_table_does_not_list_yet_is_not_gone(zone: Zone) -> None:
    name = publish(zone, held(zone), [])
    zone.put_orders("a", 1)
    zone.ingest_one()
    assert by_table(zone, name).found == {}

    with_row = publish(zone, held(zone))
    zone.delete(order_key("a"))
    assert by_table(zone, with_row).found == {}  # the next snapshot tells


def test_table_that_cannot_be_used_is_an_error_and_changes_nothing(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)
    other = [{**one, "bucket": "another"} for one in held(zone)]
    short = {name: kind for name, kind in INVENTORY.items() if name not in {"e_tag", "size"}}

    def refused(name: str) -> str:
        with pytest.raises(InventoryUnusable) as raised:
            by_table(zone, name, enqueue=True)
        return str(raised.value)

    assert "the catalog does not have this table" in refused("b_none.inventory")
    assert "it lacks size, e_tag; name a journal or inventory table" in refused(publish(zone, columns=short))
    assert "it has no snapshot yet" in refused(publish(zone))
    assert "it lists the bucket 'another'" in refused(publish(zone, other))
    assert zone.ledger.pending_objects(QUEUE) == 0


def test_command_and_settings_name_the_table_and_its_catalog(zone: Zone) -> None:
    zone.ingest()
    zone.silence()
    zone.put_orders("a", 1)
    name = publish(zone, held(zone))

    told = answer(zone, "reconcile", ORDERS, "--grace", "0s", "--metadata-table", name)
    assert (told["found"], told["source"]) == ({"missing": 1}, name)
    both = run(zone, "reconcile", ORDERS, "--metadata-table", name, "--inventory", "s3://i/manifest.json")
    assert (both.exit_code, "either --inventory or --metadata-table" in both.stderr) == (2, True)

    nightly = declare(zone, reconcile={"every": "0 3 * * *", "grace": "1s", "metadata_table": name}).services
    table = nightly.settings.table(ORDERS)
    assert nightly.reconciled(table).source == name
    (finding,) = check_reconcile(nightly, table)
    assert (finding.level, f"{name} is a table of S3 Metadata" in finding.message) == (Level.OK, True)
    catalog_of(zone).drop_table(name)
    (finding,) = check_reconcile(nightly, table)
    assert (finding.level, "does not have this table" in finding.message) == (Level.WARNING, True)


def test_catalog_of_the_project_is_used_if_no_other_one_is_named(zone: Zone) -> None:
    zone.landing.write()
    services = zone.restarted().services

    assert services.metadata_lake is services.lake
