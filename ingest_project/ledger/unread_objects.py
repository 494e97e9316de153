"""The object versions of a table that failed and wait for a person: all of them, or those that failed lately.

Versions that are tried again by themselves, or that a newer write has superseded, are not among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ingest_project.ledger.model import UNREAD, BatchState, ObjectState
from ingest_project.ledger.tables import batch_objects, batches, object_versions
from ingest_project.sources.object_version import object_uri

LONGEST_SETTLING = timedelta(days=1)
"""Bounds the search: a batch is settled seconds after its commit, or when the next attempt finds it."""


@dataclass(frozen=True, slots=True)
class UnreadObject:
    """One object version that failed or was parked, with the reason."""

    uri: str
    partition: str | None
    error_class: str
    reason: str
    is_parked: bool


@dataclass(frozen=True, slots=True)
class UnreadObjects:
    """How many there are, by error class, and the newest of them. `parked` is how many `on_error` parked."""

    by_class: Mapping[str, int]
    parked: int
    newest: tuple[UnreadObject, ...]

    @property
    def total(self) -> int:
        return sum(self.by_class.values())


def unread_objects(connection: sa.Connection, queue: str, table: str, *, limit: int) -> UnreadObjects:
    """Those of a table now. Reads only these rows, by the index `(state, queue, table_name)`."""
    return _found(connection, _waiting(queue, table), object_versions.c.not_before, limit=limit)


def lately_unread(
    connection: sa.Connection, queue: str, table: str, *, after: datetime, until: datetime, limit: int
) -> UnreadObjects:
    """Those of a table that failed in batches that were settled in `(after, until]`."""
    failed = (
        sa.select(batch_objects.c.object_id)
        .join(batches, batches.c.batch_id == batch_objects.c.batch_id)
        .where(
            batches.c.table_name == table,
            batches.c.state.in_((BatchState.COMMITTED, BatchState.FAILED)),
            batches.c.committed_at > after - LONGEST_SETTLING,
            batches.c.settled_at > after,
            batches.c.settled_at <= until,
            batch_objects.c.error_class.is_not(None),
        )
    )
    lately = sa.and_(_waiting(queue, table), object_versions.c.object_id.in_(failed))
    return _found(connection, lately, object_versions.c.not_before, limit=limit)


def _waiting(queue: str, table: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        object_versions.c.state.in_(UNREAD),
        object_versions.c.queue == queue,
        object_versions.c.table_name == table,
    )


def _found(
    connection: sa.Connection,
    where: sa.ColumnElement[bool],
    newest_last: sa.ColumnElement[datetime],
    *,
    limit: int,
) -> UnreadObjects:
    counts = connection.execute(
        sa.select(object_versions.c.error_class, object_versions.c.state, sa.func.count())
        .where(where)
        .group_by(object_versions.c.error_class, object_versions.c.state)
    ).all()
    if not counts:
        return UnreadObjects({}, 0, ())
    by_class: dict[str, int] = {}
    for error_class, _, count in counts:
        by_class[error_class or "unknown"] = by_class.get(error_class or "unknown", 0) + count
    rows = connection.execute(
        sa.select(object_versions).where(where).order_by(newest_last.desc()).limit(limit)
    )
    return UnreadObjects(
        by_class=dict(sorted(by_class.items(), key=lambda one: (-one[1], one[0]))),
        parked=sum(count for _, state, count in counts if state == ObjectState.QUARANTINED),
        newest=tuple(
            UnreadObject(
                object_uri(row.bucket, row.key), row.partition_key, row.error_class or "unknown",
                row.reason or "", row.state == ObjectState.QUARANTINED,
            )
            for row in rows
        ),
    )  # fmt: skip
