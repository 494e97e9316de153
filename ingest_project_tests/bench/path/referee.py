"""Measures the whole path, from messages to a committed table.

Each run has a process and a catalog of its own. Its time counts only if the judge finds in its table what was
put: all rows, none twice, and the sum of their amounts.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest_project_tests.bench.landing import BUCKET
from ingest_project_tests.bench.orders import COLUMNS
from ingest_project_tests.bench.path.asked import Asked, command, run_of
from ingest_project_tests.bench.path.contestants import Contestant
from ingest_project_tests.bench.path.judge import Content, content_of
from ingest_project_tests.bench.path.workload import Landed, Workload
from ingest_project_tests.bench.rounds import Refused, Result, Run, Turn, measured

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
LONGEST_SECONDS = 1800


def measure_path(
    workload: Workload,
    landed: Landed,
    contestants: Sequence[Contestant],
    *,
    seed: int,
    rounds: int,
    told: Callable[[str], None],
) -> list[Result]:
    """The results of all contestants with these objects."""
    turns = [Turn(workload.name, one.name, _trial(workload, landed, one, seed)) for one in contestants]
    return measured(turns, rounds, told)


def run_contestant(contestant: Contestant, asked: Asked) -> Run:
    """Run it once. Raises Refused if it fails."""
    done = subprocess.run(
        command(contestant.runs, asked), env={**os.environ, **CREDENTIALS}, capture_output=True, text=True,
        check=False, timeout=LONGEST_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{contestant.name}: {done.stderr[-4000:]}")
    return run_of(done.stdout)


def check(found: Content, expected: Content) -> None:
    """Raises Refused if the table does not hold what was put."""
    if found.rows < expected.rows:
        raise Refused(f"{expected.rows - found.rows:,} of {expected.rows:,} rows are missing")
    if found.rows > expected.rows or found.keys != expected.keys:
        raise Refused(f"{found.rows:,} rows of {found.keys:,} orders, not {expected.rows:,}")
    if found.amount != expected.amount:
        raise Refused(f"the amounts add up to {found.amount}, not {expected.amount}")


def _trial(workload: Workload, landed: Landed, contestant: Contestant, seed: int) -> Callable[[], Run]:
    objects = workload.objects_of(contestant.name)
    expected = workload.expected(objects, seed)

    def run() -> Run:
        home = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            url = landed.queue("trial", objects)
            asked = Asked(
                landed.endpoint, BUCKET, workload.prefix, url, str(home), objects, workload.format, COLUMNS
            )
            taken = run_contestant(contestant, asked)
            check(content_of(home), expected)
            return taken
        finally:
            shutil.rmtree(home)

    return run
