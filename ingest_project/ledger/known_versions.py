"""The known versions of the keys that a planner looks at.

Only versions that may still matter are read: a key that is written every minute has a long history, and the
cost of its next write must not grow with it.
"""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from ingest_project.ledger.model import BatchKind, BatchState, ObjectState
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import batch_objects, batches, object_versions
from ingest_project.ledger.versions_of_key import NOT_INGESTED, KeyVersion
from ingest_project.settings.model import OnOverwrite


def counting_for(policy: OnOverwrite) -> sa.ColumnElement[bool]:
    """The versions that `choose` needs. With `append`, committed ones only if a listing found them."""
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
    known = object_versions.c
    columns = (
        known.key_id, known.object_id, known.state, known.version_id, known.sequencer, known.etag,
        known.event_time, known.claimed_at, known.not_before, known.size_bytes, known.partition_key,
    )  # fmt: skip
    found: dict[str, list[KeyVersion]] = defaultdict(list)
    for chunk in chunks(key_ids):
        query = sa.select(*columns).where(object_versions.c.key_id.in_(chunk), counting)
        for key_id, object_id, state, *rest in connection.execute(query):
            found[key_id].append(KeyVersion(object_id, ObjectState(state), *rest))
    return found


def keys_being_rebuilt(table: str) -> sa.Select[str]:
    """The keys whose rows an open rebuild or replay of the table is to replace or to take out."""
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
    """The keys with a version in a confirmed open batch: their rows may be in the table at any moment."""
    confirmed = sa.select(batches.c.batch_id).where(
        batches.c.table_name == table,
        batches.c.state == BatchState.PLANNED,
        batches.c.confirmed_at.is_not(None),
    )
    return sa.select(object_versions.c.key_id).where(object_versions.c.batch_id.in_(confirmed))
