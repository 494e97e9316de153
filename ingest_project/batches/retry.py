"""Puts failed work back: what a person asks for once the cause is mended.

An object version that failed, or was parked, becomes pending again as if it had never been tried; one that waits for
its next try, and an open batch that waits for its next attempt, need not wait any longer. What is in the table, was
superseded or is being worked on is left alone. The table's policy still decides: a version that is put back and has a
newer one in the table ends as superseded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ingest_project.batches.key_pattern import bucket_and_key
from ingest_project.batches.model import BatchState, ObjectState
from ingest_project.batches.sql import distinct_values, exclusively, portions
from ingest_project.batches.tables import batch_objects, batches, key_id, object_versions

AT_ONCE = 50_000
"""Object versions that one call puts back: one transaction holds the queue up for a second or two, not for minutes."""

FAILED = (ObjectState.FAILED, ObjectState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class RetrySelection:
    """Whose work to put back. All that is given must hold; with nothing given, nothing is.

    `uris` are `s3://bucket/key`, of which one must be the object's; only they reach what was skipped.
    """

    uris: tuple[str, ...] = ()
    batch_id: str | None = None
    error_class: str | None = None
    table: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.uris and self.batch_id is self.error_class is self.table is None


@dataclass(frozen=True, slots=True)
class Retried:
    """What was put back: numbers of object versions by `(queue, table)`, and open batches by id, with their queues.

    `left_alone` counts, by state, what a URI or the batch names and that was not put back. `more`: the limit of one
    call was reached.
    """

    objects: Mapping[tuple[str, str], int] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)
    left_alone: Mapping[str, int] = field(default_factory=dict)
    more: bool = False

    @property
    def queues(self) -> set[str]:
        """Those whose sensors will take the work."""
        return {queue for queue, _ in self.objects} | set(self.batches.values())


def retry(connection: sa.Connection, selection: RetrySelection, *, now: datetime) -> Retried:
    """Put back what the selection names, at most `AT_ONCE` object versions. Doing it twice does it once."""
    if selection.is_empty:
        return Retried()
    queues = _queues(connection, selection, now)
    for queue in queues:
        exclusively(connection, queue)
    left_alone = _left_alone(connection, selection, now)
    query = _retriable(connection, selection, now).where(object_versions.c.queue.in_(queues)).limit(AT_ONCE)
    chosen = connection.execute(query).all()
    _put_back(connection, [row.object_id for row in chosen], now)
    return Retried(
        objects=Counter((row.queue, row.table_name) for row in chosen),
        batches=_start_now(connection, selection, now),
        left_alone=left_alone,
        more=len(chosen) == AT_ONCE,
    )


def _retriable(
    connection: sa.Connection, selection: RetrySelection, now: datetime
) -> sa.Select[str, str, str]:
    columns = (object_versions.c.object_id, object_versions.c.queue, object_versions.c.table_name)
    return sa.select(*columns).where(_may_go_back(selection, now), *_objects(connection, selection))


def _may_go_back(selection: RetrySelection, now: datetime) -> sa.ColumnElement[bool]:
    states = (*FAILED, ObjectState.PENDING, *((ObjectState.SKIPPED,) if selection.uris else ()))
    waits = sa.or_(object_versions.c.state != ObjectState.PENDING, object_versions.c.not_before > now)
    return sa.and_(object_versions.c.state.in_(states), waits)


def _objects(connection: sa.Connection, selection: RetrySelection) -> Iterator[sa.ColumnElement[bool]]:
    """What the selection asks of an object version, its state apart."""
    if selection.uris:
        yield object_versions.c.key_id.in_(_key_ids(connection, selection.uris))
    if selection.batch_id is not None:
        yield batch_objects.c.batch_id == selection.batch_id
        yield batch_objects.c.object_id == object_versions.c.object_id
    if selection.error_class is not None:
        yield object_versions.c.error_class == selection.error_class
    if selection.table is not None:
        yield object_versions.c.table_name == selection.table


def _batches(
    connection: sa.Connection, selection: RetrySelection, now: datetime
) -> Iterator[sa.ColumnElement[bool]]:
    """Open batches that wait for their next attempt, and are or hold what the selection names."""
    yield batches.c.queue.in_(
        list(distinct_values(connection, batches.c.queue))
    )  # as the index begins with it
    yield batches.c.state == BatchState.PLANNED
    yield batches.c.not_before > now
    if selection.uris:
        yield batches.c.batch_id.in_(
            sa.select(object_versions.c.batch_id).where(
                object_versions.c.key_id.in_(_key_ids(connection, selection.uris)),
                object_versions.c.state == ObjectState.PLANNED,
            )
        )
    if selection.batch_id is not None:
        yield batches.c.batch_id == selection.batch_id
    if selection.error_class is not None:
        yield batches.c.error_class == selection.error_class
    if selection.table is not None:
        yield batches.c.table_name == selection.table


def _queues(connection: sa.Connection, selection: RetrySelection, now: datetime) -> list[str]:
    """The queues whose decisions have to wait, in an order in which nobody can deadlock."""
    found = set(connection.scalars(sa.select(batches.c.queue).where(*_batches(connection, selection, now))))
    found |= {row.queue for row in connection.execute(_retriable(connection, selection, now).limit(AT_ONCE))}
    return sorted(found)


def _left_alone(connection: sa.Connection, selection: RetrySelection, now: datetime) -> dict[str, int]:
    if not selection.uris and selection.batch_id is None:
        return {}  # of a whole table this would count all that is in it
    query = (
        sa.select(object_versions.c.state, sa.func.count())
        .where(sa.not_(_may_go_back(selection, now)), *_objects(connection, selection))
        .group_by(object_versions.c.state)
    )
    return {state: count for state, count in connection.execute(query)}  # noqa: C416


def _put_back(connection: sa.Connection, object_ids: Sequence[str], now: datetime) -> None:
    """The last error stays on the row until the next end of the object replaces it."""
    for portion in portions(object_ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion))
            .values(state=ObjectState.PENDING, attempts=0, not_before=now, batch_id=None, settled_at=None)
        )


def _start_now(connection: sa.Connection, selection: RetrySelection, now: datetime) -> dict[str, str]:
    query = sa.select(batches.c.batch_id, batches.c.queue).where(*_batches(connection, selection, now))
    found = {row.batch_id: row.queue for row in connection.execute(query.order_by(batches.c.batch_id))}
    for portion in portions(found):
        connection.execute(sa.update(batches).where(batches.c.batch_id.in_(portion)).values(not_before=now))
    return found


def _key_ids(connection: sa.Connection, uris: Sequence[str]) -> list[str]:
    tables = list(distinct_values(connection, object_versions.c.table_name))
    return [key_id(table, bucket, key) for table in tables for bucket, key in map(bucket_and_key, uris)]
