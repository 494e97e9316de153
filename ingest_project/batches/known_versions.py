"""What the ledger knows already of the keys that a planner looks at.

Only versions that may still matter are read: a key that is written again every minute has a long history, and the
cost of its next write must not grow with it.
"""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from ingest_project.batches.model import BatchKind, BatchState, ObjectState
from ingest_project.batches.sql import portions
from ingest_project.batches.tables import batch_objects, batches, object_versions
from ingest_project.batches.versions_of_key import NOT_INGESTED, KeyVersion
from ingest_project.settings.model import OnOverwrite


def counting_for(policy: OnOverwrite) -> sa.ColumnElement[bool]:
    """The versions that `choose` has to see. Of `append`'s committed ones, only those found by a listing."""
    open_ones = object_versions.c.state.in_((ObjectState.PLANNED, *NOT_INGESTED))
    committed = object_versions.c.state == ObjectState.COMMITTED
    if policy == "append":
        by_listing = sa.and_(object_versions.c.version_id.is_(None), object_versions.c.sequencer.is_(None))
        return sa.or_(open_ones, sa.and_(committed, by_listing))
    return sa.or_(open_ones, committed)


def versions_of_keys(
    connection: sa.Connection, key_ids: Iterable[str], counting: sa.ColumnElement[bool]
) -> dict[str, list[KeyVersion]]:
    """The versions of these keys for which `counting` holds, by key id."""
    columns = (
        object_versions.c.key_id, object_versions.c.object_id, object_versions.c.state, object_versions.c.version_id,
        object_versions.c.sequencer, object_versions.c.etag, object_versions.c.event_time,
        object_versions.c.claimed_at, object_versions.c.not_before, object_versions.c.size_bytes,
        object_versions.c.partition_key,
    )  # fmt: skip
    found: dict[str, list[KeyVersion]] = defaultdict(list)
    for portion in portions(key_ids):
        query = sa.select(*columns).where(object_versions.c.key_id.in_(portion), counting)
        for key_id, object_id, state, *rest in connection.execute(query):
            found[key_id].append(KeyVersion(object_id, ObjectState(state), *rest))
    return found


def keys_being_rebuilt(table: str) -> sa.Select[str]:
    """The keys that an open rebuild of any partition of the table, or a replay, has set out to replace or to take out."""
    return (
        sa.select(object_versions.c.key_id)
        .join(batch_objects, batch_objects.c.object_id == object_versions.c.object_id)
        .join(batches, batches.c.batch_id == batch_objects.c.batch_id)
        .where(
            batches.c.table_name == table,
            batches.c.state == BatchState.PLANNED,
            batches.c.kind != BatchKind.INGEST,
        )
    )


def keys_being_committed(table: str) -> sa.Select[str]:
    """The keys with a version in a batch that was confirmed: its rows may be in the table at any moment, or already."""
    confirmed = sa.select(batches.c.batch_id).where(
        batches.c.table_name == table,
        batches.c.state == BatchState.PLANNED,
        batches.c.confirmed_at.is_not(None),
    )
    return sa.select(object_versions.c.key_id).where(object_versions.c.batch_id.in_(confirmed))
