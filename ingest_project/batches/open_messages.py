"""The messages that SQS still holds for us: which may be deleted, and which must stay invisible for longer."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from ingest_project.batches.model import SETTLED, MessageState, ObjectState, OpenMessage
from ingest_project.batches.sql import exclusively, portions
from ingest_project.batches.tables import message_objects, messages, object_versions

LONGEST_INVISIBLE = timedelta(hours=12)
"""SQS hides a message for at most this long from its receipt
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html)."""


def deletable(connection: sa.Connection, queue: str, *, limit: int) -> list[OpenMessage]:
    """Messages all of whose object versions are settled, and that hold a usable receipt handle.

    A message that names no object version at all is among them when it was skipped by rule, like s3:TestEvent.
    """
    unsettled = _objects_of_message().where(object_versions.c.state.not_in(SETTLED)).exists()
    return _select(connection, queue, ~unsettled, limit=limit)


def to_extend(
    connection: sa.Connection, queue: str, *, timeout: timedelta, now: datetime
) -> list[OpenMessage]:
    """Messages of waiting or working batches whose visibility timeout is more than half gone.

    A message all of whose open versions have failed is let go: SQS shows it again, and in the end moves it to the DLQ.
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
    """Forget receipt handles that SQS no longer takes; the messages' next delivery brings new ones."""
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
    exclusively(connection, queue)  # a claim updates the same rows, in an order of its own
    for portion in portions(ids):
        connection.execute(
            sa.update(messages)
            .where(messages.c.queue == queue, messages.c.message_id.in_(portion))
            .values(values)
        )
