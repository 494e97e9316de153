"""`make bench`: how fast the project is, beside what others take for the same, and as its history grows.

Writes what it measured as JSON, and makes docs/performance.md and its plots from that. `--quick` measures
little, to see within minutes that everything works, and writes into a new temporary folder unless `--to`
names one.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ingest_project_tests.bench.drain.referee import measure_drain
from ingest_project_tests.bench.growth.referee import measure_growth
from ingest_project_tests.bench.landing import ministack
from ingest_project_tests.bench.latency.referee import measure_latency
from ingest_project_tests.bench.path.contestants import CONTESTANTS
from ingest_project_tests.bench.path.promises import promises
from ingest_project_tests.bench.path.referee import measure_path
from ingest_project_tests.bench.path.workload import land
from ingest_project_tests.bench.reading.case import Bodies
from ingest_project_tests.bench.reading.cases import cases
from ingest_project_tests.bench.reading.referee import measure_reading
from ingest_project_tests.bench.report.page import write_page
from ingest_project_tests.bench.report.record import (
    Comparison,
    Growth,
    Latency,
    Reading,
    ReadingCase,
    Record,
    WholePath,
    made_with,
    read_comparisons,
    read_path,
    read_reading,
    write,
)
from ingest_project_tests.bench.rounds import PROJECT
from ingest_project_tests.bench.sizes import FULL, LONG, QUICK, Sizes
from ingest_project_tests.bench.write.referee import measure_write

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    """Measure what is asked for; 1 if the project was refused."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=[*PARTS, "page"], help="measure one, or only make the page"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const=QUICK, default=FULL, dest="sizes")
    size.add_argument(
        "--long", action="store_const", const=LONG, dest="sizes",
        help="50,000 messages for `drain`; `growth` to 5,000 snapshots, 1,000,000 object versions",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--rows", type=int, help=f"of each body that is read; {FULL.reading_rows:,} by default"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--to", type=Path, help="the folder of performance.md and bench/")
    asked = parser.parse_args()
    sizes: Sizes = asked.sizes
    folder = asked.to or (Path(tempfile.mkdtemp(prefix="bench-")) if sizes.is_quick else DOCS)
    plots = folder / "bench"
    plots.mkdir(parents=True, exist_ok=True)
    rounds = asked.rounds or sizes.rounds
    sizes = replace(sizes, rounds=rounds, reading_rows=asked.rows or sizes.reading_rows)
    for name, measure in PARTS.items():
        if asked.part in {None, name}:
            for found in measure(sizes, asked.seed):
                write(found, plots)
    _tell(f"written: {write_page(folder)}")
    records = [read_reading(plots), read_path(plots), *read_comparisons(plots)]
    results = [result for one in records if one is not None for result in one.results]
    return 1 if any(one.refused for one in results if one.contestant == PROJECT) else 0


def _reading(sizes: Sizes, seed: int) -> Iterator[Reading]:
    chosen = [case for case in cases() if not sizes.is_quick or case.name in sizes.reading_cases]
    with tempfile.TemporaryDirectory() as folder:
        bodies = Bodies(sizes.reading_rows, seed)
        results = measure_reading(chosen, bodies, sizes.rounds, Path(folder), _tell)
    told = [ReadingCase(one.name, one.format, one.reference, one.bad, one.rivals) for one in chosen]
    yield Reading(made_with(seed, sizes.rounds), sizes.reading_rows, told, results)


def _path(sizes: Sizes, seed: int) -> Iterator[WholePath]:
    """What is measured so far, after each workload: a run that is interrupted leaves what it has."""
    found = WholePath(made_with(seed, sizes.rounds))
    if not sizes.is_quick:
        with _aws() as endpoint:
            found.promises.extend(promises(endpoint, CONTESTANTS))
    for one in sizes.workloads:
        with _aws() as endpoint:
            landed = land(endpoint, one.prefix, one.bodies(seed), one.format)
            results = measure_path(one, landed, CONTESTANTS, seed=seed, rounds=sizes.rounds, told=_tell)
        found.workloads.append(one)
        found.sizes_bytes.append(landed.size_bytes)
        found.results.extend(results)
        yield found


def _write(sizes: Sizes, seed: int) -> Iterator[Comparison]:
    results = measure_write(sizes.written_rows, sizes.partitions, seed=seed, rounds=sizes.rounds, told=_tell)
    yield Comparison("write", made_with(seed, sizes.rounds), sizes.written_rows, results)


def _drain(sizes: Sizes, seed: int) -> Iterator[Comparison]:
    with _aws() as endpoint:
        results = measure_drain(endpoint, sizes.messages, rounds=sizes.rounds, told=_tell)
    yield Comparison("drain", made_with(seed, sizes.rounds), sizes.messages, results)


def _growth(sizes: Sizes, seed: int) -> Iterator[Growth]:
    """What is measured so far, after the table and after each database."""
    found = Growth(made_with(seed, sizes.repeats))
    for points in measure_growth(sizes.snapshots, sizes.versions, repeats=sizes.repeats, told=_tell):
        found.points.extend(points)
        yield found


def _latency(sizes: Sizes, seed: int) -> Iterator[Latency]:
    seconds = measure_latency(sizes.puts, every=sizes.put_every_seconds)
    _tell(f"from put to row: {min(seconds):.2f} s at least, {max(seconds):.2f} s at most")
    yield Latency(made_with(seed, 1), sizes.put_every_seconds, seconds)


PARTS: dict[str, Callable[[Sizes, int], Iterator[Record]]] = {
    "reading": _reading,
    "path": _path,
    "write": _write,
    "drain": _drain,
    "growth": _growth,
    "latency": _latency,
}
"""What is measured, in this order."""


@contextmanager
def _aws() -> Iterator[str]:
    """A new emulator: it holds all objects in memory."""
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
        yield endpoint


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for


if __name__ == "__main__":
    sys.exit(main())
