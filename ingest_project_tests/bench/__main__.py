"""`make bench`: how fast the reading and the whole path are, beside what others take for the same.

Writes what it measured as JSON, and makes docs/performance.md and its plots from that. `--quick` measures
little, to see within two minutes that everything works, and writes into a new temporary folder unless `--to`
names one.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest_project_tests.bench.landing import ministack
from ingest_project_tests.bench.path.contestants import CONTESTANTS
from ingest_project_tests.bench.path.promises import promises
from ingest_project_tests.bench.path.referee import measure_path
from ingest_project_tests.bench.path.workload import Workload, land
from ingest_project_tests.bench.reading.case import Bodies
from ingest_project_tests.bench.reading.cases import cases
from ingest_project_tests.bench.reading.referee import measure_reading
from ingest_project_tests.bench.report.page import write_page
from ingest_project_tests.bench.report.record import (
    Reading,
    ReadingCase,
    WholePath,
    made_with,
    read_path,
    read_reading,
    write,
)
from ingest_project_tests.bench.rounds import PROJECT

DOCS = Path(__file__).parents[2] / "docs"
PARTS = ("reading", "path", "page")
READING_ROWS = 200_000
WORKLOADS = (
    Workload("NDJSON, 24 objects", "ndjson", 24, 82_000, 24),
    Workload("NDJSON, 10,000 objects of 10 KB", "ndjson", 10_000, 76, 150),
    Workload("CSV, 24 objects", "csv", 24, 82_000, 24),
    Workload("Parquet, 24 objects", "parquet", 24, 82_000, 24),
)
QUICK_ROWS = 2_000
QUICK_CASES = ("ndjson", "ndjson, a decimal", "ndjson, one bad: half a line", "csv", "csv, CRLF", "parquet")
QUICK_WORKLOADS = (Workload("NDJSON, 3 objects", "ndjson", 3, 500, 2),)


def main() -> int:
    """Measure what is asked for; 1 if the project was refused."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="measure a half, or make the page only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", type=int, help=f"of each body that is read; {READING_ROWS:,} by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, help="the folder of performance.md and bench/")
    asked = parser.parse_args()
    folder = asked.to or (Path(tempfile.mkdtemp(prefix="bench-")) if asked.quick else DOCS)
    (folder / "bench").mkdir(parents=True, exist_ok=True)
    rounds = asked.rounds or (1 if asked.quick else 3)
    if asked.part in {None, "reading"}:
        rows = asked.rows or (QUICK_ROWS if asked.quick else READING_ROWS)
        write(_reading(rows, rounds, asked.seed, quick=asked.quick), folder / "bench")
    if asked.part in {None, "path"}:
        for found in _path(
            QUICK_WORKLOADS if asked.quick else WORKLOADS, rounds, asked.seed, quick=asked.quick
        ):
            write(found, folder / "bench")
    reading, path = read_reading(folder / "bench"), read_path(folder / "bench")
    _tell(f"written: {write_page(reading, path, folder)}")
    results = [*(reading.results if reading else []), *(path.results if path else [])]
    return 1 if any(one.refused for one in results if one.contestant == PROJECT) else 0


def _reading(rows: int, rounds: int, seed: int, *, quick: bool) -> Reading:
    chosen = [case for case in cases() if not quick or case.name in QUICK_CASES]
    with tempfile.TemporaryDirectory() as folder:
        results = measure_reading(chosen, Bodies(rows, seed), rounds, Path(folder), _tell)
    told = [ReadingCase(one.name, one.format, one.reference, one.bad, one.rivals) for one in chosen]
    return Reading(made_with(seed, rounds), rows, told, results)


def _path(workloads: Sequence[Workload], rounds: int, seed: int, *, quick: bool) -> Iterator[WholePath]:
    """What is measured so far, after each workload: a run that is interrupted leaves what it has."""
    found = WholePath(made_with(seed, rounds))
    if not quick:
        with _aws() as endpoint:
            found.promises.extend(promises(endpoint, CONTESTANTS))
    for one in workloads:
        with _aws() as endpoint:
            landed = land(endpoint, one.prefix, one.bodies(seed), one.format)
            results = measure_path(one, landed, CONTESTANTS, seed=seed, rounds=rounds, told=_tell)
        found.workloads.append(one)
        found.sizes_bytes.append(landed.size_bytes)
        found.results.extend(results)
        yield found


@contextmanager
def _aws() -> Iterator[str]:
    """A new emulator: it holds all objects in memory."""
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
        yield endpoint


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for


if __name__ == "__main__":
    sys.exit(main())
