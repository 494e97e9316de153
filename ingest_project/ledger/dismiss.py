"""Settles failed work without rows: a person asks for it who knows that the objects will never be ingested.

An object version that failed or was parked is not in an open batch, and none of its rows are in the table. It
becomes skipped, as if the table's `on_error` were `acknowledge`: its messages may be deleted, a later message
finds it settled, and only `retry` by its URI brings it back. Its history stays.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger.model import DISMISSED, UNREAD, ObjectState
from ingest_project.ledger.selection import AT_ONCE, Selection, left_alone, selected_objects
from ingest_project.ledger.sql import chunks, exclusively
from ingest_project.ledger.tables import object_versions


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was settled: numbers of object versions by `(queue, table, error class)`.

    `left_alone` counts by state the versions that a URI or the batch names and that had not failed. `more`:
    the limit of one call was reached.
    """

    objects: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    left_alone: Mapping[str, int] = field(default_factory=dict)
    more: bool = False


def dismiss(connection: sa.Connection, selection: Selection, *, now: datetime) -> Dismissed:
    """Settle at most `AT_ONCE` of the selected object versions that failed or were parked.

    A second call has no further effect.
    """
    if selection.is_empty:
        return Dismissed()
    has_failed = object_versions.c.state.in_(UNREAD)
    known = object_versions.c
    query = (
        sa.select(known.object_id, known.queue, known.table_name, known.error_class)
        .where(has_failed, *selected_objects(connection, selection))
        .limit(AT_ONCE)
    )
    queues = sorted({row.queue for row in connection.execute(query)})  # in order, against deadlocks
    for queue in queues:
        exclusively(connection, queue)
    others = left_alone(connection, selection, has_failed)
    chosen = connection.execute(query.where(known.queue.in_(queues))).all()
    for chunk in chunks(row.object_id for row in chosen):
        connection.execute(
            sa.update(object_versions)
            .where(known.object_id.in_(chunk))
            .values(
                state=ObjectState.SKIPPED,
                reason=DISMISSED + sa.func.coalesce(known.reason, "it failed"),
                settled_at=now,
            )
        )
    return Dismissed(
        Counter((row.queue, row.table_name, row.error_class or "unknown") for row in chosen),
        others,
        more=len(chosen) == AT_ONCE,
    )
