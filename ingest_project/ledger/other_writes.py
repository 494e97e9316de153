"""The other writes of a batch's keys that the ledger knows when a run begins: the batch may supersede them.

Messages only claim which of two writes is newer, so no write is superseded before S3 has shown the other one.
What the ledger knew when the run began was written before. If S3 then shows one write as the current object
of its key, all known ones are older, whatever their messages say about order and time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.known_versions import versions_of_keys
from ingest_project.ledger.model import BatchKind, BatchObject, ObjectState, OtherWrites
from ingest_project.ledger.tables import batch_objects, object_versions
from ingest_project.ledger.versions_of_key import NOT_INGESTED, KeyVersion, compare, in_order
from ingest_project.sources.object_version import ObjectVersion

COUNTING = (ObjectState.COMMITTED, *NOT_INGESTED)


def with_other_writes(
    connection: sa.Connection, batch: Any, members: Iterable[BatchObject]
) -> Iterator[BatchObject]:
    """The members of the batch, each with the other writes of its key that count, if there are any.

    With `ignore`, other writes do not count, and a replay reads only what is in the table already.
    """
    listed = list(members)
    if batch.kind == BatchKind.REPLAY or (batch.kind == BatchKind.INGEST and batch.on_overwrite == "ignore"):
        yield from listed
        return
    found = _other_writes(connection, batch, {member.object_id: member.object for member in listed})
    for member in listed:
        yield replace(member, others=found.get(member.object_id))


def _other_writes(
    connection: sa.Connection, batch: Any, objects: Mapping[str, ObjectVersion]
) -> dict[str, OtherWrites]:
    of_batch = object_versions.c.batch_id == batch.batch_id
    known = versions_of_keys(
        connection,
        _keys_with_others(connection, batch.batch_id),
        sa.or_(object_versions.c.state.in_(COUNTING), of_batch),
    )
    appends = batch.kind == BatchKind.INGEST and batch.on_overwrite == "append"
    found: dict[str, OtherWrites] = {}
    for versions in known.values():
        others = [one for one in versions if one.object_id not in objects]
        for member in versions:
            if (object_ := objects.get(member.object_id)) is not None:
                found[member.object_id] = (
                    _same_write(member, others) if appends else _judged(member, object_, others)
                )
    return found


def _keys_with_others(connection: sa.Connection, batch_id: str) -> set[str]:
    """The keys of the batch's members that have another write that counts."""
    own, other = object_versions.alias("own"), object_versions.alias("other")
    query = (
        sa.select(own.c.key_id)
        .join(batch_objects, batch_objects.c.object_id == own.c.object_id)
        .join(other, other.c.key_id == own.c.key_id)
        .where(
            batch_objects.c.batch_id == batch_id,
            other.c.object_id != own.c.object_id,
            other.c.state.in_(COUNTING),
        )
    )
    return set(connection.scalars(query))


def _judged(member: KeyVersion, object_: ObjectVersion, others: Sequence[KeyVersion]) -> OtherWrites:
    in_table = in_order([one for one in others if one.state == ObjectState.COMMITTED])
    newest = in_table[-1] if in_table else None
    return OtherWrites(
        in_table=None if newest is None else _as_object(newest, object_),
        claims_to_be_newest=newest is None or compare(newest, member) < 0,
        waiting=tuple(one.object_id for one in others if one.state in NOT_INGESTED),
    )


def _same_write(member: KeyVersion, others: Sequence[KeyVersion]) -> OtherWrites:
    """With `append` every write counts, except what a listing has recorded of this same write."""
    twins = (one for one in others if one.state in NOT_INGESTED and member.is_write_of(one))
    return OtherWrites(same_write=tuple(one.object_id for one in twins))


def _as_object(version: KeyVersion, of_key: ObjectVersion) -> ObjectVersion:
    return replace(
        of_key, version_id=version.version_id, sequencer=version.sequencer, etag=version.etag,
        event_time=version.event_time, size_bytes=version.size_bytes,
    )  # fmt: skip
