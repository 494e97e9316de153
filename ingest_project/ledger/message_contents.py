"""The contents of messages that are rows themselves: kept from the claim until they are in the table.

SQS does not give a message out again while it is in flight, so a run could not read it there. The content is
claimed in the transaction of its object version, and dropped in the one that settles it. What has rows in the
quarantine is kept for a replay, until `prune`.
"""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.sql import chunks, insert, insert_ignoring
from ingest_project.ledger.tables import message_contents, object_id, object_versions
from ingest_project.sources.object_version import ObjectVersion


def keep(connection: sa.Connection, contents: Mapping[str, bytes], *, newer: Iterable[str]) -> None:
    """Keep contents by object id. Those that are kept already stay, except the `newer` ones.

    A message that was redriven has a new time, and with it a new partition: its content says the same.
    """
    replaced = set(newer)
    insert_ignoring(connection, message_contents, _rows(contents, set(contents) - replaced))
    if rows := _rows(contents, replaced):
        statement = insert(connection, message_contents)
        upsert = statement.on_conflict_do_update(
            index_elements=["object_id"], set_={"content": statement.excluded.content}
        )
        connection.execute(upsert, rows)


def kept(
    connection: sa.Connection, table: str, objects: Sequence[ObjectVersion]
) -> dict[ObjectVersion, bytes]:
    """The contents of these object versions of a table, as far as they are kept."""
    by_id = {object_id(table, one.bucket, one.key, one.version): one for one in objects}
    found: dict[ObjectVersion, bytes] = {}
    for chunk in chunks(by_id):
        query = sa.select(message_contents).where(message_contents.c.object_id.in_(chunk))
        found |= {by_id[row.object_id]: bytes(row.content) for row in connection.execute(query)}
    return found


def drop_committed(connection: sa.Connection, batch_id: str) -> None:
    """Drop the contents that the batch has committed as a whole, without a bad row.

    Most ledgers have no contents at all: then the batch's objects are not looked at.
    """
    if connection.scalar(sa.select(sa.literal(1)).select_from(message_contents).limit(1)) is None:
        return
    committed = sa.select(object_versions.c.object_id).where(
        object_versions.c.batch_id == batch_id,
        object_versions.c.state == ObjectState.COMMITTED,
        sa.func.coalesce(object_versions.c.rejected_rows, 0) == 0,
    )
    connection.execute(sa.delete(message_contents).where(message_contents.c.object_id.in_(committed)))


def _rows(contents: Mapping[str, bytes], ids: Iterable[str]) -> list[dict[str, object]]:
    return [{"object_id": one, "content": contents[one]} for one in sorted(ids)]
