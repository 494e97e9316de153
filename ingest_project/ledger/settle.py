"""Settles object versions: those of a batch, in one transaction with it, and those that will not be read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.attempt_log import log_end
from ingest_project.ledger.attempts import confirmed_objects, lock_batch
from ingest_project.ledger.failed_objects import settle_failed, skip_failed_writes, skip_gone
from ingest_project.ledger.message_contents import drop_committed
from ingest_project.ledger.model import (
    AttemptOutcome,
    BatchKind,
    BatchOutcome,
    BatchState,
    FailedObject,
    ObjectState,
)
from ingest_project.ledger.replaced_rows import supersede_replaced
from ingest_project.ledger.source_actions import plan_actions
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import batch_objects, batches, object_versions
from ingest_project.ledger.unreported import add_unreported
from ingest_project.ledger.versions_of_key import NOT_INGESTED
from ingest_project.settings.job_settings import kind_of_table


def settle(
    connection: sa.Connection, batch_id: str, *, run_id: str, outcome: BatchOutcome, now: datetime
) -> int:
    """Record how the batch ended; returns how many failures of objects that S3 does not hold it settled.

    A second call changes nothing. Raises BatchNotFound, and BatchSuperseded if another run owns the batch.
    """
    batch = lock_batch(connection, batch_id)
    if batch.state != BatchState.PLANNED:
        return 0
    if batch.run_id != run_id:
        raise BatchSuperseded(batch_id)
    rows = {**_empty_objects(connection, batch_id, outcome), **outcome.rows}
    _settle_committed(connection, batch, rows, outcome, now)
    drop_committed(connection, batch_id)
    supersede_replaced(connection, batch, now)
    skip_failed_writes(connection, batch, now)
    _settle_superseded(connection, batch_id, outcome.superseded, now)
    settle_failed(connection, batch_id, outcome.failures, now)
    gone = skip_gone(connection, batch_id, now)
    _return_the_rest(connection, batch_id, now)
    plan_actions(connection, batch, rows, outcome.after, now)
    _log_objects(connection, batch_id, rows, outcome)
    _close(connection, batch, outcome, now)
    return gone


def settle_unread(
    connection: sa.Connection, reasons: Sequence[tuple[str, str]], *, state: ObjectState, now: datetime
) -> None:
    """Settle object versions that will not be read, each with its reason."""
    if reasons:
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id == sa.bindparam("settled_id"))
            .values(state=state, reason=sa.bindparam("settled_reason"), settled_at=now, batch_id=None),
            [{"settled_id": object_id, "settled_reason": reason} for object_id, reason in sorted(reasons)],
        )


def _empty_objects(connection: sa.Connection, batch_id: str, outcome: BatchOutcome) -> dict[str, int]:
    """The objects that were committed without a row, each with 0 rows.

    A run that finds the batch committed by an earlier run reads the rows of each object back from the table,
    which does not show these objects.
    """
    failed = {failure.object_id for failure in outcome.failures}
    return dict.fromkeys(confirmed_objects(connection, batch_id) - failed, 0)


def _settle_committed(
    connection: sa.Connection, batch: Any, rows: Mapping[str, int], outcome: BatchOutcome, now: datetime
) -> None:
    """Only versions that are still this batch's: what a rebuild took before is not in the commit."""
    of_id = object_versions.c.object_id == sa.bindparam("settled_id")
    if batch.kind == BatchKind.INGEST:
        # Its own versions have its id: to set it again would write the index of batches again.
        statement = sa.update(object_versions).where(of_id, object_versions.c.batch_id == batch.batch_id)
    else:
        statement = sa.update(object_versions).where(of_id).values(batch_id=batch.batch_id)
    statement = statement.values(
        state=ObjectState.COMMITTED, rows=sa.bindparam("settled_rows"),
        snapshot_id=outcome.snapshot_id, settled_at=now, error_class=None, reason=None,
        rejected_rows=sa.bindparam("settled_rejected"),
    )  # fmt: skip
    if rows:
        connection.execute(
            statement,
            [
                {"settled_id": key, "settled_rows": count, "settled_rejected": outcome.rejected_rows.get(key)}
                for key, count in sorted(rows.items())
            ],
        )


