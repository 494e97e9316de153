"""Builders for the tests of expiry."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pyiceberg.table import Table

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.expiry.expire import Expired
from ingest_project.iceberg.expiry.retention import Retention
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import orders, replacing, uri_of


def expire(
    table: LakeTable,
    keep: int | None = 1,
    min_age: timedelta | None = timedelta(0),
    *,
    unsettled_since: datetime | None = None,
    **options: Any,
) -> Expired:
    """Expires all but the newest snapshots, whatever their age, unless told otherwise."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    return table.expire(Retention(keep, min_age), lambda: unsettled_since, now, **options)


def replace_orders(table: LakeTable, batch_id: str, order_ids: list[int]) -> None:
    """Commits a batch that replaces the rows of the objects of these orders, so that old files are unused."""
    table.commit(
        batch_id,
        [table.write(orders(batch_id, order_ids))],
        replacing(*(uri_of(one) for one in order_ids)),
    )


def foreign(lake: Lake, table: LakeTable) -> Table:
    """The table as another engine has it."""
    return lake._catalog().load_table(table.name)
