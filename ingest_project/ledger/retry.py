"""Puts failed work back: a person asks for it after the cause is fixed.

An object version that failed or was parked becomes pending again, as if it had never been tried; a skipped
one only if it is selected by its URI. A version that waits for its next try, and an open batch that waits for
its next attempt, are due at once. What is in the table, superseded or in work is left alone. The table's
policy still applies: a version that is put back ends as superseded if the table has a newer one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger.job_records import mirror_again
from ingest_project.ledger.model import UNREAD, BatchState, ObjectState
from ingest_project.ledger.selection import AT_ONCE, Selection, key_ids, left_alone, selected_objects
from ingest_project.ledger.sql import chunks, distinct_values, exclusively
from ingest_project.ledger.tables import batches, object_versions


@dataclass(frozen=True, slots=True)
class Retried:
    """What was put back: numbers of object versions by `(queue, table)`, and queues of batches by id.

    `left_alone` counts by state the versions that a URI or the batch names and that were not put back.
    `more`: the limit of one call was reached.
    """

    objects: Mapping[tuple[str, str], int] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)
    left_alone: Mapping[str, int] = field(default_factory=dict)
    more: bool = False

    @property
    def queues(self) -> set[str]:
        """The queues whose sensors will take up the work."""
        return {queue for queue, _ in self.objects} | set(self.batches.values())


def retry(connection: sa.Connection, selection: Selection, *, now: datetime) -> Retried:
    """Put back what the selection names, at most `AT_ONCE` object versions.

    A second call has no further effect.
    """
    if selection.is_empty:
        return Retried()
    queues = _queues(connection, selection, now)
    for queue in queues:
        exclusively(connection, queue)
    others = left_alone(connection, selection, _may_go_back(selection, now))
    query = _retriable(connection, selection, now).where(object_versions.c.queue.in_(queues)).limit(AT_ONCE)
    chosen = connection.execute(query).all()
    _put_back(connection, [row.object_id for row in chosen], now)
    return Retried(
        objects=Counter((row.queue, row.table_name) for row in chosen),
        batches=_start_now(connection, selection, now),
        left_alone=others,
        more=len(chosen) == AT_ONCE,
    )


def _retriable(connection: sa.Connection, selection: Selection, now: datetime) -> sa.Select[str, str, str]:
    columns = (object_versions.c.object_id, object_versions.c.queue, object_versions.c.table_name)
    return sa.select(*columns).where(_may_go_back(selection, now), *selected_objects(connection, selection))


def _may_go_back(selection: Selection, now: datetime) -> sa.ColumnElement[bool]:
    states = (*UNREAD, ObjectState.PENDING, *((ObjectState.SKIPPED,) if selection.uris else ()))
    waits = sa.or_(object_versions.c.state != ObjectState.PENDING, object_versions.c.not_before > now)
    return sa.and_(object_versions.c.state.in_(states), waits)


def _batches(
    connection: sa.Connection, selection: Selection, now: datetime
) -> Iterator[sa.ColumnElement[bool]]:
    """Open batches that wait for their next attempt and that the selection names, also by their objects."""
    queues = list(distinct_values(connection, batches.c.queue))
    yield batches.c.queue.in_(queues)  # the index begins with the queue
    yield batches.c.state == BatchState.PLANNED
    yield batches.c.not_before > now
    if selection.uris:
        yield batches.c.batch_id.in_(
            sa.select(object_versions.c.batch_id).where(
                object_versions.c.key_id.in_(key_ids(connection, selection.uris)),
                object_versions.c.state == ObjectState.PLANNED,
            )
        )
    if selection.batch_id is not None:
        yield batches.c.batch_id == selection.batch_id
    if selection.error_class is not None:
        yield batches.c.error_class == selection.error_class
    if selection.table is not None:
        yield batches.c.table_name == selection.table


def _queues(connection: sa.Connection, selection: Selection, now: datetime) -> list[str]:
    """The queues to lock, sorted, so that callers cannot deadlock."""
    found = set(connection.scalars(sa.select(batches.c.queue).where(*_batches(connection, selection, now))))
    found |= {row.queue for row in connection.execute(_retriable(connection, selection, now).limit(AT_ONCE))}
    return sorted(found)


def _put_back(connection: sa.Connection, object_ids: Sequence[str], now: datetime) -> None:
    """The last error stays on the row until a new result replaces it."""
    mirror_again(connection, object_ids)
    for chunk in chunks(object_ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk))
            .values(state=ObjectState.PENDING, attempts=0, not_before=now, batch_id=None, settled_at=None)
        )


def _start_now(connection: sa.Connection, selection: Selection, now: datetime) -> dict[str, str]:
    query = sa.select(batches.c.batch_id, batches.c.queue).where(*_batches(connection, selection, now))
    found = {row.batch_id: row.queue for row in connection.execute(query.order_by(batches.c.batch_id))}
    for chunk in chunks(found):
        connection.execute(sa.update(batches).where(batches.c.batch_id.in_(chunk)).values(not_before=now))
    return found
