"""A table that is created after its rows are written: what others see, and what if they create it first."""

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from ingest_project.errors import CatalogUnavailable, CommitConflict, PartitionMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    COLUMNS,
    commit_orders,
    nothing,
    orders,
    orders_table,
    table_settings,
)
from ingest_project_tests.iceberg.readers import order_ids, stored_files

UNDECLARED = table_settings(columns=None, partition_spec=["day(ordered_at)"])


def draft(lake: Lake) -> LakeTable:
    return lake.draft(UNDECLARED, columns=COLUMNS)


def test_a_draft_is_not_visible_before_it_is_created_and_then_is_like_any_other(lake: Lake) -> None:
    table = draft(lake)
    written = table.write(orders("one", [1, 30]).append_column("note", pa.array(["a", "b"])))

    assert lake.find(table.name) is None
    table.create()
    table.create()
    made = lake.find(table.name)
    assert made is not None
    assert (made.columns, made.partition_spec) == (COLUMNS, ("day(ordered_at)",))
    assert made._table.properties == orders_table(lake, name="sales.other")._table.properties

    table.commit("one", [written], nothing)

    assert order_ids(made) == [1, 30]
    assert made.columns == {**COLUMNS, "note": "string"}
    assert {made.location, made._table.metadata.format_version} == {table.location, 2}
    commit_orders(made, "two", [2])
    assert order_ids(table) == [1, 2, 30]


def test_files_of_a_draft_that_is_given_up_are_deleted(lake: Lake) -> None:
    table = draft(lake)
    written = table.write(orders("one", [1]))
    assert stored_files(table)

    table.discard([written])

    assert not stored_files(table)
    assert lake.find(table.name) is None


def test_of_two_drafts_one_is_made_and_both_have_their_rows_in_it(lake: Lake) -> None:
    first, second = draft(lake), draft(lake)
    files = {"one": first.write(orders("one", [1])), "two": second.write(orders("two", [2]))}
    first.create()
    second.create()

    first.commit("one", [files["one"]], nothing)
    second.commit("two", [files["two"]], nothing)

    assert order_ids(first) == [1, 2]


def test_rows_of_a_draft_do_not_come_into_a_table_of_other_columns(lake: Lake) -> None:
    table = draft(lake)
    written = table.write(orders("one", [1]))
    other = orders_table(
        lake, columns={**COLUMNS, "note": "string"}, partition_spec=UNDECLARED.partition_spec
    )
    commit_orders(other, "two", [2])
    table.create()

    with pytest.raises(CommitConflict, match="columns were changed"):
        table.commit("one", [written], nothing)

    assert order_ids(table) == [2]


def test_rows_of_a_draft_do_not_come_into_a_table_of_another_partition_spec(lake: Lake) -> None:
    """Both specs have the number 0: a reader would look for the rows in partitions where they are not."""
    table = draft(lake)
    written = table.write(orders("one", [1]))
    orders_table(lake, partition_spec=["bucket[4](order_id)"])
    table.create()

    with pytest.raises(CommitConflict, match="partition spec"):
        table.commit("one", [written], nothing)

    commit_orders(table, "one", [1])
    assert order_ids(table) == [1]


def test_draft_of_a_table_that_exists_is_that_table(lake: Lake) -> None:
    made = orders_table(lake)

    found = draft(lake)

    assert not found.is_draft
    assert found._table.metadata.table_uuid == made._table.metadata.table_uuid


def test_catalog_that_only_makes_tables_at_once_does_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no location before the table is made")

    monkeypatch.setattr(SqlCatalog, "create_table_transaction", refuse)

    assert not draft(lake).is_draft
    assert lake.find(UNDECLARED.name) is not None


def test_draft_whose_columns_cannot_be_partitioned_so_is_refused(lake: Lake) -> None:
    with pytest.raises(PartitionMismatch, match="declare ordered_at in `columns`"):
        lake.draft(UNDECLARED, columns={"order_id": "long"})
    with pytest.raises(PartitionMismatch, match="day does not take a string"):
        lake.draft(UNDECLARED, columns={"ordered_at": "string"})
    assert lake.find(UNDECLARED.name) is None


def test_creation_that_the_catalog_does_not_answer_can_be_tried_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TimeoutError("no answer")

    table = draft(lake)
    written = table.write(orders("one", [1]))
    with monkeypatch.context() as patched:
        patched.setattr(SqlCatalog, "commit_table", fail)
        with pytest.raises(CatalogUnavailable):
            table.create()

    table.create()

    table.commit("one", [written], nothing)
    assert order_ids(table) == [1]
