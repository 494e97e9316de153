"""What is done to an object itself after its rows are in the table: tagged, moved or deleted.

It is planned in the transaction that settles the batch, so a crash cannot lose it. It is due once no message
can ask for the object again: every message that names it is deleted. Doing it twice has no further effect, so
it is recorded only after it was done.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.attempts import backoff
from ingest_project.ledger.model import ActionState, AfterRule, MessageState, ObjectState
from ingest_project.ledger.needed import is_in_an_open_batch
from ingest_project.ledger.sql import chunks, distinct_values, insert_ignoring, is_due
from ingest_project.ledger.tables import message_objects, messages, object_versions, source_actions
from ingest_project.settings.after_settings import ActionKind
from ingest_project.sources.object_version import ObjectVersion, object_uri

TAKES_AWAY = ("move", "delete")
LONGEST_RETENTION = timedelta(days=14)
"""SQS keeps no message for longer after it was sent."""
NOT_READ_YET = (ObjectState.PENDING, ObjectState.PLANNED)


@dataclass(frozen=True, slots=True)
class SourceAction:
    """An action that may be done now. `detail`: the tags as JSON, or the URI that the object is moved to."""

    object_id: str
    action: ActionKind
    detail: str | None
    object: ObjectVersion

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the action `tag`."""
        found: dict[str, str] = json.loads(self.detail or "{}")
        return found


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came of an action: done, skipped for good, or (`due`) failed and to be tried again."""

    object_id: str
    state: ActionState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An action in the history. `attempts` counts failures; times are UTC."""

    action: ActionKind
    detail: str | None
    state: ActionState
    attempts: int
    reason: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingActions:
    """The actions of one kind on a table's objects that are not done yet.

    `failing` of the `waiting` ones have failed before, and are tried again. `uri`, `reason` and `not_before`
    are of the one that failed most often; None if none has failed.
    """

    action: ActionKind
    waiting: int
    failing: int
    uri: str | None = None
    reason: str | None = None
    not_before: datetime | None = None


def plan_actions(
    connection: sa.Connection, batch: Any, object_ids: Collection[str], rule: AfterRule | None, now: datetime
) -> None:
    """Plan the rule's action for those of these objects that the batch has just committed.

    An object keeps the action that was done or skipped before. Without `rule.with_bad_rows`, nothing is done
    to an object of which a row was set aside.
    """
    if rule is None and not _has_any(connection):  # most ledgers: then the objects are not looked at
        return
    for chunk in chunks(object_ids):
        connection.execute(
            sa.delete(source_actions).where(
                source_actions.c.object_id.in_(chunk), source_actions.c.state == ActionState.DUE
            )
        )
        if rule is None:
            continue
        query = sa.select(object_versions.c.object_id, object_versions.c.key).where(
            object_versions.c.object_id.in_(chunk),
            object_versions.c.batch_id == batch.batch_id,
            object_versions.c.state == ObjectState.COMMITTED,
            sa.true() if rule.with_bad_rows else sa.func.coalesce(object_versions.c.rejected_rows, 0) == 0,
        )
        rows = [
            {
                "object_id": object_id, "queue": batch.queue, "action": rule.action,
                "detail": rule.detail_of(key), "state": ActionState.DUE, "attempts": 0, "not_before": now,
                "planned_at": now,
            }
            for object_id, key in connection.execute(query).all()
        ]  # fmt: skip
        insert_ignoring(connection, source_actions, rows)


def due(connection: sa.Connection, queue: str, *, limit: int, now: datetime) -> list[SourceAction]:
    """The actions that may be done now, those that wait longest first.

    None is due while a message that names the object is not deleted, while a batch may still read the object,
    or while another write of its key waits to be read.
    """
    other = object_versions.alias("other")
    another_waits = sa.select(sa.literal(1)).where(
        other.c.key_id == object_versions.c.key_id,
        other.c.state.in_(NOT_READ_YET),
        other.c.object_id != object_versions.c.object_id,
    )
    query = (
        sa.select(source_actions.c.action, source_actions.c.detail, object_versions)
        .join(object_versions, object_versions.c.object_id == source_actions.c.object_id)
        .where(
            source_actions.c.queue == queue,
            source_actions.c.state == ActionState.DUE,
            is_due(source_actions.c.not_before, now),
            object_versions.c.state.in_((ObjectState.COMMITTED, ObjectState.SUPERSEDED)),
            ~_is_named_by_a_message(now),
            ~is_in_an_open_batch(),
            ~another_waits.correlate(object_versions).exists(),
        )
        .order_by(source_actions.c.not_before, source_actions.c.object_id)
        .limit(limit)
    )
    return [_action(row) for row in connection.execute(query)]


