"""Builders of what the ledger is given: messages, routed objects, rules, and the ends of batches."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ingest_project.ingestion.write_order import WriteOrder
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import (
    BatchOutcome,
    BatchWork,
    ClaimResult,
    FailedObject,
    PlanningRules,
)
from ingest_project.ledger.rebuild import HeldKeys
from ingest_project.settings.error_classes import Action
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
QUEUE = "landing"
TABLE = "sales.orders"
PARTITION = "2026-11-20"

_serial = count(1)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


def routed(
    key: str = "orders/a.ndjson",
    *,
    table: str = TABLE,
    partition: str | None = PARTITION,
    **fields: Any,
) -> RoutedObject:
    """An object version written one minute before `NOW`; by default its version is the sequencer."""
    values = {
        "bucket": "acme-landing",
        "key": key,
        "size_bytes": 100,
        "event_time": NOW - timedelta(minutes=1),
        "sequencer": "0055",
        "etag": "etag-1",
    }
    return RoutedObject(ObjectVersion(**{**values, **fields}), table, partition)


def listed(
    key: str = "orders/a.ndjson", *, etag: str = "etag-1", partition: str | None = PARTITION, **fields: Any
) -> RoutedObject:
    """The same as a listing of S3 shows it: identified by its eTag alone."""
    return routed(key, partition=partition, etag=etag, sequencer=None, **fields)


def message(message_id: str | None = None, *, received_at: datetime = NOW, **fields: Any) -> Message:
    """A message received for the first time; its receipt handle is unique."""
    number = next(_serial)
    values = {
        "message_id": message_id or f"message-{number}",
        "receipt_handle": f"handle-{number}",
        "body": "{}",
        "receive_count": 1,
        "sent_at": received_at - timedelta(seconds=5),
        "received_at": received_at,
    }
    return Message(**{**values, **fields})


def claim(*objects: RoutedObject, message_id: str | None = None, **fields: Any) -> Claim:
    """A message that names these objects."""
    rejected = fields.pop("rejected", ())
    return Claim(message(message_id, **fields), objects, rejected)


def rules(table: str = TABLE, **changes: Any) -> PlanningRules:
    values = {"table": table, "max_objects": 1000, "max_bytes": 1_000_000, "on_overwrite": "replace"}
    return PlanningRules(**{**values, **changes})


def deliver(ledger: Ledger, *claims: Claim, now: datetime = NOW) -> ClaimResult:
    """Claim messages and plan nothing."""
    return ledger.claim_and_plan(
        QUEUE, claims, rules=[], max_in_flight=4, invisible_until=now + timedelta(minutes=5)
    )


def plan(ledger: Ledger, *tables: PlanningRules, max_in_flight: int = 4, queue: str = QUEUE) -> list[str]:
    """Plan what waits; returns the ids of the new batches."""
    before = {batch.batch_id for batch in ledger.open_batches(queue)}
    ledger.claim_and_plan(
        queue, [], rules=tables or [rules()], max_in_flight=max_in_flight, invisible_until=NOW
    )
    return [batch.batch_id for batch in ledger.open_batches(queue) if batch.batch_id not in before]


def plan_one(ledger: Ledger, *tables: PlanningRules) -> str:
    """Plan what waits, which must give one batch."""
    (batch_id,) = plan(ledger, *tables)
    return batch_id


def start(ledger: Ledger, batch_id: str, run_id: str = "run-1") -> BatchWork:
    """Start a batch that is open."""
    work = ledger.start(batch_id, run_id=run_id)
    assert work is not None
    return work


def keys_of(work: BatchWork) -> list[str]:
    return [member.object.key for member in work.objects]


def id_of(work: BatchWork, key: str = "orders/a.ndjson") -> str:
    """The object id of the member with this key."""
    (object_id,) = [member.object_id for member in work.objects if member.object.key == key]
    return object_id


def failure(object_id: str, *, transient: bool = False, reason: str = "it is broken") -> FailedObject:
    return FailedObject(object_id, "unavailable" if transient else "unreadable", reason, transient)


def outcome(
    rows: Mapping[str, int] | None = None,
    failures: Iterable[FailedObject] = (),
    *,
    snapshot_id: int | None = 7,
    committed_at: datetime = NOW,
    superseded: Mapping[str, str] | None = None,
) -> BatchOutcome:
    return BatchOutcome(rows or {}, tuple(failures), snapshot_id, committed_at, superseded=superseded or {})


def commit(
    ledger: Ledger, batch_id: str, *, run_id: str = "run-1", failures: Iterable[FailedObject] = ()
) -> None:
    """Start, confirm and settle a batch: ten rows for each object that did not fail; S3 calls it newest."""
    finish(ledger, start(ledger, batch_id, run_id), run_id=run_id, failures=failures)


def finish(
    ledger: Ledger, work: BatchWork, *, run_id: str = "run-1", failures: Iterable[FailedObject] = ()
) -> None:
    """Confirm and settle a batch that was started, as `commit` does."""
    batch_id = work.batch.batch_id
    failed = {one.object_id for one in failures}
    rows = {member.object_id: 10 for member in work.objects if member.object_id not in failed}
    order = WriteOrder(current=frozenset(rows))
    ledger.confirm(batch_id, run_id=run_id, object_ids=set(rows))
    ended = outcome(rows, failures, superseded=order.superseded(work, rows))
    ledger.settle(batch_id, run_id=run_id, outcome=ended)


def find_outdated(ledger: Ledger, batch_id: str, *, run_id: str = "run-1") -> None:
    """Start and settle a batch whose objects are all, as S3 shows, older than those in the table."""
    work = start(ledger, batch_id, run_id)
    assert all(member.others is not None and member.others.in_table for member in work.objects)
    order = WriteOrder(outdated=frozenset(member.object_id for member in work.objects))
    ledger.settle(batch_id, run_id=run_id, outcome=outcome(superseded=order.superseded(work, ())))


def ingest(ledger: Ledger, *objects: RoutedObject, table: PlanningRules | None = None) -> None:
    """The whole journey of these objects, each with a message of its own."""
    deliver(ledger, *[claim(one) for one in objects])
    for batch_id in plan(ledger, table or rules()):
        commit(ledger, batch_id)


def rebuild(
    ledger: Ledger,
    *objects: RoutedObject,
    partition: str | None = PARTITION,
    run_id: str = "rebuild-1",
    **fields: Any,
) -> str:
    """Plan the rebuild of a partition from a listing of these objects."""
    table = fields.pop("table", rules())
    return ledger.plan_rebuild(
        queue=QUEUE, rule=table, partition_key=partition, listed=objects, run_id=run_id, **fields
    )


def held(*keys: str, bucket: str = "acme-landing", prefix: str = "") -> HeldKeys:
    """All that a listing showed: these keys."""
    return HeldKeys(bucket, prefix, frozenset(keys))


def fail_for_good(
    ledger: Ledger, *objects: RoutedObject, error_class: str = "missing", action: Action = "release"
) -> str:
    """Claim these objects, each with a message named for its key, and let them fail in one batch."""
    deliver(ledger, *[claim(one, message_id=f"message of {one.object.key}") for one in objects])
    work = start(ledger, plan_one(ledger))
    failures = [
        FailedObject(one.object_id, error_class, f"{one.object.key} is gone", False, action)
        for one in work.objects
    ]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures, snapshot_id=None))
    return work.batch.batch_id


def deletable(ledger: Ledger) -> list[str]:
    return sorted(one.message_id for one in ledger.deletable_messages(QUEUE))


def objects_by_state(ledger: Ledger, table: str = TABLE) -> dict[str, int]:
    return ledger.table_report(table).objects
