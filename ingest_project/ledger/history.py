"""The history of object versions: what became of each write, by which messages, batches and runs.

It only reads. A page costs a few queries however many object versions it shows, and each query uses an index:
the newest versions of a table are found by `(table_name, claimed_at)`, those of one key by `key_id`, those in
one state by `(state, queue, table_name, claimed_at)`.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.history_details import BatchPart, MessageRecord, batch_parts, message_records
from ingest_project.ledger.key_pattern import exact_uri, matches
from ingest_project.ledger.model import MessageState, ObjectState
from ingest_project.ledger.source_actions import ActionRecord, action_records
from ingest_project.ledger.sql import distinct_values
from ingest_project.ledger.tables import batch_objects, batches, key_id, messages, object_versions
from ingest_project.sources.object_version import UNKNOWN_TIME, object_uri

MAY_HAVE_AN_ERROR = tuple(state for state in ObjectState if state is not ObjectState.COMMITTED)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which object versions to show, the newest claims first. All given conditions must hold.

    `keys` are keys, `s3://` URIs or globs with `*` and `?`, of which one must match. `since` is the earliest
    time of the claim. `batch_id` is a batch that had them, whether it could ingest them or not.
    """

    table: str | None = None
    keys: tuple[str, ...] = ()
    states: tuple[ObjectState, ...] = ()
    error_class: str | None = None
    since: datetime | None = None
    limit: int = 50
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One object version and all that is known about it. Times are UTC; None if it has not happened.

    `put_at` is when S3 finished the write, `event_at` when the first message that named it was sent,
    `deleted_at` when the last of these messages was deleted; `receive_count` is their largest. `rows` are
    those in the table, or those that were there before it was superseded, `rejected_rows` those in its
    quarantine. `after` is what was done to the object itself afterwards, or is to be done.
    """

    uri: str
    version: str
    table: str
    partition: str | None
    queue: str
    state: ObjectState
    size_bytes: int
    version_id: str | None
    sequencer: str | None
    etag: str | None
    rows: int | None
    rejected_rows: int | None
    error_class: str | None
    reason: str | None
    failures: int
    batch_id: str | None
    snapshot_id: int | None
    put_at: datetime | None
    event_at: datetime | None
    claimed_at: datetime
    not_before: datetime
    committed_at: datetime | None
    settled_at: datetime | None
    deleted_at: datetime | None
    receive_count: int
    messages: tuple[MessageRecord, ...] = field(repr=False)
    batches: tuple[BatchPart, ...] = field(repr=False)
    after: ActionRecord | None = None


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    """A message that is left to the DLQ, because of all or some of its events, with the reason."""

    queue: str
    message_id: str
    reason: str
    receive_count: int
    sent_at: datetime
    received_at: datetime


def history(connection: sa.Connection, query: HistoryQuery) -> list[ObjectRecord]:
    """The object versions of the query, the newest claims first, with their messages and attempts."""
    tables = [query.table] if query.table else list(distinct_values(connection, object_versions.c.table_name))
    newest_first = heapq.merge(
        *(_newest(connection, query, where) for where in _ways(connection, query, tables)),
        key=attrgetter("claimed_at", "object_id"),
        reverse=True,
    )
    found = list(islice(newest_first, query.limit))
    ids = [row.object_id for row in found]
    named_by, parts = message_records(connection, ids), batch_parts(connection, ids)
    actions = action_records(connection, ids)
    return [
        replace(
            _record(row, named_by.get(row.object_id, ()), parts.get(row.object_id, ())),
            after=actions.get(row.object_id),
        )
        for row in found
    ]


def rejected_messages(
    connection: sa.Connection, queues: Collection[str], *, since: datetime | None, limit: int
) -> list[RejectedMessage]:
    """The messages of these queues that are left to the DLQ, last received first."""
    found: list[RejectedMessage] = []
    for queue in queues:
        query = sa.select(messages).where(
            messages.c.state == MessageState.REJECTED, messages.c.queue == queue
        )
        if since is not None:
            query = query.where(messages.c.received_at >= since)
        found += [
            RejectedMessage(
                row.queue, row.message_id, row.reason or "", row.receive_count, row.sent_at, row.received_at
            )
            for row in connection.execute(query.order_by(messages.c.received_at.desc()).limit(limit))
        ]
    return sorted(found, key=attrgetter("received_at"), reverse=True)[:limit]


def _ways(
    connection: sa.Connection, query: HistoryQuery, tables: Sequence[str]
) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that together give the answer and do not overlap. Each is served in order by one index."""
    if query.batch_id is not None:
        members = sa.select(batch_objects.c.object_id).where(batch_objects.c.batch_id == query.batch_id)
        yield sa.and_(object_versions.c.object_id.in_(members), object_versions.c.table_name.in_(tables))
        return
    uris = [exact_uri(key) for key in query.keys]
    if query.keys and all(uris):
        ids = [key_id(table, bucket, key) for table in tables for bucket, key in filter(None, uris)]
        yield object_versions.c.key_id.in_(ids)
        return
    states = query.states or (MAY_HAVE_AN_ERROR if query.error_class else ())
    for table in tables:
        of_table = object_versions.c.table_name == table
        if not states:
            yield of_table
        for state in states:
            for queue in distinct_values(
                connection, object_versions.c.queue, object_versions.c.state == state
            ):
                yield sa.and_(of_table, object_versions.c.state == state, object_versions.c.queue == queue)


