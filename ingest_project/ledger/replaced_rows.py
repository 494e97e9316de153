"""The older rows that a batch's commit takes out of the table, and the versions that it supersedes.

Both come from the ledger, at different times: the rows at `confirm`, the versions at `settle`. They agree
because other work may not change the keys of an open batch meanwhile: the planner holds their other versions
back, and what a rebuild takes out is fixed when it is planned.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.model import BatchKind, BatchRole, ObjectState, RowsToReplace
from ingest_project.ledger.tables import batch_objects, object_versions
from ingest_project.sources.object_version import object_uri


def rows_to_replace(
    connection: sa.Connection, batch: Any, object_ids: Collection[str]
) -> RowsToReplace | None:
    """The rows that the commit of these objects takes out; None if the batch does not replace rows."""
    if batch.kind == BatchKind.REBUILD:
        return _rows_of_rebuilt_keys(connection, batch.batch_id, object_ids)
    if batch.kind == BatchKind.REPLAY:
        return _rows_of_replayed_versions(connection, batch.batch_id, object_ids)
    if batch.on_overwrite == "replace":
        return _rows_of_older_versions(connection, batch.batch_id, object_ids)
    return None


def supersede_replaced(connection: sa.Connection, batch: Any, now: datetime) -> None:
    """Supersede the versions whose rows this batch's commit took out of the table.

    Call it after the batch's own versions are committed in the ledger.
    """
    own_keys = sa.select(object_versions.c.key_id).where(
        object_versions.c.batch_id == batch.batch_id, object_versions.c.state == ObjectState.COMMITTED
    )
    same_key = object_versions.c.key_id.in_(own_keys)
    if batch.kind == BatchKind.REBUILD:
        reason = f"replaced by the rebuild {batch.batch_id}"
        _supersede(connection, batch.batch_id, same_key, reason, now)
        _supersede_removed(connection, batch.batch_id, reason, now)
    elif batch.kind == BatchKind.INGEST and batch.on_overwrite == "replace":
        reason = f"replaced by a newer write in batch {batch.batch_id}"
        _supersede(connection, batch.batch_id, same_key, reason, now)


def _rows_of_rebuilt_keys(
    connection: sa.Connection, batch_id: str, object_ids: Collection[str]
) -> RowsToReplace:
    """All rows of the keys that are ingested again or gone, whichever batch brought them.

    Keys whose object could not be read keep their rows.
    """
    query = (
        sa.select(
            object_versions.c.object_id, object_versions.c.bucket, object_versions.c.key, batch_objects.c.role
        )
        .join(batch_objects, batch_objects.c.object_id == object_versions.c.object_id)
        .where(batch_objects.c.batch_id == batch_id)
    )
    return RowsToReplace(
        source_uris=frozenset(
            object_uri(row.bucket, row.key)
            for row in connection.execute(query)
            if row.role == BatchRole.REMOVE or row.object_id in object_ids
        ),
        batch_ids=None,
    )


def _rows_of_replayed_versions(
    connection: sa.Connection, batch_id: str, object_ids: Collection[str]
) -> RowsToReplace:
    """The rows that earlier batches brought of these versions, not those of other writes of their keys.

    With `append`, one batch may have brought several writes of a key, and S3 may no longer hold all of them.
    """
    known = object_versions.c
    version = (known.version_id, known.sequencer, known.etag)
    query = (
        sa.select(known.object_id, known.bucket, known.key, known.batch_id, *version)
        .join(batch_objects, batch_objects.c.object_id == object_versions.c.object_id)
        .where(batch_objects.c.batch_id == batch_id)
    )
    rows = [row for row in connection.execute(query) if row.object_id in object_ids]
    writes = frozenset(
        (
            object_uri(row.bucket, row.key),
            row.version_id or row.sequencer or row.etag or "",
            str(row.batch_id),
        )
        for row in rows
    )
    return RowsToReplace(frozenset(), frozenset(), writes)


def _rows_of_older_versions(
    connection: sa.Connection, batch_id: str, object_ids: Collection[str]
) -> RowsToReplace | None:
    older, newer = object_versions.alias("older"), object_versions.alias("newer")
    query = (
        sa.select(newer.c.object_id, older.c.bucket, older.c.key, older.c.batch_id)
        .join_from(newer, older, newer.c.key_id == older.c.key_id)
        .where(newer.c.batch_id == batch_id, older.c.state == ObjectState.COMMITTED)
    )
    rows = [row for row in connection.execute(query) if row.object_id in object_ids]
    if not rows:
        return None
    return RowsToReplace(
        source_uris=frozenset(object_uri(row.bucket, row.key) for row in rows),
        batch_ids=frozenset(row.batch_id for row in rows),
    )


def _supersede_removed(connection: sa.Connection, batch_id: str, reason: str, now: datetime) -> None:
    query = sa.select(batch_objects.c.object_id).where(
        batch_objects.c.batch_id == batch_id, batch_objects.c.role == BatchRole.REMOVE
    )
    if removed := [{"removed_id": object_id} for object_id in connection.scalars(query)]:
        # Other work cannot have changed them since they were planned, so their state is not a condition here:
        # with it, SQLite would read all committed versions.
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id == sa.bindparam("removed_id"))
            .values(state=ObjectState.SUPERSEDED, reason=reason, settled_at=now),
            removed,
        )


def _supersede(
    connection: sa.Connection, batch_id: str, replaced: sa.ColumnElement[bool], reason: str, now: datetime
) -> None:
    connection.execute(
        sa.update(object_versions)
        .where(
            object_versions.c.state == ObjectState.COMMITTED, object_versions.c.batch_id != batch_id, replaced
        )
        .values(state=ObjectState.SUPERSEDED, reason=reason, settled_at=now)
    )
