"""Plans batches: puts pending object versions together into what one run commits to one table."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.model import BatchKind, BatchState, ObjectState, PlanningRules
from ingest_project.batches.sql import portions
from ingest_project.batches.tables import batch_objects, batches, object_versions
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

    Every table gets a batch before any table gets a second one. Objects that the tables' policies exclude settle here.
    """
    _one_planner_at_a_time(connection, queue)
    planned: list[str] = []
    waiting = list(rules)
    while waiting and _open_batches(connection, queue) < max_in_flight:
        rule = waiting.pop(0)
        batch_id = _plan_one(connection, queue, rule, now)
        if batch_id is not None:
            planned.append(batch_id)
            waiting.append(rule)
    return planned


def new_batch_id(now: datetime) -> str:
    """A batch id that sorts by time, which lets Iceberg prune data files by it: `20261120T101530123Z-9f3a1c2b`."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


def insert_batch(connection: sa.Connection, row: dict[str, Any], members: Iterable[str]) -> None:
    """Record a batch and the object versions in it."""
    connection.execute(sa.insert(batches), row)
    connection.execute(
        sa.insert(batch_objects), [{"batch_id": row["batch_id"], "object_id": member} for member in members]
    )


def batch_row(
    *,
    batch_id: str,
    queue: str,
    rule: PlanningRules,
    kind: BatchKind,
    objects: int,
    size_bytes: int,
    now: datetime,
) -> dict[str, Any]:
    """A row of `batches` for new work."""
    return {
        "batch_id": batch_id,
        "queue": queue,
        "table_name": rule.table,
        "kind": kind,
        "on_overwrite": rule.on_overwrite,
        "state": BatchState.PLANNED,
        "attempt": 1,
        "starts": 0,
        "objects": objects,
        "size_bytes": size_bytes,
        "planned_at": now,
        "not_before": now,
    }


def versions_of_keys(connection: sa.Connection, key_ids: Iterable[str]) -> dict[str, list[KeyVersion]]:
    """All versions that the ledger knows of these keys, by key id."""
    columns = (
        object_versions.c.key_id, object_versions.c.object_id, object_versions.c.state, object_versions.c.version_id,
        object_versions.c.sequencer, object_versions.c.etag, object_versions.c.event_time, object_versions.c.claimed_at,
    )  # fmt: skip
    found: dict[str, list[KeyVersion]] = defaultdict(list)
    for portion in portions(key_ids):
        for key_id, object_id, state, *rest in connection.execute(
            sa.select(*columns).where(object_versions.c.key_id.in_(portion))
        ):
            found[key_id].append(KeyVersion(object_id, ObjectState(state), *rest))
    return found


def settle_unread(
    connection: sa.Connection, reasons: Iterable[tuple[str, str]], *, state: ObjectState, now: datetime
) -> None:
    """Settle object versions that will not be read, each with its reason."""
    for object_id, reason in reasons:
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id == object_id)
            .values(state=state, reason=reason, settled_at=now, batch_id=None)
        )


def _plan_one(connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime) -> str | None:
    chosen: list[Any] = []
    size_bytes = 0
    for row in _candidates(connection, queue, rule, now):
        if chosen and (len(chosen) == rule.max_objects or size_bytes + row.size_bytes > rule.max_bytes):
            break
        chosen.append(row)
        size_bytes += row.size_bytes
    if not chosen:
        return None
    batch_id = new_batch_id(now)
    ids = [row.object_id for row in chosen]
    insert_batch(
        connection,
        batch_row(
            batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.INGEST,
            objects=len(ids), size_bytes=size_bytes, now=now,
        ),
        ids,
    )  # fmt: skip
    for portion in portions(ids):
        connection.execute(
            sa.update(object_versions)
            .where(object_versions.c.object_id.in_(portion))
            .values(state=ObjectState.PLANNED, batch_id=batch_id)
        )
    return batch_id


def _candidates(connection: sa.Connection, queue: str, rule: PlanningRules, now: datetime) -> list[Any]:
    """Pending versions that may be ingested now, oldest claim first; those that the policy excludes settle on the way."""
    query = (
        sa.select(object_versions.c.object_id, object_versions.c.key_id, object_versions.c.size_bytes)
        .where(
            object_versions.c.queue == queue,
            object_versions.c.table_name == rule.table,
            object_versions.c.state == ObjectState.PENDING,
            object_versions.c.not_before <= now,
            ~_being_rebuilt(rule.table),
        )
        .order_by(object_versions.c.claimed_at, object_versions.c.partition_key, object_versions.c.key)
        .limit(2 * rule.max_objects)  # twice, as some may have to wait for another version of their key
    )
    rows = connection.execute(query).all()
    known = versions_of_keys(connection, (row.key_id for row in rows))
    choices = [choose(versions, rule.on_overwrite) for versions in known.values()]
    _settle_excluded(connection, choices, now)
    ingest = {object_id for choice in choices for object_id in choice.ingest}
    return [row for row in rows if row.object_id in ingest]


def _settle_excluded(connection: sa.Connection, choices: Iterable[Choice], now: datetime) -> None:
    for choice in choices:
        settle_unread(connection, choice.superseded, state=ObjectState.SUPERSEDED, now=now)
        settle_unread(connection, choice.skipped, state=ObjectState.SKIPPED, now=now)


def _being_rebuilt(table: str) -> sa.ColumnElement[bool]:
    """The partition of the object is being rebuilt: what came meanwhile waits for that to end."""
    return (
        sa.select(batches.c.batch_id)
        .where(
            batches.c.table_name == table,
            batches.c.state == BatchState.PLANNED,
            batches.c.kind == BatchKind.REBUILD,
            sa.func.coalesce(batches.c.partition_key, "")
            == sa.func.coalesce(object_versions.c.partition_key, ""),
        )
        .exists()
    )


def _open_batches(connection: sa.Connection, queue: str) -> int:
    query = sa.select(sa.func.count()).where(
        batches.c.queue == queue, batches.c.state == BatchState.PLANNED, batches.c.kind == BatchKind.INGEST
    )
    return connection.scalar(query) or 0


def _one_planner_at_a_time(connection: sa.Connection, queue: str) -> None:
    """Two daemons must not plan the same versions. SQLite's writing transactions exclude each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"ingest.plan.{queue}"))))
