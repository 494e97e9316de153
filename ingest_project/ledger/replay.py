"""Plans the replay of object versions with rows in quarantine: they are read again, their rows replaced.

A person asks for it after a mapping is fixed. A replay is a batch like any other: the queue's next tick
launches its run, and after a crash a later tick does. Its versions stay committed meanwhile, and keep their
rows if they cannot be read any more. Other versions of its keys wait until it is settled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.job_records import add_work
from ingest_project.ledger.known_versions import keys_being_committed, keys_being_rebuilt
from ingest_project.ledger.model import BatchKind, ObjectState, PlanningRules
from ingest_project.ledger.new_batch import batch_row, insert_batch, new_batch_id
from ingest_project.ledger.sql import exclusively
from ingest_project.ledger.tables import key_id, object_versions
from ingest_project.sources.object_version import bucket_and_key

AT_ONCE = 50_000
"""The most object versions of one call: its transaction holds the queue's lock for a second or two."""


@dataclass(frozen=True, slots=True)
class ReplaySelection:
    """Which object versions of a table to read again: those with rows in quarantine; with `whole`, all.

    `uris` are `s3://bucket/key`; if given, only versions of these keys. `for_job`: the job whose work it is.
    """

    table: str
    uris: tuple[str, ...] = ()
    whole: bool = False
    for_job: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was planned: batches with their numbers of object versions, and how many bad rows these have now.

    `busy` counts versions that were left alone because work on their keys is under way. `more`: the limit of
    one call was reached.
    """

    batches: Mapping[str, int] = field(default_factory=dict)
    rejected_rows: int = 0
    busy: int = 0
    more: bool = False

    @property
    def objects(self) -> int:
        return sum(self.batches.values())


def plan_replay(
    connection: sa.Connection, queue: str, rule: PlanningRules, selection: ReplaySelection, *, now: datetime
) -> Replayed:
    """Make batches of what the selection names, within the table's limits.

    A second call has no further effect.
    """
    exclusively(connection, queue)
    chosen = connection.execute(_chosen(selection, ~_is_busy(selection.table)).limit(AT_ONCE)).all()
    busy = connection.scalar(
        sa.select(sa.func.count()).select_from(_chosen(selection, _is_busy(selection.table)).subquery())
    )
    planned: Counter[str] = Counter()
    for portion in _portions(chosen, rule):
        batch_id = new_batch_id(now)
        row = batch_row(
            batch_id=batch_id, queue=queue, rule=rule, kind=BatchKind.REPLAY, objects=len(portion),
            sizes=(one.size_bytes for one in portion), now=now,
        )  # fmt: skip
        insert_batch(connection, row, ingest=[one.object_id for one in portion])
        planned[batch_id] = len(portion)
    if selection.for_job is not None:
        add_work(connection, selection.for_job, batch_ids=planned)
    rejected = sum(one.rejected_rows or 0 for one in chosen)
    return Replayed(dict(planned), rejected, busy or 0, more=len(chosen) == AT_ONCE)


def _chosen(selection: ReplaySelection, where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """All committed versions of the selected keys, those of one key together.

    With `append` a key may have several, which differ in the table by their batches only.
    """
    rejects = object_versions.alias("rejects")
    wanted = sa.select(rejects.c.key_id).where(
        rejects.c.table_name == selection.table, rejects.c.state == ObjectState.COMMITTED
    )
    if not selection.whole:
        wanted = wanted.where(rejects.c.rejected_rows > 0)
    if selection.uris:
        keys = (bucket_and_key(uri) for uri in selection.uris)
        wanted = wanted.where(
            rejects.c.key_id.in_([key_id(selection.table, bucket, key) for bucket, key in keys])
        )
    return (
        sa.select(
            object_versions.c.object_id, object_versions.c.key_id, object_versions.c.size_bytes,
            object_versions.c.rejected_rows,
        )
        .where(object_versions.c.key_id.in_(wanted), object_versions.c.state == ObjectState.COMMITTED, where)
        .order_by(object_versions.c.key_id, object_versions.c.object_id)
    )  # fmt: skip


def _is_busy(table: str) -> sa.ColumnElement[bool]:
    """Work on the key is under way: a version of it is in an open batch, or a rebuild or replay has it."""
    sibling = object_versions.alias("sibling")
    planned = (
        sa.select(sibling.c.object_id)
        .where(sibling.c.key_id == object_versions.c.key_id, sibling.c.state == ObjectState.PLANNED)
        .exists()
    )
    taken = keys_being_rebuilt(table).union(keys_being_committed(table))
    return sa.or_(planned, object_versions.c.key_id.in_(taken))


def _portions(chosen: Sequence[Any], rule: PlanningRules) -> Iterator[list[Any]]:
    """Batches within the table's limits; the versions of one key stay together."""
    portion: list[Any] = []
    size_bytes = 0
    for _, versions in groupby(chosen, key=lambda one: one.key_id):
        of_key = list(versions)
        key_bytes = sum(one.size_bytes for one in of_key)
        if portion and (
            len(portion) + len(of_key) > rule.max_objects or size_bytes + key_bytes > rule.max_bytes
        ):
            yield portion
            portion, size_bytes = [], 0
        portion += of_key
        size_bytes += key_bytes
    if portion:
        yield portion
