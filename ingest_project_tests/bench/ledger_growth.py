"""Measures what a tick and a batch cost in ledgers with histories of different lengths.

    python -m ingest_project_tests.bench.ledger_growth [--versions 1000 200000] [--rounds 5] [--ledger URL]

Milliseconds are of CPU for SQLite and of the clock for PostgreSQL, whose work is done elsewhere. The URL must
be that of an empty database; the histories are then made one on top of the other. Each batch has 1,000
objects.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from ingest_project.ledger import tables
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchOutcome, PlanningRules
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message

QUEUE, TABLE, BUCKET = "landing", "sales.orders", "acme-landing"
OF_BATCH = 1_000
AT_ONCE = 20_000
DAYS = 336
NOW = datetime.now(UTC)
PARTITIONS = [f"day-{day:03}" for day in range(30)]
Answer = TypeVar("Answer")


def main() -> None:
    """Measure each length of history, and print the milliseconds of each question."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--versions", type=int, nargs="+", default=[1_000, 200_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ledger", help="URL of an empty PostgreSQL database")
    asked = parser.parse_args()
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        made = 0
        for versions in sorted(asked.versions):
            file = Path(folder, f"{versions}.db")
            ledger = Ledger(asked.ledger or f"sqlite:///{file}")
            _make_history(ledger, made if asked.ledger else 0, versions)
            made = versions
            clock = time.perf_counter if asked.ledger else time.process_time
            found.append(_milliseconds(ledger, clock, asked.rounds, salt=versions))
            ledger.close()
            if not asked.ledger:
                found[-1]["bytes per version"] = file.stat().st_size / (versions + asked.rounds * OF_BATCH)
    _print(sorted(asked.versions), found)


def _print(versions: list[int], found: list[dict[str, float]]) -> None:
    lines = [("", *(f"{number:,}" for number in versions), "factor")]
    for name, first in found[0].items():
        times = [one[name] for one in found]
        lines.append((name, *(f"{one:,.1f}" for one in times), f"{times[-1] / first:.1f}"))
    for line in lines:
        print(f"{line[0]:22}" + "".join(f"{cell:>14}" for cell in line[1:]))  # noqa: T201


def _make_history(ledger: Ledger, first: int, end: int) -> None:
    """Committed object versions with their deleted messages and their batches."""
    engine = ledger._database._engine
    for start in range(first, end, AT_ONCE):
        rows: dict[sa.Table, list[dict[str, Any]]] = defaultdict(list)
        for number in range(start, min(end, start + AT_ONCE)):
            _add_version(rows, number, at=NOW - timedelta(seconds=end - number))
        with engine.begin() as connection:
            for table, of_table in rows.items():
                connection.execute(sa.insert(table), of_table)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))


def _add_version(rows: dict[sa.Table, list[dict[str, Any]]], number: int, *, at: datetime) -> None:
    routed, batch = _routed(number, at), f"20261101T000000Z-{number // OF_BATCH:08x}"
    item = routed.object
    object_id, key_id = tables.object_and_key_id(TABLE, BUCKET, item.key, item.version)
    known = {"queue": QUEUE, "message_id": _message_id(number)}
    rows[tables.object_versions].append({
        "object_id": object_id, "key_id": key_id, "queue": QUEUE, "table_name": TABLE,
        "partition_key": routed.partition_key, "bucket": BUCKET, "key": item.key,
        "version_id": item.version_id, "sequencer": item.sequencer, "etag": item.etag,
        "size_bytes": item.size_bytes, "event_time": at, "claimed_at": at, "state": "committed",
        "batch_id": batch, "attempts": 0, "not_before": at, "rows": 76, "snapshot_id": number // OF_BATCH,
        "settled_at": at,
    })  # fmt: skip
    rows[tables.messages].append({
        **known, "state": "deleted", "receive_count": 1, "sent_at": at, "received_at": at,
        "invisible_until": at, "deleted_at": at,
    })  # fmt: skip
    rows[tables.message_objects].append({**known, "object_id": object_id})
    rows[tables.batch_objects].append(
        {"batch_id": batch, "object_id": object_id, "role": "ingest", "confirmed": True, "rows": 76}
    )
    if number % OF_BATCH == 0:
        rows[tables.batches].append({
            "batch_id": batch, "queue": QUEUE, "table_name": TABLE, "kind": "ingest",
            "on_overwrite": "replace", "state": "committed", "attempt": 1, "starts": 1, "objects": OF_BATCH,
            "size_bytes": 1, "planned_at": at, "not_before": at, "rows": 76 * OF_BATCH, "run_id": "run",
            "committed_at": at, "settled_at": at, "snapshot_id": number // OF_BATCH,
        })  # fmt: skip


