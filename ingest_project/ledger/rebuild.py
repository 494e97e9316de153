"""Plans the rebuild of one Dagster partition: compares a listing of S3 with what the ledger knows.

A rebuild is a batch like any other, so after a crash the next tick finishes it. It commits the partition's
current objects and takes out the rows of those that are gone. Failed objects that S3 does not hold are
settled with it. Other versions of its keys wait until it is settled. A version in another open batch is taken
from that batch, whose `confirm` then raises ObjectsTaken; but a confirmed batch keeps its keys, because its
commit may be under way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.attempt_log import log_end
from ingest_project.ledger.claim import object_row, routed_object_id
from ingest_project.ledger.known_versions import keys_being_committed, keys_being_rebuilt, versions_of_keys
from ingest_project.ledger.model import (
    UNREAD,
    AttemptOutcome,
    BatchKind,
    BatchState,
    ObjectState,
    PlanningRules,
)
from ingest_project.ledger.new_batch import batch_row, insert_batch, new_batch_id
from ingest_project.ledger.rebuild_of_key import OPEN, KeyRebuild, Listed, rebuild_listed, rebuild_unlisted
from ingest_project.ledger.source_actions import taken_away
from ingest_project.ledger.sql import chunks, exclusively, insert_ignoring, is_partition
from ingest_project.ledger.tables import batches, key_id, object_versions
from ingest_project.sources.routing import RoutedObject

LATER_THAN_ALL = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """All keys that S3 held under a prefix, also those without a table or that a table passes over."""

    bucket: str
    prefix: str
    keys: Collection[str]

    def lack(self, bucket: str, key: str) -> bool:
        """Whether S3 did not hold this key; False for a key outside the prefix."""
        return bucket == self.bucket and key.startswith(self.prefix) and key not in self.keys


@dataclass(slots=True)
class _Members:
    """What the rebuild does with each of the ledger's versions."""

    ingest: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    new_rows: list[dict[str, Any]] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
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
    held: HeldKeys | None = None,
) -> str:
    """Make a batch, owned by this run, that rebuilds the partition from the listed objects; returns its id.

    An unfinished rebuild of the same partition is abandoned, since this one replaces it. If that one was
    confirmed, it may be committed already: then its id is returned, and this run finishes it.

    `listed_at` is when the listing began: what was claimed since then is left to its own event. Without it,
    nothing counts as claimed since. `held` are all keys of the listing: what failed in the partition and is
    not among them is settled with the batch. Without it, no failure is.

    Rows stay whose objects we moved or deleted ourselves (`after`), or would have (`rule.takes_away`).
    """
    exclusively(connection, queue)
    unfinished = _unfinished_rebuild(connection, rule.table, partition_key)
    if unfinished is not None and unfinished.confirmed_at is not None:
        _own(connection, unfinished.batch_id, run_id, now)
        return str(unfinished.batch_id)
    if unfinished is not None:
        _abandon(connection, unfinished.batch_id, now)
    members = _members(
        connection, {_key_id(one): one for one in listed}, queue=queue, rule=rule,
        partition_key=partition_key, listed_at=listed_at or LATER_THAN_ALL, held=held, now=now,
    )  # fmt: skip
    insert_ignoring(connection, object_versions, members.new_rows)
    _take_from_batches(connection, members.older)
    batch_id = new_batch_id(now)
    row = batch_row(
        batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.REBUILD, objects=len(members.ingest),
        sizes=[members.size_bytes], now=now,
    )  # fmt: skip
    owned = {**row, "partition_key": partition_key, "run_id": run_id, "heartbeat_at": now}
    insert_batch(connection, owned, ingest=members.ingest, remove=members.remove, gone=members.gone)
    _take_open_ones(connection, batch_id, members.ingest)
    return batch_id


