"""The conditions under which `prune` may forget a row of the ledger's history, or must keep it."""

from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger.model import SETTLED, ActionState, BatchState, MessageState
from ingest_project.ledger.tables import (
    batch_objects,
    batches,
    is_job,
    jobs,
    message_objects,
    messages,
    object_versions,
    source_actions,
)


def is_gone_from_sqs(before: datetime) -> sa.ColumnElement[bool]:
    """Whether a message is deleted, or so old that SQS has dropped it and all that it names is settled."""
    links, named = message_objects.alias("links"), object_versions.alias("named")
    unsettled = (
        sa.select(sa.literal(1))
        .select_from(links.join(named, named.c.object_id == links.c.object_id))
        .where(
            links.c.queue == messages.c.queue,
            links.c.message_id == messages.c.message_id,
            named.c.state.not_in(SETTLED),
        )
        .correlate(messages)
    )
    deleted = sa.and_(messages.c.state == MessageState.DELETED, messages.c.deleted_at < before)
    expired = sa.and_(messages.c.state != MessageState.DELETED, ~unsettled.exists())
    return sa.and_(messages.c.received_at < before, sa.or_(deleted, expired))


def is_named_by_a_kept_message(before: datetime) -> sa.ColumnElement[bool]:
    """Whether a message that names the object version may still be in SQS, or must be kept in the ledger."""
    naming = sa.and_(
        messages.c.queue == message_objects.c.queue, messages.c.message_id == message_objects.c.message_id
    )
    return (
        sa.select(sa.literal(1))
        .select_from(message_objects.join(messages, naming))
        .where(message_objects.c.object_id == object_versions.c.object_id, sa.not_(is_gone_from_sqs(before)))
        .correlate(object_versions)
        .exists()
    )


def came_lately(before: datetime) -> sa.ColumnElement[bool]:
    """Whether a message that names the object version was received so lately that SQS may still hold it.

    Of a job that failed too, whose message has gone to the DLQ.
    """
    naming = sa.and_(
        messages.c.queue == message_objects.c.queue, messages.c.message_id == message_objects.c.message_id
    )
    return (
        sa.select(sa.literal(1))
        .select_from(message_objects.join(messages, naming))
        .where(
            message_objects.c.object_id == object_versions.c.object_id,
            sa.or_(messages.c.received_at >= before, messages.c.deleted_at >= before),
        )
        .correlate(object_versions)
        .exists()
    )


def is_of_a_kept_job() -> sa.ColumnElement[bool]:
    """Whether the batch is one of a job that the ledger still has, and whose times it tells."""
    return sa.and_(
        is_job(batches.c.table_name),
        sa.select(sa.literal(1))
        .select_from(batch_objects.join(jobs, jobs.c.object_id == batch_objects.c.object_id))
        .where(batch_objects.c.batch_id == batches.c.batch_id)
        .correlate(batches)
        .exists(),
    )


def is_in_an_open_batch() -> sa.ColumnElement[bool]:
    """Whether a batch that is not settled ingests the object version or takes its rows out."""
    return (
        sa.select(sa.literal(1))
        .select_from(batch_objects.join(batches, batches.c.batch_id == batch_objects.c.batch_id))
        .where(
            batch_objects.c.object_id == object_versions.c.object_id, batches.c.state == BatchState.PLANNED
        )
        .correlate(object_versions)
        .exists()
    )


def has_an_open_action() -> sa.ColumnElement[bool]:
    """Whether something is still to be done to the object itself."""
    return (
        sa.select(sa.literal(1))
        .where(
            source_actions.c.object_id == object_versions.c.object_id,
            source_actions.c.state == ActionState.DUE,
        )
        .correlate(object_versions)
        .exists()
    )
