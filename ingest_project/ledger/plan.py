"""Plans batches: groups pending object versions into what one run commits to one table."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from ingest_project.ledger import sql
from ingest_project.ledger.attempts import stalled_tables
from ingest_project.ledger.clock_jumps import is_due
from ingest_project.ledger.known_versions import counting_for, keys_being_rebuilt, versions_of_keys
from ingest_project.ledger.model import BatchKind, BatchState, ObjectState, PlanningRules
from ingest_project.ledger.new_batch import batch_row, insert_batch, new_batch_id
from ingest_project.ledger.settle import settle_unread
from ingest_project.ledger.sql import chunks, exclusively
from ingest_project.ledger.tables import batches, object_versions
from ingest_project.ledger.versions_of_key import Choice, KeyVersion, choose


def plan(
    connection: sa.Connection,
    queue: str,
    rules: Sequence[PlanningRules],
    *,
    max_in_flight: int,
    now: datetime,
) -> list[str]:
    """Make batches of what is pending until `max_in_flight` are open; returns the new ids.

    Each table gets a batch, in the order of the rules, before any table gets a second one. A stalled table
    gets none. Objects that a table's policy excludes are settled here.
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
    chosen = _fitting(_candidates(connection, queue, rule, now), rule)
    if not chosen:
        return None
    batch_id = new_batch_id(now)
    ids = [version.object_id for version in chosen]
    row = batch_row(
        batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.INGEST,
        objects=len(ids), sizes=(version.size_bytes for version in chosen), now=now,
    )  # fmt: skip
    insert_batch(connection, row, ingest=ids)
    for chunk in chunks(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(chunk))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )
    return batch_id


def _fitting(candidates: Iterable[KeyVersion], rule: PlanningRules) -> list[KeyVersion]:
    """The versions of one batch: the first candidate, and as many of the others as the limits allow.

    Sizes are what messages claim. Each batch takes along one version that is larger than the limit: in a
    batch of its own, a version with a false size would delay all that waits behind it.
    """
    chosen: list[KeyVersion] = []
    size_bytes = oversized = 0
    for version in candidates:
        if len(chosen) == rule.max_objects:
            break
        if version.size_bytes > rule.max_bytes:
            if not oversized:
                chosen.append(version)
            oversized += 1
        elif size_bytes + version.size_bytes <= rule.max_bytes:
            chosen.append(version)
            size_bytes += version.size_bytes
    return chosen


def _candidates(
    connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime
) -> Iterator[KeyVersion]:
    """Pending versions that may be ingested now, those of the longest waiting key first.

    Versions that the policy excludes are settled here.
    """
    keys = _waiting_keys(connection, queue, rule, now)
    known = versions_of_keys(connection, keys, counting_for(rule.on_overwrite))
    choices = {key: choose(known[key], rule.on_overwrite, now=now) for key in keys}
    _settle_excluded(connection, choices.values(), now)
    for key, choice in choices.items():
        for version in known[key]:
            if version.object_id in choice.ingest and is_due(version.not_before, now):
                yield version


def _waiting_keys(
    connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime
) -> dict[str, None]:
    """Keys with a pending version that is due, in the order of their claims, as many as a batch may need.

    Versions of a key that is being rebuilt wait until the rebuild ends. Keys are selected here, not versions,
    because the chosen version of a key need not be the one that was claimed first.
    """
    query = (
        sa.select(object_versions.c.key_id)
        .where(
            object_versions.c.queue == queue,
            object_versions.c.table_name == rule.table,
            object_versions.c.state == ObjectState.PENDING,
            sql.is_due(object_versions.c.not_before, now),
            object_versions.c.key_id.not_in(keys_being_rebuilt(rule.table)),
        )
        .order_by(object_versions.c.claimed_at, object_versions.c.partition_key, object_versions.c.key)
        .limit(2 * rule.max_objects)  # twice, because the policy may exclude some
    )
    if rule.on_overwrite != "append":
        query = query.where(~_planned_sibling())
    return dict.fromkeys(connection.scalars(query))


def _planned_sibling() -> sa.ColumnElement[bool]:
    """Whether a version of the key is in an open batch: such keys could fill the whole selection."""
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
