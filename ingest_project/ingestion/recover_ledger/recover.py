"""Recovers a lost ledger: finds which object versions are in the tables, so that none is ingested twice.

A table says for each row which write of which key it came from; S3 says in which order the writes of a key
were made. Together they give the ledger's committed versions (`identify.py` has the reasoning). Other
versions are not recovered: objects that wait in the queue come by their messages, and what had failed or was
parked is in the DLQ or comes when its partition is materialized. An object without rows leaves no trace: if
its event comes again, it is read again.

Run it while the sensors are stopped and no run is under way: a commit that is made meanwhile may be missed,
and would be made a second time when its messages come again. It reports if the table has moved meanwhile, and
keys that have rows of more than one write, which is what ingesting with an empty ledger causes.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import polars as pl

from ingest_project.errors import UnroutableObject
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.provenance import GROUPS, BatchCommit
from ingest_project.iceberg.table import LakeTable
from ingest_project.ingestion.recover_ledger.identify import identify
from ingest_project.ingestion.recover_ledger.leftovers import leftovers_in, take_out
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind
from ingest_project.ledger.recover import Recovered, RecoveredBatch, RecoveredObject
from ingest_project.settings.model import TableSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import (
    UNKNOWN_TIME,
    ObjectVersion,
    bucket_and_key,
    object_uri,
)
from ingest_project.sources.partition_key import partition_key
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.s3.versions import ListedVersion, list_versions

log = logging.getLogger(__name__)

PORTION = 1_000
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class TableRecovered:
    """What was found in one table, and what became of it in the ledger.

    `objects` and `rows` are those of the snapshot (None: the table does not exist or is empty). `undated`
    counts versions whose time is unknown to S3, `without_partition` those whose key does not name a partition
    of the table. `several_writes` counts keys with rows of more than one write or batch; `examples` names
    some of them. `leftover_rows` were set aside by batches that were never committed, and are taken out of
    the quarantine. `moved`: something was committed to the table meanwhile.
    """

    table: str
    snapshot_id: int | None
    objects: int = 0
    rows: int = 0
    foreign_rows: int = 0
    recovered: Recovered = field(default_factory=Recovered)
    undated: int = 0
    without_partition: int = 0
    several_writes: int = 0
    examples: tuple[str, ...] = ()
    leftover_rows: int = 0
    moved: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found that a person has to look at."""
        return not self.moved and self.several_writes == 0


@dataclass(frozen=True, slots=True)
class LedgerRecovery:
    """Recovers what the ledger knew of a table."""

    ledger: Ledger
    lake: Lake
    aws: Aws

    def run(self, table: TableSettings, *, dry_run: bool = False) -> TableRecovered:
        """Record again what is in the table. Idempotent: if it is interrupted, run it again.

        Raises CatalogUnavailable, LedgerUnavailable, and ObjectError if S3 does not list the versions of the
        prefix.
        """
        lake_table = self.lake.find(table.name)
        if lake_table is None:
            return TableRecovered(table.name, None)
        found = lake_table.sources()
        commits, groups = lake_table.batch_commits(), pl.DataFrame(found.groups)
        known = {*commits, *groups["_batch_id"]}
        rejected = self._rejected(table)
        is_known = pl.col("_batch_id").is_in(list(known))
        sources = _by_version(groups, rejected.filter(is_known))
        leftovers = leftovers_in(rejected.filter(~is_known), lake_table)
        doubled = _several_writes(sources, table)
        batches = _batches(sources, commits)
        result = TableRecovered(
            table=table.name, snapshot_id=found.snapshot_id, objects=sources.height,
            rows=int(sources["rows"].sum()), foreign_rows=found.foreign_rows,
            several_writes=doubled.height, examples=tuple(doubled["_source_uri"].head(EXAMPLES).to_list()),
            leftover_rows=int(leftovers["rows"].sum()),
        )  # fmt: skip
        for portion in self._portions(table, sources, batches):
            recovered = self.ledger.recover(table.queue, table.on_overwrite, portion, dry_run=dry_run)
            result = _add(result, portion, recovered, is_partitioned=table.partition is not None)
        result = replace(result, moved=_has_moved(lake_table, found.snapshot_id))
        if not dry_run and not result.moved:
            take_out(leftovers, self.lake.find(table.quarantine))
        return result

    def _rejected(self, table: TableSettings) -> pl.DataFrame:
        """The sources of the rows in the table's quarantine."""
        quarantine = self.lake.find(table.quarantine)
        groups = GROUPS.empty_table() if quarantine is None else quarantine.sources().groups
        return pl.DataFrame(groups)

    def _portions(
        self, table: TableSettings, sources: pl.DataFrame, batches: dict[str, RecoveredBatch]
    ) -> Iterator[list[RecoveredObject]]:
        """All object versions of the table, those first whose keys S3 lists."""
        if sources.is_empty():
            return
        is_listed = pl.repeat(False, sources.height, dtype=pl.Boolean, eager=True)
        # Messages have no other versions, and nothing that lists them.
        listing = () if table.is_of_messages else list_versions(self.aws, table.bucket, table.prefix)
        for listed in _portions_of_keys(listing):
            here = sources["_source_uri"].is_in(list(listed))
            is_listed |= here
            yield from _recovered(table, sources.filter(here), batches, listed)
        yield from _recovered(table, sources.filter(~is_listed), batches, {})


