"""The log of attempts: which run began a batch and when, and how it ended.

Used for the history, and by `poison.py`, which counts the attempts that died.
"""

from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger.model import AttemptOutcome
from ingest_project.ledger.tables import attempts


def log_start(
    connection: sa.Connection, batch_id: str, *, number: int, attempt: int, run_id: str, now: datetime
) -> None:
    """Record that a run began the batch, and that an attempt still under way has ended."""
    log_end(
        connection,
        batch_id,
        AttemptOutcome.SUPERSEDED,
        now=now,
        run_id=run_id,
        error="the run began again: a rebuild had taken objects of the batch",
    )
    log_end(
        connection, batch_id, AttemptOutcome.SUPERSEDED, now=now, error=f"run {run_id} took the batch over"
    )
    connection.execute(
        sa.insert(attempts).values(
            batch_id=batch_id, number=number, attempt=attempt, run_id=run_id, started_at=now
        )
    )


def log_end(
    connection: sa.Connection,
    batch_id: str,
    outcome: AttemptOutcome,
    *,
    now: datetime,
    run_id: str | None = None,
    error_class: str | None = None,
    error: str | None = None,
) -> None:
    """Record how the batch's current attempt ended, if there is one; with `run_id`, only that run's."""
    under_way = sa.and_(attempts.c.batch_id == batch_id, attempts.c.ended_at.is_(None))
    connection.execute(
        sa.update(attempts)
        .where(under_way if run_id is None else sa.and_(under_way, attempts.c.run_id == run_id))
        .values(ended_at=now, outcome=outcome, error_class=error_class, error=error)
    )
