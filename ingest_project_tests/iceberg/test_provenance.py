"""What a table says about its rows' origin."""

import logging

import pyarrow as pa
import pytest

from ingest_project.iceberg import provenance
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.provenance import BatchCommit
from ingest_project_tests.iceberg.factories import (
    START,
    commit_orders,
    nothing,
    orders,
    orders_table,
    replacing,
    uri_of,
)

Group = tuple[str, str, int]


def groups_of(groups: pa.Table) -> set[Group]:
    """URI, batch and rows of each group."""
    return {(row["_source_uri"], row["_batch_id"], row["rows"]) for row in groups.to_pylist()}


def test_rows_are_counted_by_object_and_batch_over_all_files(
    sqlite_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "MERGE_GROUPS", 2)  # put together often
    table = orders_table(sqlite_lake, partition_spec=["bucket[4](order_id)"])
    one_object = orders("b1", range(100), uri="s3://acme-landing/orders/all.ndjson")
    table.commit("b1", [table.write(one_object)], nothing)
    commit_orders(table, "b2", [1, 2, 3])

    found = table.sources()

    assert groups_of(found.groups) == {
        ("s3://acme-landing/orders/all.ndjson", "b1", 100),
        *((uri_of(number), "b2", 1) for number in (1, 2, 3)),
    }
    assert set(found.groups["ingested_at"].to_pylist()) == {START}
    assert (found.snapshot_id, found.foreign_rows) == (table.snapshot_id, 0)


def test_rows_that_were_replaced_are_not_told(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1, 2])
    newer = orders("b2", [7], uri=uri_of(1))
    table.commit("b2", [table.write(newer)], replacing(uri_of(1)))

    assert groups_of(table.sources().groups) == {(uri_of(1), "b2", 1), (uri_of(2), "b1", 1)}


def test_rows_of_other_writers_are_counted_apart(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1])
    table.commit("foreign", [table.write(orders("x", [2, 3]).select(["order_id"]))], nothing)

    found = table.sources()

    assert groups_of(found.groups) == {(uri_of(1), "b1", 1)}
    assert found.foreign_rows == 2


def test_a_table_without_a_snapshot_has_no_sources(sqlite_lake: Lake) -> None:
    found = orders_table(sqlite_lake).sources()

    assert (found.snapshot_id, found.groups.num_rows, found.foreign_rows) == (None, 0, 0)


def test_reading_says_nothing_about_dictionaries(sqlite_lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "b1", [1])

    with caplog.at_level(logging.WARNING):
        table.sources()

    assert caplog.messages == []


def test_snapshots_are_found_by_their_batch(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit = table.commit("b1", [table.write(orders("b1", [1]))], nothing, {"ingest.kind": "rebuild"})

    assert commit.snapshot_id is not None
    assert table.batch_commits() == {"b1": BatchCommit(commit.snapshot_id, commit.committed_at, "rebuild")}
