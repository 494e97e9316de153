"""Metadata is parsed once a commit; copies share snapshots, and nothing that may be changed."""

from copy import deepcopy
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from pyiceberg.table.metadata import TableMetadataWrapper

from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.iceberg.factories import commit_orders, orders_table
from ingest_project_tests.iceberg.readers import newest_metadata


def test_copies_of_metadata_share_snapshots_and_logs_but_no_list(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    commit_orders(table, "two", [2])
    metadata = table._table.metadata

    copied = metadata.model_copy(deep=True)

    assert copied == metadata
    for name in ("snapshots", "snapshot_log", "metadata_log"):
        ours, theirs = getattr(metadata, name), getattr(copied, name)
        assert ours is not theirs
        assert [id(one) for one in ours] == [id(one) for one in theirs]
    assert copied.refs is not metadata.refs
    assert copied.properties is not metadata.properties


def test_copy_of_a_snapshot_may_be_updated(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    snapshot_id = commit_orders(table, "one", [1])
    (snapshot,) = table._table.metadata.snapshots

    changed = snapshot.model_copy(update={"snapshot_id": 1}, deep=True)

    assert (snapshot.snapshot_id, changed.snapshot_id) == (snapshot_id, 1)
    assert deepcopy(snapshot) is snapshot


def test_a_commit_parses_only_the_metadata_that_it_has_not_seen(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    table.refresh()

    parsing = TableMetadataWrapper.model_validate_json
    with patch.object(TableMetadataWrapper, "model_validate_json", side_effect=parsing) as parse:
        commit_orders(table, "two", [2])
        assert parse.call_count == 0
        table.refresh()
        table.refresh()
        assert parse.call_count == 1

    assert table.snapshots == 2


def test_what_was_parsed_is_not_changed_by_its_users(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    table.refresh()
    table._table.metadata.properties["changed"] = "here"
    table._table.metadata.snapshots.clear()

    table.refresh()

    assert "changed" not in table._table.metadata.properties
    assert table.snapshots == 1


def test_metadata_that_was_edited_in_place_is_parsed_again(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    table.refresh()
    file = Path(urlsplit(newest_metadata(table)).path)
    file.write_text(file.read_text().replace('"order_id"', '"order_no"'))

    table.refresh()

    assert "order_no" in table.columns