def _settle_superseded(
    connection: sa.Connection, batch_id: str, reasons: Mapping[str, str], now: datetime
) -> None:
    """Settle the batch's own objects and waiting ones, but not what is in another batch by now."""
    mine = sa.and_(object_versions.c.state == ObjectState.PLANNED, object_versions.c.batch_id == batch_id)
    for reason in sorted(set(reasons.values())):
        for chunk in chunks(object_id for object_id, one in reasons.items() if one == reason):
            connection.execute(
                sa.update(object_versions)
                .where(
                    object_versions.c.object_id.in_(chunk),
                    sa.or_(object_versions.c.state.in_(NOT_INGESTED), mine),
                )
                .values(state=ObjectState.SUPERSEDED, reason=reason, settled_at=now, batch_id=None)
            )


def _return_the_rest(connection: sa.Connection, batch_id: str, now: datetime) -> None:
    connection.execute(
        sa.update(object_versions)
        .where(object_versions.c.batch_id == batch_id, object_versions.c.state == ObjectState.PLANNED)
        .values(state=ObjectState.PENDING, batch_id=None, not_before=now)
    )


def _log_objects(
    connection: sa.Connection, batch_id: str, rows: Mapping[str, int], outcome: BatchOutcome
) -> None:
    """Record what became of each object in this batch: another batch may have a different result later."""
    made: dict[str, tuple[int | None, str | None, str | None]] = {
        **{object_id: (count, None, None) for object_id, count in rows.items()},
        **{object_id: (None, None, reason) for object_id, reason in outcome.superseded.items()},
        **{one.object_id: (None, one.error_class, one.reason) for one in outcome.failures},
    }
    if made:
        connection.execute(
            sa.update(batch_objects)
            .where(batch_objects.c.batch_id == batch_id, batch_objects.c.object_id == sa.bindparam("made_of"))
            .values(
                rows=sa.bindparam("made_rows"),
                error_class=sa.bindparam("made_class"),
                reason=sa.bindparam("made_reason"),
                rejected_rows=sa.bindparam("made_rejected"),
            ),
            [
                {
                    "made_of": object_id,
                    "made_rows": count,
                    "made_class": error_class,
                    "made_reason": reason,
                    "made_rejected": outcome.rejected_rows.get(object_id),
                }
                for object_id, (count, error_class, reason) in sorted(made.items())
            ],
        )


def _close(connection: sa.Connection, batch: Any, outcome: BatchOutcome, now: datetime) -> None:
    batch_id = batch.batch_id
    failed = not outcome.rows and outcome.failures
    if not failed and kind_of_table(batch.table_name) is None:
        add_unreported(connection, batch.queue, batch_id, now=now)
    error_class = outcome.failures[0].error_class if outcome.failures else None
    # The attempt itself has no error: the history shows those of the objects.
    log_end(connection, batch_id, AttemptOutcome.FAILED if failed else AttemptOutcome.COMMITTED, now=now)
    connection.execute(
        sa.update(batches)
        .where(batches.c.batch_id == batch_id)
        .values(
            state=BatchState.FAILED if failed else BatchState.COMMITTED, rows=sum(outcome.rows.values()),
            snapshot_id=outcome.snapshot_id, committed_at=outcome.committed_at, settled_at=now,
            heartbeat_at=None, rejected_rows=sum(outcome.rejected_rows.values()) or None,
            error=_summary(outcome.failures), error_class=error_class,
        )
    )  # fmt: skip


def _summary(failures: Sequence[FailedObject]) -> str | None:
    if not failures:
        return None
    more = f" (and {len(failures) - 1} more objects)" if len(failures) > 1 else ""
    return f"{failures[0].reason}{more}"
