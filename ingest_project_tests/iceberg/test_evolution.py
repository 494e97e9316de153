"""Columns are added by a commit of metadata alone, whoever else changes the table meanwhile."""

import pytest
from pyiceberg.table import Table
from pyiceberg.types import StringType

from ingest_project.errors import CommitConflict
from ingest_project.iceberg import evolution
from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.iceberg.factories import COLUMNS, commit_orders, orders_table
from ingest_project_tests.iceberg.readers import snapshot_ids


def test_evolving_twice_changes_the_schema_once_and_makes_no_snapshot(lake: Lake) -> None:
    table = orders_table(lake)
    table.evolve({"note": "string"})
    schemas = len(table._table.schemas())
    table.evolve({"note": "string"})
    assert len(table._table.schemas()) == schemas == 2
    assert snapshot_ids(table) == []


def test_a_column_that_another_writer_adds_meanwhile_is_taken_as_it_is(lake: Lake) -> None:
    table = orders_table(lake)
    overtaken: list[Table] = []

    def load() -> Table:
        loaded = lake._catalog().load_table(table.name)
        if not overtaken:
            overtaken.append(loaded)
            with lake._catalog().load_table(table.name).update_schema() as update:
                update.add_column("note", StringType())
        return loaded

    evolved = evolution.evolve(load, {"note": "string", "extra": "int"}, name=table.name)
    assert evolved.schema().column_names.count("note") == 1
    assert "extra" in evolved.schema().column_names


def test_a_table_that_changes_each_time_is_a_conflict(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evolution, "_LONGEST_PAUSE_SECONDS", 0)
    table = orders_table(sqlite_lake)

    def load() -> Table:
        loaded = sqlite_lake._catalog().load_table(table.name)
        with sqlite_lake._catalog().load_table(table.name).update_schema() as update:
            update.add_column(f"c{loaded.metadata.last_column_id}", StringType())
        return loaded

    with pytest.raises(CommitConflict):
        evolution.evolve(load, {"note": "string"}, name=table.name)
    assert "note" not in sqlite_lake._catalog().load_table(table.name).schema().column_names


def test_rows_of_before_read_as_null(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])
    wider = orders_table(lake, columns={**COLUMNS, "note": "string"})
    assert wider._table.scan().to_arrow()["note"].to_pylist() == [None]
