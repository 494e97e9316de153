"""Measures the writing of rows into few and many partitions."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from ingest_project_tests.bench.own_process import answer_of, run_of
from ingest_project_tests.bench.path.asked import TABLE
from ingest_project_tests.bench.path.judge import rows_of
from ingest_project_tests.bench.rounds import Refused, Result, Run, Turn, measured
from ingest_project_tests.bench.write.contestants import CONTESTANTS, FLOOR


def case_of(partitions: int) -> str:
    """The name of the case with so many partitions."""
    return "1 partition" if partitions == 1 else f"{partitions:,} partitions"


def measure_write(
    count: int, partitions: Sequence[int], *, seed: int, rounds: int, told: Callable[[str], None]
) -> list[Result]:
    """The results of all contestants with so many rows in each of these numbers of partitions."""
    turns = [
        Turn(case_of(one), name, _trial(name, function, count, one, seed))
        for one in partitions
        for name, function in CONTESTANTS.items()
    ]
    return measured(turns, rounds, told)


def _trial(name: str, function: str, count: int, partitions: int, seed: int) -> Callable[[], Run]:
    given = {"count": count, "partitions": partitions, "seed": seed}

    def run() -> Run:
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            run = run_of(answer_of(function, {**given, "home": home}))
            check(_written(name, Path(home)), count)
            return run

    return run


def check(found: int, expected: int) -> None:
    """Raises Refused if other rows were written than there are."""
    if found != expected:
        raise Refused(f"{found:,} rows were written, not {expected:,}")


def _written(name: str, home: Path) -> int:
    if name != FLOOR:
        return rows_of(home, TABLE)
    return sum(pq.read_metadata(file).num_rows for file in home.glob("files/*.parquet"))
