"""A new batch, as rows of the ledger."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest_project.batches.model import BatchKind, BatchRole, BatchState, PlanningRules
from ingest_project.batches.tables import batch_objects, batches


def new_batch_id(now: datetime) -> str:
    """A batch id that sorts by time, which lets Iceberg prune data files by it: `20261120T101530123Z-9f3a1c2b`."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


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


def insert_batch(
    connection: sa.Connection, row: dict[str, Any], *, ingest: Iterable[str], remove: Iterable[str] = ()
) -> None:
    """Record a batch, the object versions that it ingests, and those whose rows it only takes out."""
    connection.execute(sa.insert(batches), row)
    members = [(member, BatchRole.INGEST) for member in ingest] + [(one, BatchRole.REMOVE) for one in remove]
    if members:
        connection.execute(
            sa.insert(batch_objects),
            [
                {"batch_id": row["batch_id"], "object_id": object_id, "role": role}
                for object_id, role in members
            ],
        )
