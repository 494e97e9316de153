"""The messages that SQS still holds: which may be deleted, and which must stay invisible for longer."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from ingest_project.ledger.model import SETTLED, MessageState, ObjectState, OpenMessage
from ingest_project.ledger.sql import chunks, exclusively
from ingest_project.ledger.tables import message_objects, messages, object_versions

LONGEST_INVISIBLE = timedelta(hours=12)
"""SQS hides a message for at most this long from its receipt
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html)."""


def deletable(connection: sa.Connection, queue: str, *, limit: int) -> list[OpenMessage]:
    """Messages with a usable receipt handle whose object versions are all settled.

    An open message without object versions is among them: it was skipped by rule, like s3:TestEvent.
    """
    unsettled = _objects_of_message().where(object_versions.c.state.not_in(SETTLED)).exists()
    return _select(connection, queue, ~unsettled, limit=limit)


def to_extend(
    connection: sa.Connection, queue: str, *, timeout: timedelta, now: datetime
) -> list[OpenMessage]:
    """Messages with pending or planned versions whose visibility timeout is more than half over.

    A message whose unsettled versions have all failed is not extended: SQS redelivers it, and moves it to the
    DLQ in the end.
    """
    in_progress = object_versions.c.state.in_((ObjectState.PENDING, ObjectState.PLANNED))
    return _select(
        connection,
        queue,
        _objects_of_message().where(in_progress).exists(),
        messages.c.invisible_until <= now + timeout / 2,
        messages.c.received_at > now - LONGEST_INVISIBLE,
    )


def extended(connection: sa.Connection, queue: str, ids: Iterable[str], *, invisible_until: datetime) -> None:
    """Record that SQS keeps these messages invisible until then."""
    _update(connection, queue, ids, {"invisible_until": invisible_until})


def deleted(connection: sa.Connection, queue: str, ids: Iterable[str], *, now: datetime) -> None:
    """Record that SQS has deleted these messages."""
    _update(
        connection, queue, ids, {"state": MessageState.DELETED, "deleted_at": now, "receipt_handle": None}
    )


def handle_refused(connection: sa.Connection, queue: str, ids: Iterable[str]) -> None:
    """Forget receipt handles that SQS no longer accepts; the messages' next delivery brings new ones."""
    _update(connection, queue, ids, {"receipt_handle": None})


def _objects_of_message() -> sa.Select[int]:
    return (
        sa.select(sa.literal(1))
        .select_from(message_objects)
        .join(object_versions, object_versions.c.object_id == message_objects.c.object_id)
        .where(
            message_objects.c.queue == messages.c.queue,
            message_objects.c.message_id == messages.c.message_id,
        )
        .correlate(messages)
    )


def _select(
    connection: sa.Connection, queue: str, *where: sa.ColumnElement[bool], limit: int | None = None
) -> list[OpenMessage]:
    query = (
        sa.select(
            messages.c.message_id,
            messages.c.receipt_handle,
            messages.c.received_at,
            messages.c.invisible_until,
        )
        .where(
            messages.c.queue == queue,
            messages.c.state == MessageState.OPEN,
            messages.c.receipt_handle.is_not(None),
            *where,
        )
        .limit(limit)
    )
    return [OpenMessage(*row) for row in connection.execute(query)]


def _update(connection: sa.Connection, queue: str, ids: Iterable[str], values: dict[str, object]) -> None:
    exclusively(connection, queue)  # a claim updates the same rows in another order
    for chunk in chunks(ids):
        connection.execute(
            sa.update(messages)
            .where(messages.c.queue == queue, messages.c.message_id.in_(chunk))
            .values(values)
        )
