"""Tables whose batches fail: they must not take the places of the queue's other tables."""

import sqlalchemy as sa

from ingest_project.batches.model import BatchKind, BatchState
from ingest_project.batches.tables import batches


def stalled_tables(queue: str) -> sa.Select[str]:
    """The tables of the queue that have an open batch of which an attempt has failed.

    Until that batch is settled, or divided, they get no further one. Their batches do not count among those in
    flight, and what waits for them does not keep the queue from being read.
    """
    return sa.select(batches.c.table_name).where(
        batches.c.queue == queue,
        batches.c.state == BatchState.PLANNED,
        batches.c.kind == BatchKind.INGEST,
        batches.c.attempt > 1,
    )