def ended(connection: sa.Connection, results: Iterable[ActionResult], *, now: datetime) -> None:
    """Record what came of these actions; one that failed is due again after a while."""
    for one in sorted(results, key=lambda result: result.object_id):
        mine = sa.and_(source_actions.c.object_id == one.object_id, source_actions.c.state == ActionState.DUE)
        values: dict[str, Any] = {"state": one.state, "reason": one.reason, "ended_at": now}
        if one.state is ActionState.DUE:
            failures = connection.scalar(sa.select(source_actions.c.attempts).where(mine)) or 0
            values = {
                "reason": one.reason, "attempts": failures + 1, "not_before": now + backoff(failures + 1),
            }  # fmt: skip
        connection.execute(sa.update(source_actions).where(mine).values(values))


def waiting_actions(connection: sa.Connection, table: str) -> tuple[WaitingActions, ...]:
    """What is still to be done to the table's objects; reads what waits, not what was done."""
    of_action: dict[str, Any] = {"partition_by": source_actions.c.action}
    worst_first = (source_actions.c.attempts.desc(), source_actions.c.object_id)
    has_failed = sa.case((source_actions.c.attempts > 0, 1))
    queues = list(distinct_values(connection, source_actions.c.queue))
    ranked = (
        sa.select(
            source_actions, object_versions.c.bucket, object_versions.c.key,
            sa.func.row_number().over(order_by=worst_first, **of_action).label("place"),
            sa.func.count().over(**of_action).label("waiting"),
            sa.func.count(has_failed).over(**of_action).label("failing"),
        )
        .join(object_versions, object_versions.c.object_id == source_actions.c.object_id)
        .where(
            source_actions.c.queue.in_(queues),
            source_actions.c.state == ActionState.DUE,
            object_versions.c.table_name == table,
        )
        .subquery()
    )  # fmt: skip
    query = sa.select(ranked).where(ranked.c.place == 1).order_by(ranked.c.action)
    return tuple(
        WaitingActions(
            row.action, row.waiting, row.failing, object_uri(row.bucket, row.key), row.reason, row.not_before
        )
        if row.failing
        else WaitingActions(row.action, row.waiting, 0)
        for row in connection.execute(query)
    )


def taken_away(connection: sa.Connection, key_ids: Collection[str]) -> set[str]:
    """Those of these keys with a committed version that we moved or deleted, or may have since it was due."""
    found: set[str] = set()
    for chunk in chunks(key_ids):
        query = (
            sa.select(object_versions.c.key_id)
            .join(source_actions, source_actions.c.object_id == object_versions.c.object_id)
            .where(
                object_versions.c.key_id.in_(chunk),
                object_versions.c.state == ObjectState.COMMITTED,
                source_actions.c.action.in_(TAKES_AWAY),
                source_actions.c.state != ActionState.SKIPPED,
            )
        )
        found.update(connection.scalars(query))
    return found


def action_records(connection: sa.Connection, object_ids: Sequence[str]) -> Mapping[str, ActionRecord]:
    """What was done to each of these object versions itself, or is to be done."""
    found: dict[str, ActionRecord] = {}
    for chunk in chunks(object_ids):
        query = sa.select(source_actions).where(source_actions.c.object_id.in_(chunk))
        for row in connection.execute(query):
            found[row.object_id] = ActionRecord(
                row.action, row.detail, ActionState(row.state), row.attempts, row.reason, row.ended_at
            )
    return found


def _has_any(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(sa.literal(1)).select_from(source_actions).limit(1)) is not None


def _is_named_by_a_message(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a message that SQS may still deliver names the object.

    SQS may refuse to delete a message because it is gone, as after a crash between its deletion and the
    record of it. Then nothing ever says so; but it cannot come any more after the longest retention.
    """
    is_gone = sa.and_(
        messages.c.state == MessageState.OPEN,
        messages.c.receipt_handle.is_(None),
        messages.c.received_at <= now - LONGEST_RETENTION,
    )
    naming = sa.and_(
        messages.c.queue == message_objects.c.queue, messages.c.message_id == message_objects.c.message_id
    )
    return (
        sa.select(sa.literal(1))
        .select_from(message_objects.join(messages, naming))
        .where(
            message_objects.c.object_id == object_versions.c.object_id,
            messages.c.state != MessageState.DELETED,
            ~is_gone,
        )
        .correlate(object_versions)
        .exists()
    )


def _action(row: Any) -> SourceAction:
    item = ObjectVersion(
        bucket=row.bucket, key=row.key, size_bytes=row.size_bytes, event_time=row.event_time,
        version_id=row.version_id, sequencer=row.sequencer, etag=row.etag,
    )  # fmt: skip
    return SourceAction(row.object_id, row.action, row.detail, item)
