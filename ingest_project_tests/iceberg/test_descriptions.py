"""The table has the descriptions of `columns`, also for columns that are added or described again later."""

from typing import Any

import pyarrow as pa

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.quarantine import quarantine_settings
from ingest_project.iceberg.table import LakeTable
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project_tests.iceberg.factories import nothing, table_settings


def described(amount: str, **more: Any) -> dict[str, Any]:
    return {"order_id": "long", "amount": {"type": "double", "description": amount}, **more}


def opened(lake: Lake, columns: dict[str, Any], **more: Any) -> LakeTable:
    settings = table_settings(columns=columns, **more)
    return lake.table(settings, columns=settings.column_types or {})


def commit(table: LakeTable, batch_id: str) -> None:
    rows = pa.table({"order_id": [1], "_source_uri": ["a"], "_batch_id": [batch_id]})
    table.commit(batch_id, [table.write(rows)], nothing)


def docs(lake: Lake) -> dict[str, str]:
    found = lake.find("sales.orders")
    assert found is not None
    return {name: doc for name, doc in found.column_docs.items() if name not in PROVENANCE_COLUMNS}


def test_new_table_has_the_descriptions_and_those_of_the_provenance(sqlite_lake: Lake) -> None:
    opened(sqlite_lake, described("in euros"), schema_evolution="fail")

    assert docs(sqlite_lake) == {"amount": "in euros"}
    schema = sqlite_lake._catalog().load_table("sales.orders").schema()
    assert all(schema.find_field(name).doc for name in PROVENANCE_COLUMNS)


def test_description_comes_with_the_commit_that_follows(sqlite_lake: Lake) -> None:
    commit(opened(sqlite_lake, {"order_id": "long", "amount": "double"}), "one")
    note = {"note": {"type": "string", "description": "free text"}}
    table = opened(sqlite_lake, described("in cents", **note))
    assert docs(sqlite_lake) == {}

    commit(table, "two")

    assert docs(sqlite_lake) == {"amount": "in cents", "note": "free text"}
    schemas = len(table._table.metadata.schemas)
    commit(opened(sqlite_lake, described("in cents", **note)), "three")
    commit(opened(sqlite_lake, {"order_id": "long", "amount": "double"}), "four")
    assert docs(sqlite_lake) == {"amount": "in cents", "note": "free text"}
    assert len(sqlite_lake._catalog().load_table("sales.orders").metadata.schemas) == schemas


def test_description_changes_no_table_whose_policy_is_not_to(sqlite_lake: Lake) -> None:
    opened(sqlite_lake, described("in euros"))

    commit(opened(sqlite_lake, described("in cents"), schema_evolution="fail"), "one")

    assert docs(sqlite_lake) == {"amount": "in euros"}


def test_columns_that_nobody_declares_are_described_too(sqlite_lake: Lake) -> None:
    table = opened(sqlite_lake, {"order_id": "long"}, schema_evolution="rescue")
    commit(table, "one")
    assert "_rescued_data" in docs(sqlite_lake)

    settings = quarantine_settings(table_settings())
    quarantine = sqlite_lake.table(settings, columns=settings.column_types or {})
    assert quarantine.column_docs.keys() == {*quarantine.columns, *PROVENANCE_COLUMNS}
