"""Plans the rebuild of one Dagster partition: from what a listing of S3 says, against what the ledger knows.

A rebuild is a batch like any other, so a crash leaves it to the next tick. It commits the partition's current objects
and takes out every row that any version of the partition's keys ever brought. Versions that another open batch holds
are taken from it: that batch's `confirm` fails from then on, and since every rebuild moves the table's head, a commit
that was confirmed before is refused by the catalog.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cmp_to_key
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.claim import object_row, routed_object_id
from ingest_project.batches.model import BatchKind, BatchState, ObjectState, PlanningRules, RowsToReplace
from ingest_project.batches.plan import batch_row, insert_batch, new_batch_id, settle_unread
from ingest_project.batches.sql import insert_ignoring, portions
from ingest_project.batches.tables import batches, key_id, object_versions
from ingest_project.batches.versions_of_key import LISTING_RESOLUTION, KeyVersion, compare
from ingest_project.events.routing import RoutedObject

OPEN = (ObjectState.PENDING, ObjectState.PLANNED, ObjectState.FAILED)


@dataclass(slots=True)
class _Members:
    """What the listing makes of the ledger's versions: ids to ingest, rows to insert, versions to settle unread."""

    ids: list[str] = field(default_factory=list)
    new_rows: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[tuple[str, str]] = field(default_factory=list)


def plan_rebuild(
    connection: sa.Connection,
    *,
    queue: str,
    rule: PlanningRules,
    partition_key: str | None,
    listed: Sequence[RoutedObject],
    run_id: str,
    now: datetime,
) -> str:
    """Make a batch, owned by this run, that rebuilds the partition from the listed objects; gives its id.

    An unfinished rebuild of the same partition is abandoned: this one does all that it would have done.
    """
    _abandon_others(connection, rule.table, partition_key)
    known = _versions_of_partition(connection, rule.table, partition_key)
    batch_id = new_batch_id(now)
    members = _match(listed, known, queue=queue, now=now)
    insert_ignoring(connection, object_versions, members.new_rows)
    settle_unread(connection, members.superseded, state=ObjectState.SUPERSEDED, now=now)
    row = batch_row(
        batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.REBUILD, objects=len(members.ids),
        size_bytes=sum(item.object.size_bytes for item in listed), now=now,
    )  # fmt: skip
    insert_batch(
        connection,
        {**row, "partition_key": partition_key, "run_id": run_id, "heartbeat_at": now},
        members.ids,
    )
    _take_open_ones(connection, batch_id, members.ids)
    return batch_id


def partitions_of(connection: sa.Connection, listed: Sequence[RoutedObject]) -> dict[str, str | None]:
    """The partitions under which the ledger knows these very writes, by URI.

    A partition told from the event's time cannot be told from a listing: LastModified is when an upload began.
    """
    by_key = {key_id(one.table, one.object.bucket, one.object.key): one.object for one in listed}
    found: dict[str, str | None] = {}
    for portion in portions(by_key):
        query = sa.select(
            object_versions.c.key_id, object_versions.c.etag, object_versions.c.partition_key
        ).where(object_versions.c.key_id.in_(portion))
        for key, etag, partition_key in connection.execute(query):
            if etag == by_key[key].etag:
                found[by_key[key].uri] = partition_key
    return found


def rows_of_partition(connection: sa.Connection, batch: Any, *, kept: set[str]) -> RowsToReplace:
    """All rows of the partition, but for the keys of `kept` (object ids that could not be read: their old rows stay)
    and for keys of which a newer write is on its way."""
    rows = connection.execute(
        sa.select(
            object_versions.c.object_id, object_versions.c.bucket, object_versions.c.key,
            object_versions.c.state, object_versions.c.batch_id,
        ).where(in_partition(batch.table_name, batch.partition_key))
    ).all()  # fmt: skip
    spared = {
        f"s3://{row.bucket}/{row.key}"
        for row in rows
        if row.object_id in kept or (row.state in OPEN and row.batch_id != batch.batch_id)
    }
    uris = {f"s3://{row.bucket}/{row.key}" for row in rows}
    return RowsToReplace(source_uris=frozenset(uris - spared), batch_ids=None)


def _match(
    listed: Sequence[RoutedObject],
    known: Mapping[tuple[str, str], list[KeyVersion]],
    *,
    queue: str,
    now: datetime,
) -> _Members:
    members = _Members()
    for routed in listed:
        versions = known.get((routed.object.bucket, routed.object.key), [])
        _match_key(members, routed, versions, queue=queue, now=now)
    return members


def _match_key(
    members: _Members, routed: RoutedObject, versions: Sequence[KeyVersion], *, queue: str, now: datetime
) -> None:
    written_by = routed.object.event_time + LISTING_RESOLUTION
    if any(one.state in OPEN and one.event_time > written_by for one in versions):
        return  # a newer write is on its way by its own event, and will replace what the table holds
    same = sorted((one for one in versions if one.etag == routed.object.etag), key=cmp_to_key(compare))
    if same:
        members.ids.append(same[-1].object_id)
    else:
        members.ids.append(routed_object_id(routed))
        members.new_rows.append(object_row(routed, queue=queue, state=ObjectState.PENDING, now=now))
    members.superseded += [
        (one.object_id, "its partition was rebuilt from a newer write of the key")
        for one in versions
        if one.state in OPEN and one.object_id != members.ids[-1]
    ]


def _abandon_others(connection: sa.Connection, table: str, partition_key: str | None) -> None:
    query = sa.select(batches.c.batch_id).where(
        batches.c.table_name == table,
        batches.c.kind == BatchKind.REBUILD,
        batches.c.state == BatchState.PLANNED,
        batches.c.partition_key.is_not_distinct_from(partition_key),
    )
    for batch_id in connection.scalars(query).all():
        connection.execute(
            sa.update(batches).where(batches.c.batch_id == batch_id).values(state=BatchState.ABANDONED)
        )
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.batch_id == batch_id, object_versions.c.state == ObjectState.PLANNED)
            .values(state=ObjectState.PENDING, batch_id=None)
        )


def _versions_of_partition(
    connection: sa.Connection, table: str, partition_key: str | None
) -> dict[tuple[str, str], list[KeyVersion]]:
    columns = (
        object_versions.c.bucket, object_versions.c.key, object_versions.c.object_id, object_versions.c.state,
        object_versions.c.version_id, object_versions.c.sequencer, object_versions.c.etag,
        object_versions.c.event_time, object_versions.c.claimed_at,
    )  # fmt: skip
    found: dict[tuple[str, str], list[KeyVersion]] = {}
    for bucket, key, object_id, state, *rest in connection.execute(
        sa.select(*columns).where(in_partition(table, partition_key))
    ):
        found.setdefault((bucket, key), []).append(KeyVersion(object_id, ObjectState(state), *rest))
    return found


def _take_open_ones(connection: sa.Connection, batch_id: str, ids: Sequence[str]) -> None:
    for portion in portions(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion), object_versions.c.state.in_(OPEN))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )


def in_partition(table: str, partition_key: str | None) -> sa.ColumnElement[bool]:
    """The object versions of one Dagster partition of a table."""
    return sa.and_(
        object_versions.c.table_name == table,
        object_versions.c.partition_key.is_not_distinct_from(partition_key),
    )
