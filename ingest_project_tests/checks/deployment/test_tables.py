"""A real SQL catalog, whose tables were made by other settings than those that are checked."""

from typing import Any

import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.tables import check_tables
from ingest_project.services import Services
from ingest_project_tests.iceberg.odd_tables import (
    Edit,
    Metadata,
    column,
    edit_table,
    of_version_3,
    properties,
)
from ingest_project_tests.landing import Landing, table


def findings(services: Services) -> dict[str, Finding]:
    return {found.subject: found for found in check_tables(services)}


def make_table(landing: Landing, **declared: Any) -> None:
    """Make sales.orders as these settings declare it; then let ingest.yaml say what it says otherwise."""
    columns = {"order_id": "long", "amount": "decimal(12,2)"} | declared.pop("columns", {})
    landing.write(tables=[table("sales.orders", "orders/", columns, **declared)])
    services = landing.services()
    services.lake.table(services.settings.table("sales.orders"), columns=columns)
    services.lake.close()
    landing.write()


def test_a_missing_table_will_be_made(landing: Landing) -> None:
    found = findings(landing.services())

    assert found["lake"].level is Level.OK
    assert found["sales.orders"].level is Level.OK
    assert "its first batch creates it" in found["sales.orders"].message


def test_a_table_as_declared_agrees(landing: Landing) -> None:
    make_table(landing)

    found = findings(landing.services())["sales.orders"]

    assert found.level is Level.OK
    assert found.message.startswith("agrees with its settings")


def test_a_column_that_the_next_batch_adds_is_a_warning(landing: Landing) -> None:
    make_table(landing)
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "long", "note": "string"})])

    found = findings(landing.services())["sales.orders"]

    assert found.level is Level.WARNING
    assert "column note" in found.message


@pytest.mark.parametrize("policy", ["rescue", "fail"])
def test_a_missing_column_is_a_problem_if_the_policy_adds_none(landing: Landing, policy: str) -> None:
    make_table(landing)
    columns = {"order_id": "long", "note": "string"}
    landing.write(tables=[table("sales.orders", "orders/", columns, schema_evolution=policy)])

    assert findings(landing.services())["sales.orders"].level is Level.PROBLEM


def test_a_type_that_cannot_change_is_a_problem(landing: Landing) -> None:
    make_table(landing)
    landing.write(tables=[table("sales.orders", "orders/", {"order_id": "string"})])

    found = findings(landing.services())["sales.orders"]

    assert found.level is Level.PROBLEM
    assert "order_id" in found.message


def test_another_partition_spec_is_a_warning(landing: Landing) -> None:
    make_table(landing, partition_spec=["bucket[4](order_id)"])

    found = findings(landing.services())["sales.orders"]

    assert found.level is Level.WARNING
    assert "bucket[4](order_id)" in found.message


def test_a_catalog_that_fails_for_every_table_is_one_problem(landing: Landing) -> None:
    landing.write(catalog=landing.document()["catalog"] | {"uri": f"sqlite:///{landing.folder}"})

    (found,) = check_tables(landing.services())

    assert (found.check, found.level) == ("catalog", Level.PROBLEM)
    assert "unable to open database file" in found.message


def test_a_table_whose_metadata_is_lost_is_a_problem_of_that_table_alone(landing: Landing) -> None:
    make_table(landing)
    for metadata in (landing.folder / "warehouse").rglob("*.metadata.json"):
        metadata.unlink()

    found = findings(landing.services())

    assert found["sales.orders"].level is Level.PROBLEM
    assert found["web.clicks"].level is Level.OK
    assert found["lake"].level is Level.OK


def test_properties_that_pyiceberg_refuses_are_a_problem_without_the_secrets_among_them(
    landing: Landing,
) -> None:
    landing.write(catalog={"type": "sql", "s3.secret-access-key": "hunter2"})  # no uri

    (found,) = check_tables(landing.services())

    assert found.level is Level.PROBLEM
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("edit", "message", "remedy"),
    [
        (of_version_3, "format version 3", "into a table of format version 2"),
        (column("at", "timestamp_ns"), "column at is timestamp_ns", "replace the column"),
        (properties({"write.metadata.metrics.default": "all"}), "is 'all'",
            "set write.metadata.metrics.default"),
        (column("x", "variant"), "Unsupported field type: 'variant'", "correct the existing one"),
    ],
)  # fmt: skip
def test_table_that_cannot_be_written_is_a_problem_with_its_remedy(
    landing: Landing, edit: Edit, message: str, remedy: str
) -> None:
    make_table(landing)
    edit_table(landing.services().lake, "sales.orders", edit)

    found = findings(landing.services())

    assert found["sales.orders"].level is Level.PROBLEM
    assert message in found["sales.orders"].message
    assert remedy in str(found["sales.orders"].remedy)
    assert found["web.clicks"].level is Level.OK


def test_equality_deletes_are_a_warning_where_rows_are_to_be_replaced(landing: Landing) -> None:
    make_table(landing)
    edit_table(landing.services().lake, "sales.orders", with_equality_deletes)

    assert findings(landing.services())["sales.orders"].level is Level.WARNING
    columns = {"order_id": "long", "amount": "decimal(12,2)"}
    landing.write(tables=[table("sales.orders", "orders/", columns, on_overwrite="append")])
    assert findings(landing.services())["sales.orders"].level is Level.OK


def with_equality_deletes(metadata: Metadata) -> None:
    """As Flink's upserts leave a table."""
    summary = {"operation": "overwrite", "total-equality-deletes": "3"}
    snapshot = {"snapshot-id": 1, "sequence-number": 1, "timestamp-ms": 1_800_000_000_000, "summary": summary}
    metadata["snapshots"] = [{**snapshot, "manifest-list": "file:///none.avro", "schema-id": 0}]
    metadata |= {"current-snapshot-id": 1, "last-sequence-number": 1}
    metadata["refs"] = {"main": {"snapshot-id": 1, "type": "branch"}}