def partitions_of(connection: sa.Connection, listed: Sequence[RoutedObject]) -> dict[str, str | None]:
    """The partitions that the ledger has recorded for these writes, by URI.

    A partition by the event's time cannot be computed from a listing: LastModified is when an upload began.
    """
    by_key = {_key_id(one): one.object for one in listed}
    found: dict[str, str | None] = {}
    for chunk in chunks(by_key):
        query = (
            sa.select(object_versions.c.key_id, object_versions.c.etag, object_versions.c.partition_key)
            .where(object_versions.c.key_id.in_(chunk))
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
    rule: PlanningRules,
    partition_key: str | None,
    listed_at: datetime,
    held: HeldKeys | None,
    now: datetime,
) -> _Members:
    """What to do about each free key that is listed, or has rows or failures in the partition."""
    table = rule.table
    taken = set(connection.scalars(keys_being_rebuilt(table).union(keys_being_committed(table))))
    absent = set() if held is None else _absent_failures(connection, queue, table, partition_key, held)
    keys = (set(listed) | set(connection.scalars(_keys_in_table(table, partition_key))) | absent) - taken
    known = versions_of_keys(connection, keys, sa.true())
    away = taken_away(connection, keys)
    members = _Members()
    for key in sorted(keys):
        versions = known.get(key, [])
        if (routed := listed.get(key)) is None:
            unlisted = rebuild_unlisted(
                versions, partition_key=partition_key, listed_at=listed_at, is_absent=key in absent
            )
            if not rule.takes_away and key not in away:
                members.remove += unlisted.removed
            members.gone += unlisted.gone
            continue
        if rule.on_overwrite == "append" and key in away:
            continue  # S3 has not all writes any more whose rows count: its listing cannot replace them
        rebuilt = rebuild_listed(Listed(routed.object.etag, listed_at), versions)
        if rebuilt.touched:
            _add(members, routed, rebuilt, queue=queue, now=now)
    return members


def _add(members: _Members, routed: RoutedObject, rebuilt: KeyRebuild, *, queue: str, now: datetime) -> None:
    if rebuilt.ingest is None:
        members.new_rows.append(object_row(routed, queue=queue, state=ObjectState.PENDING, now=now))
    members.ingest.append(rebuilt.ingest or routed_object_id(routed))
    members.size_bytes += routed.object.size_bytes
    members.older += rebuilt.older


def _unfinished_rebuild(connection: sa.Connection, table: str, partition_key: str | None) -> Any:
    query = sa.select(batches.c.batch_id, batches.c.confirmed_at).where(
        batches.c.table_name == table,
        batches.c.kind == BatchKind.REBUILD,
        batches.c.state == BatchState.PLANNED,
        is_partition(batches.c.partition_key, partition_key),
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
        is_partition(object_versions.c.partition_key, partition_key),
        object_versions.c.state == ObjectState.COMMITTED,
    )


def _absent_failures(
    connection: sa.Connection, queue: str, table: str, partition_key: str | None, held: HeldKeys
) -> set[str]:
    """The keys that S3 does not hold and that have a failed version in the partition."""
    query = sa.select(object_versions.c.key_id, object_versions.c.bucket, object_versions.c.key).where(
        object_versions.c.state.in_(UNREAD),
        object_versions.c.queue == queue,
        object_versions.c.table_name == table,
        is_partition(object_versions.c.partition_key, partition_key),
    )
    return {row.key_id for row in connection.execute(query) if held.lack(row.bucket, row.key)}


def _take_open_ones(connection: sa.Connection, batch_id: str, ids: Sequence[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk), object_versions.c.state.in_(OPEN))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )


def _take_from_batches(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Take older writes of the listed keys from their batches: they wait until the rebuild is settled."""
    for chunk in chunks(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk), object_versions.c.state == ObjectState.PLANNED)
            .values(state=ObjectState.PENDING, batch_id=None)
        )


def _key_id(routed: RoutedObject) -> str:
    return key_id(routed.table, routed.object.bucket, routed.object.key)
