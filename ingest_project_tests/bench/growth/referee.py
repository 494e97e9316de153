"""Measures what grows with history, on SQLite, and on the PostgreSQL of INGEST_TEST_POSTGRES_URL."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ingest_project_tests.bench.own_process import answer_of
from ingest_project_tests.databases import SERVER_VARIABLE, postgres

STEPS = "ingest_project_tests.bench.growth.steps"
CATALOG = "Iceberg table"


@dataclass(frozen=True, slots=True)
class Point:
    """A step's seconds, one for each repetition, where there was so much history."""

    where: str
    step: str
    size: int
    seconds: list[float]

    @property
    def median(self) -> float:
        return median(self.seconds)


def measure_growth(
    snapshots: Sequence[int], versions: Sequence[int], *, repeats: int, told: Callable[[str], None]
) -> Iterator[list[Point]]:
    """The points of each part: the table's commits, and the ledger on each database that there is."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        yield _points(CATALOG, "commits", told, home=home, sizes=snapshots, repeats=repeats)
        url = f"sqlite:///{home}/growing.db"
        yield _points("SQLite", "ledger", told, url=url, sizes=versions, repeats=repeats)
    if os.environ.get(SERVER_VARIABLE):
        made = postgres()
        try:
            yield _points("PostgreSQL", "ledger", told, url=made.ledger_url, sizes=versions, repeats=repeats)
        finally:
            made.close()


def _points(where: str, function: str, told: Callable[[str], None], **given: object) -> list[Point]:
    points = [
        Point(where, step, size, seconds) for step, size, seconds in answer_of(f"{STEPS}:{function}", given)
    ]
    for one in points:
        told(f"{where}: {one.step} at {one.size:,}: {one.median * 1000:.1f} ms")
    return points
