"""Claims received messages: the step that makes an object version known, once, whatever SQS delivers again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.model import Claim, ClaimResult, MessageState, ObjectState
from ingest_project.batches.sql import exclusively, insert, insert_ignoring, portions
from ingest_project.batches.tables import key_id, message_objects, messages, object_id, object_versions
from ingest_project.events.routing import RoutedObject


def claim(
    connection: sa.Connection,
    queue: str,
    claims: Sequence[Claim],
    *,
    now: datetime,
    invisible_until: datetime,
) -> ClaimResult:
    """Record messages and the object versions that they name.

    A redelivered message updates its receipt handle. A version that the ledger knows stays as it is, with one
    exception: one that failed is tried again when a message names it that the ledger has never seen, which is what
    a DLQ redrive or a new notification brings, and a mere redelivery does not.
    """
    if not claims:
        return ClaimResult(0, 0, 0, 0)
    exclusively(connection, queue)
    new_message_ids = _unknown_messages(connection, queue, claims)
    _upsert_messages(connection, queue, claims, invisible_until)
    rows = {
        row["object_id"]: row for row in sorted(_object_rows(queue, claims, now), key=itemgetter("object_id"))
    }
    known = _known_objects(connection, rows)
    insert_ignoring(connection, object_versions, [row for key, row in rows.items() if key not in known])
    insert_ignoring(connection, message_objects, list(_links(queue, claims)))
    named_anew = _named_by(claims, new_message_ids)
    _revive(connection, [one for one in named_anew if known.get(one) == ObjectState.FAILED], now)
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
    return {
        "object_id": routed_object_id(routed),
        "key_id": key_id(routed.table, item.bucket, item.key),
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
    for portion in portions(ids):
        query = sa.select(messages.c.message_id).where(
            messages.c.queue == queue, messages.c.message_id.in_(portion)
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
        where=statement.excluded.received_at
        >= messages.c.received_at,  # only the newest receipt handle works
    )
    connection.execute(upsert, [_message_row(queue, item, invisible_until) for item in claims])


def _message_row(queue: str, item: Claim, invisible_until: datetime) -> dict[str, Any]:
    return {
        "queue": queue,
        "message_id": item.message.message_id,
        "receipt_handle": item.message.receipt_handle,
        "state": MessageState.REJECTED if item.rejected else MessageState.OPEN,
        "reason": "; ".join(item.rejected) or None,
        "receive_count": item.message.receive_count,
        "sent_at": item.message.sent_at,
        "received_at": item.message.received_at,
        "invisible_until": invisible_until,
    }


def _object_rows(queue: str, claims: Sequence[Claim], now: datetime) -> Iterable[dict[str, Any]]:
    for item in claims:
        for routed in item.objects:
            yield object_row(routed, queue=queue, state=ObjectState.PENDING, now=now)


def _known_objects(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The states of those that the ledger knows."""
    known: dict[str, str] = {}
    for portion in portions(ids):
        query = sa.select(object_versions.c.object_id, object_versions.c.state).where(
            object_versions.c.object_id.in_(portion)
        )
        known.update({object_id: state for object_id, state in connection.execute(query)})  # noqa: C416
    return known


def _links(queue: str, claims: Sequence[Claim]) -> Iterable[dict[str, str]]:
    for item in claims:
        for identity in {routed_object_id(routed) for routed in item.objects}:
            yield {"queue": queue, "message_id": item.message.message_id, "object_id": identity}


def _named_by(claims: Sequence[Claim], message_ids: set[str]) -> set[str]:
    return {
        routed_object_id(routed)
        for item in claims
        if item.message.message_id in message_ids
        for routed in item.objects
    }


def _revive(connection: sa.Connection, ids: Iterable[str], now: datetime) -> None:
    for portion in portions(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion))
            .values(state=ObjectState.PENDING, attempts=0, not_before=now, batch_id=None)
        )