def _milliseconds(ledger: Ledger, clock: Callable[[], float], rounds: int, *, salt: int) -> dict[str, float]:
    """The median of each question of a tick, a batch and a status."""
    times: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, ask: Callable[[], Answer]) -> Answer:
        began = clock()
        answer = ask()
        times[name].append((clock() - began) * 1000)
        return answer

    for number in range(rounds):
        _one_batch(ledger, timed, list(_claims(salt * 1_000_000 + number * OF_BATCH)))
    return {name: statistics.median(of_name) for name, of_name in times.items()}


def _one_batch(ledger: Ledger, timed: Callable[[str, Callable[[], Any]], Any], claims: list[Claim]) -> None:
    until = NOW + timedelta(hours=1)
    rule = PlanningRules(TABLE, max_objects=OF_BATCH, max_bytes=2**40, on_overwrite="replace")

    def claim(some: list[Claim], *rules: PlanningRules) -> Any:
        return ledger.claim_and_plan(QUEUE, some, rules=rules, max_in_flight=4, invisible_until=until)

    timed("claim", lambda: claim(claims))
    timed("plan", lambda: claim([], rule))
    (batch,) = timed("open batches", lambda: ledger.open_batches(QUEUE))
    work = timed("start", lambda: ledger.start(batch.batch_id, run_id="run"))
    rows = {member.object_id: 76 for member in work.objects}
    timed("confirm", lambda: ledger.confirm(batch.batch_id, run_id="run", object_ids=set(rows)))
    outcome = BatchOutcome(rows=rows, failures=(), snapshot_id=1, committed_at=NOW)
    timed("settle", lambda: ledger.settle(batch.batch_id, run_id="run", outcome=outcome))
    timed("partition rows", lambda: ledger.partition_rows(TABLE, PARTITIONS))
    messages = timed("deletable", lambda: ledger.deletable_messages(QUEUE))
    ids = [one.message_id for one in messages]
    timed("deleted", lambda: ledger.messages_deleted(QUEUE, ids))
    timed("waiting", lambda: ledger.waiting_objects(QUEUE, [TABLE]))
    timed("to extend", lambda: ledger.messages_to_extend(QUEUE, timeout=timedelta(minutes=5)))
    timed("unreported", lambda: ledger.unreported_batches(QUEUE))
    ledger.reported(QUEUE, batch.batch_id)
    timed("status: table", lambda: ledger.table_report(TABLE))
    timed("status: queue", lambda: ledger.queue_report(QUEUE))
    timed("status: failures", ledger.failures)


def _claims(first: int) -> Iterator[Claim]:
    for number in range(first, first + OF_BATCH):
        message = Message(_message_id(number), "h" * 180, "{}", 1, NOW, NOW)
        yield Claim(message, (_routed(number, NOW),))


def _routed(number: int, at: datetime) -> RoutedObject:
    version = f"{number * 2654435761 % 2**64:032x}"
    key = f"orders/dt=2026-11-20/{number:012}.ndjson"
    item = ObjectVersion(BUCKET, key, 10_240, at, version, f"{number:018X}", version)
    return RoutedObject(item, TABLE, f"day-{number % DAYS:03}")


def _message_id(number: int) -> str:
    """As random as SQS's: they lie anywhere in an index."""
    return str(UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


if __name__ == "__main__":
    main()
