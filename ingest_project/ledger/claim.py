"""Claims received messages: records each object version once, whatever SQS redelivers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger import job_records, message_contents
from ingest_project.ledger.model import ClaimResult, MessageState, ObjectState
from ingest_project.ledger.settle import settle_unread
from ingest_project.ledger.sql import chunks, exclusively, insert, insert_ignoring
from ingest_project.ledger.tables import (
    message_objects,
    messages,
    object_and_key_id,
    object_id,
    object_versions,
)
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim

NOT_READ_YET = (ObjectState.PENDING, ObjectState.FAILED)
TOLD = ("partition_key", "sequencer", "etag", "size_bytes", "event_time")
"""What a message says about a version besides its identity."""


def claim(
    connection: sa.Connection,
    queue: str,
    claims: Sequence[Claim],
    *,
    now: datetime,
    invisible_until: datetime,
) -> ClaimResult:
    """Record messages and the object versions that they name.

    A redelivered message updates its receipt handle. A known version stays as it is, unless a message names
    it that the ledger does not know, as after a DLQ redrive or a new notification. Then a failed version is
    tried again, and one that is in no batch takes the newer message's time, size and partition, because the
    first message may have been wrong. What its table passes over is settled as skipped, with the rule as its
    reason.
    """
    if not claims:
        return ClaimResult()
    exclusively(connection, queue)
    new_message_ids = _unknown_messages(connection, queue, claims)
    _upsert_messages(connection, queue, claims, invisible_until)
    named = _named(queue, claims, now)
    in_order = sorted((row for rows in named for row in rows), key=itemgetter("object_id"))
    rows = {row["object_id"]: row for row in in_order}
    known = _known_objects(connection, rows)
    insert_ignoring(connection, object_versions, [row for key, row in rows.items() if key not in known])
    insert_ignoring(connection, message_objects, list(_links(queue, claims, named)))
    named_anew = {
        row["object_id"]
        for item, of_message in zip(claims, named, strict=True)
        if item.message.message_id in new_message_ids
        for row in of_message
    }
    told_anew = [one for one in sorted(named_anew) if known.get(one) in NOT_READ_YET]
    _update_told(connection, [rows[one] for one in told_anew])
    unread = {one for one in rows if known.get(one) in (None, *NOT_READ_YET)}
    contents = {one: content for one, content in _contents(claims, named) if one in unread}
    message_contents.keep(connection, contents, newer=[one for one in told_anew if one in contents])
    failed = [one for one in named_anew if known.get(one) == ObjectState.FAILED]
    skipped = [(one, rows[one]["reason"]) for one in failed if rows[one]["state"] == ObjectState.SKIPPED]
    settle_unread(connection, skipped, state=ObjectState.SKIPPED, now=now)
    _revive(connection, set(failed) - {one for one, _ in skipped}, now)
    cancelled = job_records.record_claimed(connection, queue, claims)
    settle_unread(connection, cancelled, state=ObjectState.SKIPPED, now=now)
    return ClaimResult(
        messages=len(claims),
        rejected_messages=sum(1 for item in claims if item.rejected),
        new_objects=len(rows) - len(known),
        known_objects=len(known),
    )


def routed_object_id(routed: RoutedObject) -> str:
    """The ledger's id of a routed object version."""
    return object_id(routed.table, routed.object.bucket, routed.object.key, routed.object.version)


def object_row(routed: RoutedObject, *, queue: str, state: ObjectState, now: datetime) -> dict[str, Any]:
    """A row of `object_versions` for a version that the ledger does not know yet."""
    item = routed.object
    identity, of_key = object_and_key_id(routed.table, item.bucket, item.key, item.version)
    return {
        "object_id": identity,
        "key_id": of_key,
        "queue": queue,
        "table_name": routed.table,
        "partition_key": routed.partition_key,
        "bucket": item.bucket,
        "key": item.key,
        "version_id": item.version_id,
        "sequencer": item.sequencer,
        "etag": item.etag,
        "size_bytes": item.size_bytes,
        "event_time": item.event_time,
        "claimed_at": now,
        "state": state,
        "attempts": 0,
        "not_before": now,
    }