def _newest(
    connection: sa.Connection, query: HistoryQuery, where: sa.ColumnElement[bool]
) -> Sequence[sa.Row[Any]]:
    committed_at = sa.case((object_versions.c.rows.is_not(None), batches.c.committed_at)).label(
        "committed_at"
    )
    statement = (
        sa.select(object_versions, committed_at)
        .outerjoin(batches, batches.c.batch_id == object_versions.c.batch_id)
        .where(where, *_conditions(connection, query))
        .order_by(object_versions.c.claimed_at.desc(), object_versions.c.object_id.desc())
        .limit(query.limit)
    )
    return connection.execute(statement).all()


def _conditions(connection: sa.Connection, query: HistoryQuery) -> Iterator[sa.ColumnElement[bool]]:
    if query.keys:
        yield sa.or_(*(matches(connection, key) for key in query.keys))
    if query.states:
        yield object_versions.c.state.in_(query.states)
    if query.error_class is not None:
        yield object_versions.c.error_class == query.error_class
    if query.since is not None:
        yield object_versions.c.claimed_at >= query.since


def _record(
    row: sa.Row[Any], named_by: tuple[MessageRecord, ...], parts: tuple[BatchPart, ...]
) -> ObjectRecord:
    deletions = [one.deleted_at for one in named_by if one.deleted_at is not None]
    return ObjectRecord(
        uri=object_uri(row.bucket, row.key), version=row.version_id or row.sequencer or row.etag or "",
        table=row.table_name, partition=row.partition_key, queue=row.queue, state=ObjectState(row.state),
        size_bytes=row.size_bytes, version_id=row.version_id, sequencer=row.sequencer, etag=row.etag,
        rows=row.rows, rejected_rows=row.rejected_rows, error_class=row.error_class, reason=row.reason,
        failures=row.attempts, batch_id=row.batch_id, snapshot_id=row.snapshot_id,
        put_at=None if row.event_time == UNKNOWN_TIME else row.event_time,
        event_at=min((one.sent_at for one in named_by), default=None),
        claimed_at=row.claimed_at, not_before=row.not_before, committed_at=row.committed_at,
        settled_at=row.settled_at,
        deleted_at=max(deletions) if deletions and len(deletions) == len(named_by) else None,
        receive_count=max((one.receive_count for one in named_by), default=0),
        messages=named_by, batches=parts,
    )  # fmt: skip
