"""What the ledger's database holds, read without the ledger."""

import sqlalchemy as sa

from ingest_project.ledger.model import BatchState, MessageState, ObjectState
from ingest_project.ledger.tables import batches, messages, object_versions


def state_of(tables: sa.Connection, key: str, version: str) -> ObjectState:
    """The state of the one object version of this key with this version id, sequencer or eTag."""
    identity = sa.func.coalesce(
        object_versions.c.version_id, object_versions.c.sequencer, object_versions.c.etag
    )
    query = sa.select(object_versions.c.state).where(object_versions.c.key == key, identity == version)
    return ObjectState(tables.execute(query).scalar_one())


def states(tables: sa.Connection) -> dict[tuple[str, str], ObjectState]:
    """The state of every object version, by key and version."""
    identity = sa.func.coalesce(
        object_versions.c.version_id, object_versions.c.sequencer, object_versions.c.etag
    )
    query = sa.select(object_versions.c.key, identity, object_versions.c.state)
    return {(key, version): ObjectState(state) for key, version, state in tables.execute(query)}


def batch_state(tables: sa.Connection, batch_id: str) -> BatchState:
    query = sa.select(batches.c.state).where(batches.c.batch_id == batch_id)
    return BatchState(tables.execute(query).scalar_one())


def message_state(tables: sa.Connection, message_id: str) -> MessageState:
    query = sa.select(messages.c.state).where(messages.c.message_id == message_id)
    return MessageState(tables.execute(query).scalar_one())
