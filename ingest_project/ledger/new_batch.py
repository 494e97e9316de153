"""A new batch, as rows of the ledger."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.model import BatchKind, BatchRole, BatchState, PlanningRules
from ingest_project.ledger.tables import batch_objects, batches

LARGEST_SUM = 2**63 - 1
"""The largest integer that the database stores."""


def sum_of_claims(sizes: Iterable[int]) -> int:
    """The size of a batch, at most `LARGEST_SUM`: its objects' sizes are only claims of messages."""
    return min(sum(sizes), LARGEST_SUM)


def new_batch_id(now: datetime) -> str:
    """A batch id such as `20261120T101530123Z-9f3a1c2b`.

    It sorts by time, so that Iceberg can prune data files by it.
    """
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


def batch_row(
    *,
    batch_id: str,
    queue: str,
    rule: PlanningRules,
    kind: BatchKind,
    objects: int,
    sizes: Iterable[int],
    now: datetime,
) -> dict[str, Any]:
    """A row of `batches` for a new batch."""
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
        "size_bytes": sum_of_claims(sizes),
        "planned_at": now,
        "not_before": now,
    }


def insert_batch(
    connection: sa.Connection,
    row: dict[str, Any],
    *,
    ingest: Iterable[str],
    remove: Iterable[str] = (),
    gone: Iterable[str] = (),
) -> None:
    """Record a batch and its object versions, by their roles (`BatchRole`)."""
    connection.execute(sa.insert(batches), row)
    roles = ((BatchRole.INGEST, ingest), (BatchRole.REMOVE, remove), (BatchRole.GONE, gone))
    members = [(object_id, role) for role, ids in roles for object_id in ids]
    if members:
        connection.execute(
            sa.insert(batch_objects),
            [
                {"batch_id": row["batch_id"], "object_id": object_id, "role": role}
                for object_id, role in members
            ],
        )
