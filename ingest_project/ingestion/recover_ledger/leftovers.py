"""Rows in quarantine of batches that were never committed, which no attempt takes out: the ledger is lost.

The objects come again by their events, in another batch, which sets their bad rows aside again.
"""

from datetime import UTC, datetime

import polars as pl

from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.table import LakeTable
from ingest_project.ledger.recover import planned_at

NO_BATCH = datetime.max.replace(tzinfo=UTC)
"""The planning time of a batch id that is not of our form."""


def leftovers_in(rejected: pl.DataFrame, table: LakeTable) -> pl.DataFrame:
    """Of the sources in quarantine whose batches the table does not know, those that were never committed.

    If snapshots have expired since a batch was planned, it may have been committed with bad rows only: it
    stays.
    """
    planned = {one: planned_at(one, NO_BATCH) for one in rejected["_batch_id"].unique()}
    left = [one for one, time in planned.items() if time != NO_BATCH and table.shows_all_since(time)]
    return rejected.filter(pl.col("_batch_id").is_in(left))


def take_out(leftovers: pl.DataFrame, quarantine: LakeTable | None) -> None:
    """Commits a snapshot of the quarantine without these sources' rows, if there are any."""
    if quarantine is None or leftovers.is_empty():
        return
    writes = leftovers.select("_source_uri", "_source_version", "_batch_id").rows()
    mark = f"leftovers/{quarantine.snapshot_id}"
    quarantine.commit(mark, (), lambda: Replacement(writes=frozenset(writes)))
