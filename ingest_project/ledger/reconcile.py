"""Compares what S3 lists, and what a table holds, with the ledger, and claims what no message has brought.

A claim of a listing is like one of a message, without the message: the object version waits as `pending`, the
next tick of the queue's sensor plans it, and its run asks S3 which write of the key is the newest. A version
that a listing has brought is known by the time of the listing, so an event of the same write that comes later
finds it, as after a rebuild.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.claim import object_row, routed_object_id
from ingest_project.ledger.job_work import add_work_under_way
from ingest_project.ledger.known_versions import versions_of_keys
from ingest_project.ledger.listed_write import UNKNOWN, ListedWrite, Standing, standing
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.sql import chunks, exclusively, insert_ignoring
from ingest_project.ledger.tables import key_id, object_id, object_versions
from ingest_project.settings.model import OnOverwrite

NOT_COUNTING = (ObjectState.FAILED, ObjectState.QUARANTINED, ObjectState.SUPERSEDED, ObjectState.SKIPPED)


@dataclass(frozen=True, slots=True)
class CommittedVersion:
    """A version that is in the table, by the ledger."""

    object_id: str
    key_id: str
    bucket: str
    key: str
    version: str
    event_time: datetime
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class TableSource:
    """Where a row of the table came from: its key, and the text in `_source_version`."""

    bucket: str
    key: str
    version: str


def standings(
    connection: sa.Connection, policy: OnOverwrite, listed: Sequence[ListedWrite]
) -> list[Standing]:
    """What the ledger knows of each of these writes, in their order."""
    keys = [_key_id(one) for one in listed]
    known = versions_of_keys(connection, keys, sa.true())
    return [standing(one, known.get(key, []), policy) for one, key in zip(listed, keys, strict=True)]


def claim_listed(
    connection: sa.Connection,
    queue: str,
    policy: OnOverwrite,
    listed: Sequence[ListedWrite],
    *,
    now: datetime,
    job: str | None = None,
) -> int:
    """Claim those of the writes that the ledger still does not know; returns how many these are.

    A second call claims nothing. What a message has brought since the comparison stays as it is. With
    `job`, what is now under way of their keys becomes work of the job with this id.
    """
    exclusively(connection, queue)
    found = standings(connection, policy, listed)
    rows = {
        routed_object_id(one.routed): _pending_row(one, queue, now)
        for one, is_known in zip(listed, found, strict=True)
        if is_known in UNKNOWN
    }
    insert_ignoring(connection, object_versions, [row for _, row in sorted(rows.items())])
    _put_back(connection, rows)
    if job is not None:
        add_work_under_way(connection, job, listed)
    return len(rows)


def committed_versions(
    connection: sa.Connection,
    table: str,
    *,
    after: CommittedVersion | None,
    claimed_since: datetime | None,
    partition: str | None,
    limit: int,
) -> list[CommittedVersion]:
    """The next versions that are in the table, in the order of their claims.

    Those of a Dagster `partition` are in no order that matters, so that its index is used.
    """
    known = object_versions.c
    query = sa.select(
        known.object_id, known.key_id, known.bucket, known.key,
        sa.func.coalesce(known.version_id, known.sequencer, known.etag, ""),
        known.event_time, known.claimed_at,
    ).where(known.table_name == table, known.state == ObjectState.COMMITTED)  # fmt: skip
    if claimed_since is not None:
        query = query.where(known.claimed_at >= claimed_since)
    if partition is not None:
        query = query.where(known.partition_key == partition)
        if after is not None:
            query = query.where(known.object_id > after.object_id)
        return [
            CommittedVersion(*row) for row in connection.execute(query.order_by(known.object_id).limit(limit))
        ]
    if after is not None:
        later = sa.and_(known.claimed_at == after.claimed_at, known.object_id > after.object_id)
        query = query.where(
            known.claimed_at >= after.claimed_at, sa.or_(known.claimed_at > after.claimed_at, later)
        )
    ordered = query.order_by(known.claimed_at, known.object_id).limit(limit)
    return [CommittedVersion(*row) for row in connection.execute(ordered)]


def unknown_sources(
    connection: sa.Connection, table: str, sources: Collection[TableSource]
) -> list[TableSource]:
    """Those of the sources of a table's rows that the ledger does not know."""
    by_id = {object_id(table, one.bucket, one.key, one.version): one for one in sources}
    known: set[str] = set()
    for chunk in chunks(by_id):
        query = sa.select(object_versions.c.object_id).where(object_versions.c.object_id.in_(chunk))
        known.update(connection.scalars(query))
    return [source for key, source in by_id.items() if key not in known]


def pending_objects(connection: sa.Connection, queue: str) -> int:
    """How many object versions of the queue wait for a batch, also those of stalled tables."""
    query = sa.select(sa.func.count()).where(
        object_versions.c.queue == queue, object_versions.c.state == ObjectState.PENDING
    )
    return connection.scalar(query) or 0


def _pending_row(one: ListedWrite, queue: str, now: datetime) -> dict[str, Any]:
    row = object_row(one.routed, queue=queue, state=ObjectState.PENDING, now=now)
    # It stands for what was written before the listing, not for what came while the claim waited.
    return {**row, "claimed_at": min(now, one.listed_at)}


def _put_back(connection: sa.Connection, rows: dict[str, dict[str, Any]]) -> None:
    """Let a write take the row of an earlier one that has its eTag, and that was settled or has failed."""
    told = (
        "partition_key", "sequencer", "etag", "size_bytes", "event_time", "claimed_at", "state", "attempts",
        "not_before",
    )  # fmt: skip
    for chunk in chunks(rows):
        stale = sa.select(object_versions.c.object_id).where(
            object_versions.c.object_id.in_(chunk), object_versions.c.state.in_(NOT_COUNTING)
        )
        for key in list(connection.scalars(stale)):
            connection.execute(
                sa.update(object_versions)
                .where(object_versions.c.object_id == key)
                .values(
                    **{name: rows[key][name] for name in told},
                    batch_id=None, error_class=None, reason=None, settled_at=None,
                )
            )  # fmt: skip


def _key_id(listed: ListedWrite) -> str:
    item = listed.routed.object
    return key_id(listed.routed.table, item.bucket, item.key)
