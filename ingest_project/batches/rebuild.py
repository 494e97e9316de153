"""Plans the rebuild of one Dagster partition: from what a listing of S3 says, against what the ledger knows.

A rebuild is a batch like any other, so a crash leaves it to the next tick. It commits the partition's current objects
and takes out the rows of those that are gone. Until it is settled, other versions of its keys wait. A version in
another open batch is taken from it, whose `confirm` fails from then on; but once a batch was confirmed its commit may
be under way, so its keys are left to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.attempt_log import log_end
from ingest_project.batches.claim import object_row, routed_object_id
from ingest_project.batches.known_versions import keys_being_committed, keys_being_rebuilt, versions_of_keys
from ingest_project.batches.model import AttemptOutcome, BatchKind, BatchState, ObjectState, PlanningRules
from ingest_project.batches.new_batch import batch_row, insert_batch, new_batch_id
from ingest_project.batches.rebuild_of_key import OPEN, KeyRebuild, Listed, rebuild_listed, rebuild_unlisted
from ingest_project.batches.settle import settle_unread
from ingest_project.batches.sql import exclusively, insert_ignoring, portions
from ingest_project.batches.tables import batches, key_id, object_versions
from ingest_project.events.routing import RoutedObject

LATER_THAN_ALL = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Members:
    """What the listing makes of the ledger's versions."""

    ingest: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    new_rows: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[tuple[str, str]] = field(default_factory=list)
    size_bytes: int = 0


def plan_rebuild(
    connection: sa.Connection,
    *,
    queue: str,
    rule: PlanningRules,
    partition_key: str | None,
    listed: Sequence[RoutedObject],
    run_id: str,
    now: datetime,
    listed_at: datetime | None = None,
) -> str:
    """Make a batch, owned by this run, that rebuilds the partition from the listed objects; gives its id.

    An unfinished rebuild of the same partition is abandoned: this one does all that it would have done. One that may
    have been committed already cannot be; its id is given instead, and this run is to finish it. `listed_at` is when
    the listing began: what was claimed since is left to its own event. Without it, nothing was.
    """
    exclusively(connection, queue)
    unfinished = _unfinished_rebuild(connection, rule.table, partition_key)
    if unfinished is not None and unfinished.confirmed_at is not None:
        _own(connection, unfinished.batch_id, run_id, now)
        return str(unfinished.batch_id)
    if unfinished is not None:
        _abandon(connection, unfinished.batch_id, now)
    members = _members(
        connection, {_key_id(one): one for one in listed}, queue=queue, table=rule.table,
        partition_key=partition_key, listed_at=listed_at or LATER_THAN_ALL, now=now,
    )  # fmt: skip
    insert_ignoring(connection, object_versions, members.new_rows)
    settle_unread(connection, members.superseded, state=ObjectState.SUPERSEDED, now=now)
    batch_id = new_batch_id(now)
    row = batch_row(
        batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.REBUILD, objects=len(members.ingest),
        size_bytes=members.size_bytes, now=now,
    )  # fmt: skip
    owned = {**row, "partition_key": partition_key, "run_id": run_id, "heartbeat_at": now}
    insert_batch(connection, owned, ingest=members.ingest, remove=members.remove)
    _take_open_ones(connection, batch_id, members.ingest)
    return batch_id


def partitions_of(connection: sa.Connection, listed: Sequence[RoutedObject]) -> dict[str, str | None]:
    """The partitions under which the ledger knows these very writes, by URI.

    A partition told from the event's time cannot be told from a listing: LastModified is when an upload began.
    """
    by_key = {_key_id(one): one.object for one in listed}
    found: dict[str, str | None] = {}
    for portion in portions(by_key):
        query = (
            sa.select(object_versions.c.key_id, object_versions.c.etag, object_versions.c.partition_key)
            .where(object_versions.c.key_id.in_(portion))
            .order_by(object_versions.c.event_time, object_versions.c.claimed_at)  # the newest one counts
        )
        for key, etag, partition_key in connection.execute(query):
            if etag == by_key[key].etag:
                found[by_key[key].uri] = partition_key
    return found


def _members(
    connection: sa.Connection,
    listed: Mapping[str, RoutedObject],
    *,
    queue: str,
    table: str,
    partition_key: str | None,
    listed_at: datetime,
    now: datetime,
) -> _Members:
    """What to do about each key that is listed or has rows in the partition, as far as it is free to be rebuilt."""
    taken = set(connection.scalars(keys_being_rebuilt(table).union(keys_being_committed(table))))
    keys = (set(listed) | set(connection.scalars(_keys_in_table(table, partition_key)))) - taken
    known = versions_of_keys(connection, keys, sa.true())
    members = _Members()
    for key in sorted(keys):
        versions = known.get(key, [])
        if (routed := listed.get(key)) is None:
            gone = rebuild_unlisted(versions, partition_key=partition_key, listed_at=listed_at)
            members.remove += gone.removed
            continue
        rebuilt = rebuild_listed(Listed(routed.object.etag, listed_at), versions)
        if rebuilt.touched:
            _add(members, routed, rebuilt, queue=queue, now=now)
    return members


def _add(members: _Members, routed: RoutedObject, rebuilt: KeyRebuild, *, queue: str, now: datetime) -> None:
    if rebuilt.ingest is None:
        members.new_rows.append(object_row(routed, queue=queue, state=ObjectState.PENDING, now=now))
    members.ingest.append(rebuilt.ingest or routed_object_id(routed))
    members.size_bytes += routed.object.size_bytes
    reason = "its partition was rebuilt from a newer write of the key"
    members.superseded += [(object_id, reason) for object_id in rebuilt.superseded]


def _unfinished_rebuild(connection: sa.Connection, table: str, partition_key: str | None) -> Any:
    query = sa.select(batches.c.batch_id, batches.c.confirmed_at).where(
        batches.c.table_name == table,
        batches.c.kind == BatchKind.REBUILD,
        batches.c.state == BatchState.PLANNED,
        batches.c.partition_key.is_not_distinct_from(partition_key),
    )
    return connection.execute(query).one_or_none()


def _own(connection: sa.Connection, batch_id: str, run_id: str, now: datetime) -> None:
    connection.execute(
        sa.update(batches).where(batches.c.batch_id == batch_id).values(run_id=run_id, heartbeat_at=now)
    )


def _abandon(connection: sa.Connection, batch_id: str, now: datetime) -> None:
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(state=BatchState.ABANDONED, settled_at=now, heartbeat_at=None)
    )
    log_end(connection, batch_id, AttemptOutcome.SUPERSEDED, now=now, error="its rebuild was planned anew")
    connection.execute(
        sa.update(object_versions)
        .where(object_versions.c.batch_id == batch_id, object_versions.c.state == ObjectState.PLANNED)
        .values(state=ObjectState.PENDING, batch_id=None)
    )


def _keys_in_table(table: str, partition_key: str | None) -> sa.Select[str]:
    return sa.select(object_versions.c.key_id).where(
        object_versions.c.table_name == table,
        object_versions.c.partition_key.is_not_distinct_from(partition_key),
        object_versions.c.state == ObjectState.COMMITTED,
    )


def _take_open_ones(connection: sa.Connection, batch_id: str, ids: Sequence[str]) -> None:
    for portion in portions(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion), object_versions.c.state.in_(OPEN))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )


def _key_id(routed: RoutedObject) -> str:
    return key_id(routed.table, routed.object.bucket, routed.object.key)