def _unknown_messages(connection: sa.Connection, queue: str, claims: Sequence[Claim]) -> set[str]:
    ids = {item.message.message_id for item in claims}
    known: set[str] = set()
    for chunk in chunks(ids):
        query = sa.select(messages.c.message_id).where(
            messages.c.queue == queue, messages.c.message_id.in_(chunk)
        )
        known.update(connection.scalars(query))
    return ids - known


def _upsert_messages(
    connection: sa.Connection, queue: str, claims: Sequence[Claim], invisible_until: datetime
) -> None:
    statement = insert(connection, messages)
    updated = ("receipt_handle", "state", "reason", "receive_count", "received_at", "invisible_until")
    upsert = statement.on_conflict_do_update(
        index_elements=["queue", "message_id"],
        set_={name: statement.excluded[name] for name in updated},
        # Only the newest receipt handle works. A refused one is null: any later one replaces it, whatever its
        # time.
        where=sa.or_(
            statement.excluded.received_at >= messages.c.received_at, messages.c.receipt_handle.is_(None)
        ),
    )
    connection.execute(upsert, [_message_row(queue, item, invisible_until) for item in claims])


def _message_row(queue: str, item: Claim, invisible_until: datetime) -> dict[str, Any]:
    return {
        "queue": queue,
        "message_id": item.message.message_id,
        "receipt_handle": item.message.receipt_handle,
        "state": MessageState.REJECTED if item.rejected else MessageState.OPEN,
        "reason": item.reason,
        "receive_count": item.message.receive_count,
        "sent_at": item.message.sent_at,
        "received_at": item.message.received_at,
        "invisible_until": invisible_until,
    }


_Rows = list[dict[str, Any]]
"""Rows of object versions."""


def _named(queue: str, claims: Sequence[Claim], now: datetime) -> list[_Rows]:
    """For each message a row for each object version that it names: their ids are computed only here."""
    return [[_named_row(queue, routed, now) for routed in item.objects] for item in claims]


def _named_row(queue: str, routed: RoutedObject, now: datetime) -> dict[str, Any]:
    skipped = routed.passed_over is not None
    row = object_row(
        routed, queue=queue, state=ObjectState.SKIPPED if skipped else ObjectState.PENDING, now=now
    )
    row["reason"] = routed.passed_over
    row["settled_at"] = now if skipped else None
    return row


def _contents(claims: Sequence[Claim], named: Sequence[_Rows]) -> Iterable[tuple[str, bytes]]:
    """The contents that came with the messages themselves, by object id."""
    for item, rows in zip(claims, named, strict=True):
        for routed, row in zip(item.objects, rows, strict=True):
            if routed.content is not None:
                yield row["object_id"], routed.content


def _known_objects(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The states of those ids that the ledger knows."""
    known: dict[str, str] = {}
    for chunk in chunks(ids):
        query = sa.select(object_versions.c.object_id, object_versions.c.state).where(
            object_versions.c.object_id.in_(chunk)
        )
        known.update({object_id: state for object_id, state in connection.execute(query)})  # noqa: C416
    return known


def _links(queue: str, claims: Sequence[Claim], named: Sequence[_Rows]) -> Iterable[dict[str, str]]:
    for item, rows in zip(claims, named, strict=True):
        for identity in {row["object_id"] for row in rows}:
            yield {"queue": queue, "message_id": item.message.message_id, "object_id": identity}


def _update_told(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Let what these rows say replace what an earlier message said of the same versions."""
    if rows:
        connection.execute(
            sa.update(object_versions)
            .where(
                object_versions.c.object_id == sa.bindparam("known_id"),
                # The same text may be a version id in one message and a sequencer in another.
                sa.func.coalesce(object_versions.c.version_id, "") == sa.bindparam("known_version"),
            )
            .values({name: sa.bindparam(f"told_{name}") for name in TOLD}),
            [
                {
                    "known_id": row["object_id"],
                    "known_version": row["version_id"] or "",
                    **{f"told_{name}": row[name] for name in TOLD},
                }
                for row in rows
            ],
        )


def _revive(connection: sa.Connection, ids: Collection[str], now: datetime) -> None:
    job_records.mirror_again(connection, ids)
    for chunk in chunks(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk))
            .values(state=ObjectState.PENDING, attempts=0, not_before=now, batch_id=None)
        )
