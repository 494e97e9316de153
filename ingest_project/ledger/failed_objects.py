"""Records what a batch could not ingest: each object by the action that its table has for the error class.

Also settles earlier failures that need not be read any more, now that the batch is settled.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.attempts import backoff
from ingest_project.ledger.model import UNREAD, BatchRole, FailedObject, ObjectState
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import batch_objects, object_versions
from ingest_project.settings.error_classes import ERROR_CLASSES

MAX_OBJECT_ATTEMPTS = 6
"""An object with the action `retry` is released after so many failures, about three minutes by the backoff.

Error classes that are `endless` are exempt: S3 itself is at fault."""

COLUMNS = ("state", "attempts", "not_before", "error_class", "reason", "settled_at")


def settle_failed(
    connection: sa.Connection, batch_id: str, failures: Iterable[FailedObject], now: datetime
) -> None:
    """Apply each object's action: give it back to the planner, leave its message to the DLQ, or settle it.

    A version that is not planned by this batch keeps its state: one that a rebuild could not read again stays
    committed, parked or skipped.
    """
    query = sa.select(object_versions.c.object_id, object_versions.c.attempts).where(
        object_versions.c.batch_id == batch_id, object_versions.c.state == ObjectState.PLANNED
    )
    attempts = {object_id: count + 1 for object_id, count in connection.execute(query)}
    failed = [
        _row(failure, attempts[failure.object_id], now)
        for failure in failures
        if failure.object_id in attempts
    ]
    if failed:
        statement = (
            sa.update(object_versions)
            .where(object_versions.c.object_id == sa.bindparam("failed_id"))
            .values(batch_id=None, **{name: sa.bindparam(f"failed_{name}") for name in COLUMNS})
        )
        connection.execute(statement, failed)


def skip_failed_writes(connection: sa.Connection, batch: Any, now: datetime) -> None:
    """With `ignore`, settle failed writes of the keys that this batch committed: they are not needed.

    With `replace`, the newer write supersedes them when it is settled; with `append`, each write counts.
    """
    if batch.on_overwrite != "ignore":
        return
    own_keys = sa.select(object_versions.c.key_id).where(
        object_versions.c.batch_id == batch.batch_id, object_versions.c.state == ObjectState.COMMITTED
    )
    connection.execute(
        sa.update(object_versions)
        .where(
            object_versions.c.key_id.in_(own_keys),
            object_versions.c.state.in_(UNREAD),
        )
        .values(
            state=ObjectState.SKIPPED,
            reason="on_overwrite is ignore and another write of the key is in the table",
            settled_at=now,
        )
    )


def skip_gone(connection: sa.Connection, batch_id: str, now: datetime) -> int:
    """Settle what had failed when a rebuild was planned and is not in its listing; returns how many.

    What was put back, or named by a new message, since then is tried again instead.
    """
    query = (
        sa.select(batch_objects.c.object_id)
        .join(object_versions, object_versions.c.object_id == batch_objects.c.object_id)
        .where(
            batch_objects.c.batch_id == batch_id,
            batch_objects.c.role == BatchRole.GONE,
            object_versions.c.state.in_(UNREAD),
        )
    )
    gone = list(connection.scalars(query))
    reason = f"S3 did not list the object for the rebuild {batch_id}"
    for chunk in chunks(gone):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk), object_versions.c.state.in_(UNREAD))
            .values(state=ObjectState.SKIPPED, reason=reason, settled_at=now)
        )
        connection.execute(
            sa.update(batch_objects)
            .where(batch_objects.c.batch_id == batch_id, batch_objects.c.object_id.in_(chunk))
            .values(reason="S3 did not list the object")
        )
    return len(gone)


def _row(failure: FailedObject, attempts: int, now: datetime) -> dict[str, object]:
    state = _state(failure, attempts)
    settled = state in {ObjectState.QUARANTINED, ObjectState.SKIPPED}
    return {
        "failed_id": failure.object_id,
        "failed_state": state,
        "failed_attempts": attempts,
        "failed_not_before": now + backoff(attempts),
        "failed_error_class": failure.error_class,
        "failed_reason": failure.reason,
        "failed_settled_at": now if settled else None,
    }


def _state(failure: FailedObject, attempts: int) -> ObjectState:
    match failure.action:
        case "park":
            return ObjectState.QUARANTINED
        case "acknowledge":
            return ObjectState.SKIPPED
        case "retry" if attempts < MAX_OBJECT_ATTEMPTS or _is_endless(failure.error_class):
            return ObjectState.PENDING
        case _:
            return ObjectState.FAILED


def _is_endless(error_class: str) -> bool:
    known = ERROR_CLASSES.get(error_class)
    return known is not None and known.endless
