"""Settles what a batch could not ingest: each object alone, by the action that its table has for its class of errors."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.attempts import backoff
from ingest_project.batches.model import FailedObject, ObjectState
from ingest_project.batches.tables import object_versions
from ingest_project.settings.error_classes import ERROR_CLASSES

MAX_OBJECT_ATTEMPTS = 6
"""After so many failures of one object that is to be retried, some three minutes by the backoff, it is released, unless
S3 itself is at fault."""

COLUMNS = ("state", "attempts", "not_before", "error_class", "reason", "settled_at")


def settle_failed(
    connection: sa.Connection, batch_id: str, failures: Iterable[FailedObject], now: datetime
) -> None:
    """Give each object alone back to the planner, release it to the DLQ's way, or settle it as its action says.

    A version whose rows an earlier batch committed, and that a rebuild could not read again, stays committed; one
    that was parked or skipped before stays so.
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
    """With `ignore`, other writes of a committed key that failed are not to be ingested any more.

    With `replace` the planner supersedes them as soon as it sees the newer write; with `append` each write counts.
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
            object_versions.c.state.in_((ObjectState.FAILED, ObjectState.QUARANTINED)),
        )
        .values(
            state=ObjectState.SKIPPED,
            reason="on_overwrite is ignore and another write of the key is in the table",
            settled_at=now,
        )
    )


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
