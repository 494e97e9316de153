"""`make bench`: rows per second and peak memory, side by side in one run, as ratios.

Absolute numbers are this machine's at this moment; only the ratios are worth keeping.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest_project_tests.bench.landing import land, ministack


@dataclass(frozen=True)
class Trial:
    """What one contestant is given: objects of so many rows (a row has some 100 bytes)."""

    contestant: str
    objects: int
    rows: int


@dataclass(frozen=True)
class Measured:
    """What one contestant did with it."""

    trial: Trial
    rows: int
    seconds: float
    peak_mib: float

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


TRIALS = (
    Trial("by_hand", 150, 120),
    Trial("project", 150, 120),
    Trial("project", 2_000, 120),
    Trial("project", 20, 50_000),
    Trial("project", 80, 50_000),
)


def main() -> int:
    """Run all trials, one after the other, and print them with their ratios."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
        results = [_measure(trial, number, endpoint, Path(folder)) for number, trial in enumerate(TRIALS)]
    _render(results, console)
    return 0 if all(one.rows == one.trial.objects * one.trial.rows for one in results) else 1


def _measure(trial: Trial, number: int, endpoint: str, folder: Path) -> Measured:
    queue = f"bench{number}"
    home = folder / queue
    home.mkdir()
    url = land(endpoint, queue, objects=trial.objects, rows=trial.rows)
    command = [
        sys.executable,
        "-m",
        "ingest_project_tests.bench.contestants",
        trial.contestant,
        endpoint,
        queue,
        url,
    ]
    credentials = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    done = subprocess.run(
        [*command, str(home), str(trial.objects)],
        env={**os.environ, **credentials},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-4000:])
    return Measured(trial, **json.loads(done.stdout.splitlines()[-1]))


def _render(results: list[Measured], console: Console) -> None:
    headings = ("what", "objects", "rows", "seconds", "rows/s", "ratio", "MiB", "ratio")
    table = Table(*headings, title="make bench")
    baseline = results[0]
    for one in results:
        table.add_row(
            one.trial.contestant,
            f"{one.trial.objects:,}",
            f"{one.rows:,}",
            f"{one.seconds:.1f}",
            f"{one.rows_per_second:,.0f}",
            f"{one.rows_per_second / baseline.rows_per_second:.1f}",
            f"{one.peak_mib:,.0f}",
            f"{one.peak_mib / baseline.peak_mib:.1f}",
        )
    console.print(table)
    console.print(
        "ratios to the first row: a receive-read-append-delete loop, one commit per file, without Dagster"
    )


if __name__ == "__main__":
    sys.exit(main())
