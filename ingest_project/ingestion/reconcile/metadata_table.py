"""What S3 holds by a table of S3 Metadata: the live inventory table or the journal table of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-inventory-schema.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-schema.html have their columns. Rows
come in no order, and the journal has one for each change. So they are put into a temporary file first: of
each version of a key the newest record counts, by `sequence_number`, which is not S3's sequencer of events.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ingest_project.errors import InventoryUnusable, TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project.ingestion.reconcile.reconcile import Listing
from ingest_project.sources.object_version import UNVERSIONED, ObjectVersion
from ingest_project.sources.s3.held import HeldObject, HeldObjects

COLUMNS = (
    "bucket", "key", "sequence_number", "version_id", "is_delete_marker", "size", "last_modified_date",
    "e_tag",
)  # fmt: skip
RECORD_TYPE = "record_type"
"""Only the journal table has it: CREATE, UPDATE_METADATA or DELETE."""

PORTION = 1_000
CACHE_KIB = 32 * 1024

NEWEST = """
insert into records values (?, ?, ?, ?, ?, ?, ?)
on conflict (key, version_id) do update set
    sequence = excluded.sequence, is_gone = excluded.is_gone, written_at = excluded.written_at,
    size_bytes = excluded.size_bytes, etag = excluded.etag
where excluded.sequence > records.sequence
"""
# A change of an older version's tags gives it a newer record than the current version has, and a multipart
# upload is as old as its beginning. So what was written later than the version of the newest record may be
# the current one, too; S3 is asked about what seems to be missing.
HELD = """
select key, version_id, written_at, size_bytes, etag, is_current from (
    select *, sequence = first_value(sequence) over newest_first
        or written_at > first_value(written_at) over newest_first as is_current
    from records where is_gone is not 1 window newest_first as (partition by key order by sequence desc)
) where is_gone = 0 order by key
"""


def metadata_listing(lake: Lake, name: str, *, bucket: str, prefix: str) -> Listing:
    """What a table of S3 Metadata lists of this bucket, as of its newest snapshot.

    Raises InventoryUnusable if there is no such table, or it is another one; CatalogUnavailable.
    """
    table, taken_at = metadata_table(lake, name)
    return Listing(name, taken_at, _portions(table, bucket, prefix, taken_at))


def metadata_table(lake: Lake, name: str) -> tuple[LakeTable, datetime]:
    """The table, and the time of its newest snapshot. Raises what `metadata_listing` raises."""
    try:
        table = lake.find(name)
    except TableMismatch as error:
        raise InventoryUnusable(name, error.reason) from error
    if table is None:
        raise InventoryUnusable(
            name,
            "the catalog does not have this table; `metadata_catalog` of the settings names the catalog, and "
            "`aws s3api get-bucket-metadata-configuration` the namespace and the table",
        )
    if lacking := [column for column in COLUMNS if column not in table.committed_columns]:
        raise InventoryUnusable(
            name, f"it lacks {', '.join(lacking)}; name a journal or inventory table of S3 Metadata"
        )
    if table.current_snapshot is None:
        raise InventoryUnusable(name, "it has no snapshot yet; S3 is still filling it")
    return table, table.current_snapshot.committed_at


def _portions(table: LakeTable, bucket: str, prefix: str, taken_at: datetime) -> Iterator[HeldObjects]:
    """The writes in the order of their keys. Raises InventoryUnusable if a row is of another bucket."""
    with closing(sqlite3.connect("", isolation_level=None)) as records:
        records.execute(f"pragma cache_size = -{CACHE_KIB}")
        records.execute("pragma journal_mode = off")
        records.execute("pragma synchronous = off")
        records.execute(
            "create table records (key text, version_id text, sequence text, is_gone integer, "
            "written_at text, size_bytes integer, etag text, primary key (key, version_id)) without rowid"
        )
        records.execute("begin")
        for rows in _rows(table, prefix):
            wanted = (row for row in rows if row["key"] is not None and row["key"].startswith(prefix))
            records.executemany(NEWEST, (_record(table.name, bucket, row) for row in wanted))
        held = (_held(bucket, row) for row in records.execute(HELD))
        while portion := tuple(islice(held, PORTION)):
            yield HeldObjects(portion, taken_at)


def _rows(table: LakeTable, prefix: str) -> Iterator[Iterable[Mapping[str, Any]]]:
    columns = [*COLUMNS, *([RECORD_TYPE] if RECORD_TYPE in table.committed_columns else [])]
    try:
        for portion in table.row_portions(columns, prefixes={"key": prefix}):
            for batch in portion.to_batches(max_chunksize=PORTION):
                yield batch.to_pylist()
    except (
        NotImplementedError,
        ValueError,
    ) as error:  # such as for equality deletes
        raise InventoryUnusable(table.name, f"PyIceberg cannot read it: {error}") from error


def _record(name: str, bucket: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """`is_gone`: 1 for a version that S3 does not hold any more, null for a delete marker."""
    if row["bucket"] != bucket:
        reason = f"it lists the bucket {row['bucket']!r}, and the table's objects are in {bucket!r}"
        raise InventoryUnusable(name, reason)
    written_at = row["last_modified_date"]
    # S3 leaves these out for a version that was deleted, also before they could be recorded.
    is_known = row["e_tag"] is not None and row["size"] is not None and written_at is not None
    is_gone = int(row.get(RECORD_TYPE) == "DELETE" or not is_known)
    return (
        row["key"], row["version_id"] or UNVERSIONED, row["sequence_number"],
        None if row["is_delete_marker"] else is_gone,
        "" if written_at is None else _utc(written_at).isoformat(), row["size"], row["e_tag"],
    )  # fmt: skip


def _held(bucket: str, row: tuple[Any, ...]) -> HeldObject:
    key, version_id, written_at, size_bytes, etag, is_current = row
    item = ObjectVersion(
        bucket=bucket, key=key, size_bytes=size_bytes, event_time=datetime.fromisoformat(written_at),
        version_id=None if version_id == UNVERSIONED else version_id, etag=etag.strip('"'),
    )  # fmt: skip
    return HeldObject(item, bool(is_current))


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
