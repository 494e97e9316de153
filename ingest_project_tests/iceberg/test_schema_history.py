"""What snapshots tell of a table's columns: which were added or widened, by which batch, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    catalog_settings,
    nothing,
    open_lake,
    orders,
    orders_table,
)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=1)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with open_lake(catalog_settings(tmp_path)) as opened:
        yield opened


def commit(table: LakeTable, batch_id: str, order_id: int, **columns: "pa.Array[Any]") -> None:
    """A batch of one row, with these columns besides."""
    rows = orders(batch_id, [order_id])
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    table.commit(batch_id, [table.write(rows)], nothing)


def told(table: LakeTable, since: datetime = LONG_AGO) -> list[tuple[str, str, str | None, str | None]]:
    return [(one.name, one.type_name, one.was, one.batch_id) for one in table.column_changes(since)]


def test_table_as_it_was_made_has_no_changes(lake: Lake) -> None:
    table = orders_table(lake)
    assert told(table) == []

    commit(table, "b1", 1)
    commit(table, "b2", 2)

    assert told(table) == []


def test_added_and_widened_columns_are_told_with_their_batches(lake: Lake) -> None:
    table = orders_table(lake, columns={"order_id": "long", "amount": "double", "ordered_at": "timestamptz"})
    commit(table, "b1", 1, tip=pa.array([1], pa.int32()))
    commit(table, "b2", 2, tip=pa.array([2**40], pa.int64()), coupon=pa.array(["X"]))

    changes = table.column_changes(LONG_AGO)

    assert told(table) == [
        ("tip", "int", None, "b1"),
        ("tip", "long", "int", "b2"),
        ("coupon", "string", None, "b2"),
    ]
    assert [one.is_first_commit for one in changes] == [True, False, False]
    assert all(abs(datetime.now(UTC) - one.committed_at) < SOON for one in changes)


def test_changes_before_the_time_asked_for_are_left_out(lake: Lake) -> None:
    table = orders_table(lake)
    commit(table, "b1", 1)
    commit(table, "b2", 2, coupon=pa.array(["X"]))

    assert told(table, datetime.now(UTC) + SOON) == []
