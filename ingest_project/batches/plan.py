"""Plans batches: puts pending object versions together into what one run commits to one table."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from ingest_project.batches.known_versions import counting_for, keys_being_rebuilt, versions_of_keys
from ingest_project.batches.model import BatchKind, BatchState, ObjectState, PlanningRules
from ingest_project.batches.new_batch import batch_row, insert_batch, new_batch_id
from ingest_project.batches.settle import settle_unread
from ingest_project.batches.sql import exclusively, portions
from ingest_project.batches.stalled import stalled_tables
from ingest_project.batches.tables import batches, object_versions
from ingest_project.batches.versions_of_key import Choice, KeyVersion, choose


def plan(
    connection: sa.Connection,
    queue: str,
    rules: Sequence[PlanningRules],
    *,
    max_in_flight: int,
    now: datetime,
) -> list[str]:
    """Make batches of what is pending and give their ids, in the order of the tables, until `max_in_flight` are open.

    Every table gets a batch before any table gets a second one; a stalled one gets none. Objects that the tables'
    policies exclude settle here.
    """
    exclusively(connection, queue)
    planned: list[str] = []
    stalled = set(connection.scalars(stalled_tables(queue)))
    waiting = [rule for rule in rules if rule.table not in stalled]
    room = max_in_flight - _open_batches(connection, queue, [rule.table for rule in waiting])
    while waiting and len(planned) < room:
        rule = waiting.pop(0)
        batch_id = _plan_one(connection, queue, rule, now)
        if batch_id is not None:
            planned.append(batch_id)
            waiting.append(rule)
    return planned


def _plan_one(connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime) -> str | None:
    chosen: list[KeyVersion] = []
    size_bytes = 0
    for version in _candidates(connection, queue, rule, now):
        if chosen and (len(chosen) == rule.max_objects or size_bytes + version.size_bytes > rule.max_bytes):
            break
        chosen.append(version)
        size_bytes += version.size_bytes
    if not chosen:
        return None
    batch_id = new_batch_id(now)
    ids = [version.object_id for version in chosen]
    row = batch_row(
        batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.INGEST,
        objects=len(ids), size_bytes=size_bytes, now=now,
    )  # fmt: skip
    insert_batch(connection, row, ingest=ids)
    for portion in portions(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )
    return batch_id


def _candidates(
    connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime
) -> Iterator[KeyVersion]:
    """Pending versions that may be ingested now, the key that waits longest first.

    Those that the policy excludes settle on the way.
    """
    keys = _waiting_keys(connection, queue, rule, now)
    known = versions_of_keys(connection, keys, counting_for(rule.on_overwrite))
    choices = {key: choose(known[key], rule.on_overwrite) for key in keys}
    _settle_excluded(connection, choices.values(), now)
    for key, choice in choices.items():
        for version in known[key]:
            if version.object_id in choice.ingest and version.not_before <= now:
                yield version


def _waiting_keys(
    connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime
) -> dict[str, None]:
    """Keys with a pending version whose time has come, in the order of their claims, as many as a batch may need.

    What came for a key that is being rebuilt waits for that to end. The chosen version of a key need not be the one
    that was claimed first, so keys are selected here, not versions.
    """
    query = (
        sa.select(object_versions.c.key_id)
        .where(
            object_versions.c.queue == queue,
            object_versions.c.table_name == rule.table,
            object_versions.c.state == ObjectState.PENDING,
            object_versions.c.not_before <= now,
            object_versions.c.key_id.not_in(keys_being_rebuilt(rule.table)),
        )
        .order_by(object_versions.c.claimed_at, object_versions.c.partition_key, object_versions.c.key)
        .limit(2 * rule.max_objects)  # twice, as some may have to give way to another version of their key
    )
    if rule.on_overwrite != "append":
        query = query.where(~_planned_sibling())
    return dict.fromkeys(connection.scalars(query))


def _planned_sibling() -> sa.ColumnElement[bool]:
    """Another version of the key is in an open batch: left out here, such versions would fill the whole selection."""
    sibling = object_versions.alias("sibling")
    return (
        sa.select(sibling.c.object_id)
        .where(sibling.c.key_id == object_versions.c.key_id, sibling.c.state == ObjectState.PLANNED)
        .exists()
    )


def _settle_excluded(connection: sa.Connection, choices: Iterable[Choice], now: datetime) -> None:
    superseded = [one for choice in choices for one in choice.superseded]
    skipped = [one for choice in choices for one in choice.skipped]
    settle_unread(connection, superseded, state=ObjectState.SUPERSEDED, now=now)
    settle_unread(connection, skipped, state=ObjectState.SKIPPED, now=now)


def _open_batches(connection: sa.Connection, queue: str, tables: Sequence[str]) -> int:
    query = sa.select(sa.func.count()).where(
        batches.c.queue == queue,
        batches.c.state == BatchState.PLANNED,
        batches.c.kind == BatchKind.INGEST,
        batches.c.table_name.in_(tables),
    )
    return connection.scalar(query) or 0
