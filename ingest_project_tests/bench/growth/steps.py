"""How long the steps take as the history grows: a table's commits, and what the ledger is asked.

Each function runs in a process of its own and answers with points, each a list of step, size and seconds, one
for each repetition. The history is made by the project's own steps.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ingest_project.iceberg.replacement import Replacement
from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.bench.path.asked import TABLE
from ingest_project_tests.bench.write.rows import rows, services_in
from ingest_project_tests.ledger import factories
from ingest_project_tests.ledger.factories import QUEUE, claim, deliver, outcome, plan, routed, start

Point = tuple[str, int, list[float]]
COMMIT_ROWS = 100
MEASURED_OBJECTS = 100
"""So many objects are claimed, planned and settled at once where it is measured."""
FILLED_OBJECTS = 5_000
PARTITIONS = [f"2026-{1 + number // 28:02}-{1 + number % 28:02}" for number in range(336)]
ASKED_PARTITIONS = 10


def commits(home: str, sizes: Sequence[int], repeats: int) -> list[Point]:
    """A commit of one small file, on a table that has so many snapshots."""
    services = services_in(Path(home))
    settings = services.settings.table(TABLE)
    table = services.lake.table(settings, columns=settings.column_types or {})
    frame, points, done = rows(COMMIT_ROWS, 1, 1), [], 0

    def commit() -> float:
        nonlocal done
        written = table.write(frame)
        done += 1
        started = time.perf_counter()
        table.commit(f"batch-{done}", [written], Replacement)
        return time.perf_counter() - started

    for size in sizes:
        while done < size:
            commit()
        points.append(("commit", size, [commit() for _ in range(repeats)]))
    return points


def ledger(url: str, sizes: Sequence[int], repeats: int) -> list[Point]:
    """The ledger's steps with a batch of 100 objects, when it has so many settled object versions."""
    found, numbers, points = Ledger(url, clock=factories.Clock()), count(), []
    try:
        _journey(found, numbers, MEASURED_OBJECTS, _untimed)  # the first one also compiles the statements
        _ask(found, _untimed)
        filled = MEASURED_OBJECTS
        for size in sizes:
            while filled < size:
                objects = min(FILLED_OBJECTS, size - filled)
                _journey(found, numbers, objects, _untimed)
                filled += objects
            taken: dict[str, list[float]] = {}
            for _ in range(repeats):
                _journey(found, numbers, MEASURED_OBJECTS, _noting(taken))
                _ask(found, _noting(taken))
                filled += MEASURED_OBJECTS
            points += [(step, size, seconds) for step, seconds in taken.items()]
    finally:
        found.close()
    return points


Timed = Callable[[str, Callable[[], Any]], Any]


def _journey(found: Ledger, numbers: Iterator[int], objects: int, timed: Timed) -> None:
    """So many new objects, from their messages to a settled batch and deleted messages."""
    claims = [
        claim(routed(f"orders/{number:09}.ndjson", partition=PARTITIONS[number % len(PARTITIONS)]))
        for number in (next(numbers) for _ in range(objects))
    ]
    timed("claim", lambda: deliver(found, *claims))
    rule = factories.rules(max_objects=FILLED_OBJECTS, max_bytes=10**12)
    (batch_id,) = timed("plan", lambda: plan(found, rule))
    work = start(found, batch_id)
    settled = {member.object_id: 10 for member in work.objects}
    found.confirm(batch_id, run_id="run-1", object_ids=set(settled))
    timed("settle", lambda: found.settle(batch_id, run_id="run-1", outcome=outcome(settled)))
    messages = found.deletable_messages(QUEUE, limit=objects)
    found.messages_deleted(QUEUE, [one.message_id for one in messages])


def _ask(found: Ledger, timed: Timed) -> None:
    timed("partition_rows", lambda: found.partition_rows(factories.TABLE, PARTITIONS[:ASKED_PARTITIONS]))
    timed(
        "status",
        lambda: (found.queue_report(QUEUE), found.table_report(factories.TABLE), found.failures()),
    )


def _untimed(_: str, step: Callable[[], Any]) -> Any:
    return step()


def _noting(taken: dict[str, list[float]]) -> Timed:
    def timed(name: str, step: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        answer = step()
        taken.setdefault(name, []).append(time.perf_counter() - started)
        return answer

    return timed