def _by_version(groups: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """A row for each object version, with the last of its batches; it should have only one."""
    both = pl.concat(
        [
            groups.with_columns(rejected_rows=pl.lit(0, dtype=pl.Int64)),
            rejected.with_columns(rejected_rows="rows", rows=pl.lit(0, dtype=pl.Int64)),
        ]
    )
    return both.group_by("_source_uri", "_source_version").agg(
        pl.col("_batch_id").max(),
        pl.col("_batch_id").n_unique().alias("batches"),
        pl.col("ingested_at").min(),
        pl.col("rows").sum(),
        pl.col("rejected_rows").sum(),
    )


def _several_writes(sources: pl.DataFrame, table: TableSettings) -> pl.DataFrame:
    keys = sources.group_by("_source_uri").agg(pl.len().alias("writes"), pl.col("batches").max())
    twice = pl.col("batches") > 1
    return keys.filter(twice if table.on_overwrite == "append" else twice | (pl.col("writes") > 1))


def _batches(sources: pl.DataFrame, commits: dict[str, BatchCommit]) -> dict[str, RecoveredBatch]:
    totals = sources.group_by("_batch_id").agg(
        pl.len().alias("objects"), pl.col("rows").sum(), pl.col("ingested_at").min()
    )
    found: dict[str, RecoveredBatch] = {}
    for batch_id, objects, rows, ingested_at in totals.iter_rows():
        commit = commits.get(batch_id)
        kind = BatchKind.REBUILD if commit is not None and commit.kind == "rebuild" else BatchKind.INGEST
        found[batch_id] = RecoveredBatch(
            batch_id, kind, objects, rows, commit.snapshot_id if commit else None,
            commit.committed_at if commit else ingested_at,
        )  # fmt: skip
    return found


def _portions_of_keys(listing: Iterable[ListedVersion]) -> Iterator[dict[str, list[ListedVersion]]]:
    """The listing in portions of whole keys, by URI."""
    portion: dict[str, list[ListedVersion]] = {}
    for _, versions in groupby(listing, key=attrgetter("key")):
        of_key = list(versions)
        portion[object_uri(of_key[0].bucket, of_key[0].key)] = of_key
        if len(portion) == PORTION:
            yield portion
            portion = {}
    if portion:
        yield portion


def _recovered(
    table: TableSettings,
    sources: pl.DataFrame,
    batches: dict[str, RecoveredBatch],
    listed: dict[str, list[ListedVersion]],
) -> Iterator[list[RecoveredObject]]:
    for portion in sources.iter_slices(PORTION):
        yield [
            _object(table, batches[row["_batch_id"]], row, listed.get(row["_source_uri"], []))
            for row in portion.iter_rows(named=True)
        ]


def _object(
    table: TableSettings, batch: RecoveredBatch, row: dict[str, Any], listed: list[ListedVersion]
) -> RecoveredObject:
    bucket, key = bucket_and_key(row["_source_uri"])
    ingested_at = row["ingested_at"]
    found = identify(bucket, key, row["_source_version"], ingested_at=ingested_at, listed=listed)
    older = (
        ObjectVersion(one.bucket, one.key, one.size_bytes, one.last_modified, one.version_id, None, one.etag)
        for one in found.older
        if one.version_id is not None  # a write from before versioning has no id to identify it
    )
    return RecoveredObject(
        _routed(table, found.object, ingested_at), row["rows"], batch, rejected_rows=row["rejected_rows"],
        older=tuple(_routed(table, one, one.event_time) for one in older),
    )  # fmt: skip


def _routed(table: TableSettings, item: ObjectVersion, ingested_at: datetime) -> RoutedObject:
    """The object with its partition; if that depends on a time, by S3's or else by that of the ingest."""
    if table.partition is None:
        return RoutedObject(item, table.name, None)
    timed = item if item.event_time != UNKNOWN_TIME else replace(item, event_time=ingested_at)
    try:
        return RoutedObject(item, table.name, partition_key(table.partition, timed))
    except UnroutableObject as error:  # the settings have changed since, but its rows are in the table
        log.debug("%s", error)
        return RoutedObject(item, table.name, None)


def _add(
    result: TableRecovered, portion: list[RecoveredObject], recovered: Recovered, *, is_partitioned: bool
) -> TableRecovered:
    items = [one.routed for one in portion]
    nowhere = sum(one.partition_key is None for one in items) if is_partitioned else 0
    return replace(
        result,
        recovered=result.recovered + recovered,
        undated=result.undated + sum(one.object.event_time == UNKNOWN_TIME for one in items),
        without_partition=result.without_partition + nowhere,
    )


def _has_moved(lake_table: LakeTable, snapshot_id: int | None) -> bool:
    lake_table.refresh()
    return lake_table.snapshot_id != snapshot_id
