"""The fence when another engine expires snapshots, or compacts the table, before the batch is settled."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from pyiceberg.table import Table

from ingest_project.errors import CatalogUnavailable
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import commit_orders, nothing, orders, orders_table, uri_of
from ingest_project_tests.iceberg.readers import order_ids, order_ids_by_clickhouse, snapshot_ids

PLANNED_AT = datetime.now(UTC) - timedelta(minutes=1)


def foreign(lake: Lake, table: LakeTable) -> Table:
    """The table as another engine has it."""
    return lake._catalog().load_table(table.name)


def expire_all_but_the_head(lake: Lake, table: LakeTable) -> None:
    """What another engine's maintenance job does, which does not know of open batches."""
    head = snapshot_ids(table)[-1]
    foreign(lake, table).maintenance.expire_snapshots().by_ids(
        [one for one in snapshot_ids(table) if one != head]
    ).commit()
    assert snapshot_ids(table) == [head]


@pytest.fixture
def table(lake: Lake) -> LakeTable:
    """A table in which batch `one` was committed, then another, and then all but the head was expired."""
    table = orders_table(lake)
    commit_orders(table, "one", [1, 2])
    commit_orders(table, "other", [3])
    expire_all_but_the_head(lake, table)
    return table


def never() -> Replacement:
    raise AssertionError("a committed batch needs no confirmation")


def test_a_batch_whose_snapshot_has_expired_is_found_by_its_rows(table: LakeTable) -> None:
    found = table.find_commit("one", PLANNED_AT)

    assert found is not None
    assert found.already_committed
    assert found.snapshot_id is None
    assert table.rows_by_source("one", found.snapshot_id) == {(uri_of(1), "v1"): 1, (uri_of(2), "v1"): 1}


def test_a_batch_whose_snapshot_has_expired_is_not_committed_again(table: LakeTable) -> None:
    written = table.write(orders("one", [1, 2]))

    assert table.commit("one", [written], never, planned_at=PLANNED_AT).already_committed
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2, 3]


def test_a_batch_that_was_never_committed_is_committed_although_snapshots_have_expired(
    table: LakeTable,
) -> None:
    commit = table.commit("two", [table.write(orders("two", [4]))], nothing, planned_at=PLANNED_AT)

    assert not commit.already_committed
    assert order_ids(table) == [1, 2, 3, 4]


def test_rows_are_found_after_a_foreign_compaction(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1, 2])
    commit_orders(table, "other", [3])
    compacted = foreign(lake, table)
    compacted.overwrite(compacted.scan().to_arrow())
    expire_all_but_the_head(lake, table)

    assert table.find_commit("one", PLANNED_AT) is not None
    assert table.find_commit("two", PLANNED_AT) is None


def test_rows_are_not_searched_while_the_history_goes_back_beyond_the_plan(table: LakeTable) -> None:
    """Rows with the id but without its snapshot are not our commit: no snapshot since the plan is missing."""
    planned_later = datetime.now(UTC) + timedelta(hours=1)

    assert table.find_commit("one", planned_later) is None


def test_lost_answer_whose_history_was_expired_meanwhile_is_not_guessed(lake: Lake) -> None:
    """The rows do not name the commit, as in a quarantine: sending them again might duplicate them."""
    table = orders_table(lake)
    commit_orders(table, "zero", [9])
    catalog = lake._catalog()
    commit = catalog.commit_table

    def lose_the_answer_and_the_history(*arguments: Any, **named: Any) -> None:
        with patch.object(catalog, "commit_table", commit):
            commit(*arguments, **named)
            commit_orders(table, "other", [3])
            expire_all_but_the_head(lake, table)
        raise ConnectionError("the connection was reset")

    written = table.write(orders("one", [1]))
    with (
        patch.object(catalog, "commit_table", side_effect=lose_the_answer_and_the_history),
        pytest.raises(CatalogUnavailable),
    ):
        table.commit("one/1", [written], nothing)

    assert order_ids(table) == [1, 3, 9]
