"""How much `make bench` measures: in earnest, with a longer history, or only to see that it works."""

from dataclasses import dataclass, replace

from ingest_project_tests.bench.path.workload import Workload


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of all parts. `reading_cases` are those of a quick run; others read all cases."""

    is_quick: bool
    rounds: int
    reading_rows: int
    reading_cases: tuple[str, ...]
    workloads: tuple[Workload, ...]
    written_rows: int
    partitions: tuple[int, ...]
    messages: int
    repeats: int
    snapshots: tuple[int, ...]
    versions: tuple[int, ...]
    puts: int
    put_every_seconds: float


FULL = Sizes(
    is_quick=False,
    rounds=3,
    reading_rows=200_000,
    reading_cases=(),
    workloads=(
        Workload("NDJSON, 24 objects", "ndjson", 24, 82_000, 24),
        Workload("NDJSON, 10,000 objects of 10 KB", "ndjson", 10_000, 76, 150),
        Workload("CSV, 24 objects", "csv", 24, 82_000, 24),
        Workload("Parquet, 24 objects", "parquet", 24, 82_000, 24),
    ),
    written_rows=500_000,
    partitions=(1, 24, 365, 2_000),
    messages=20_000,  # the emulator's receive takes longer the more messages are in flight
    repeats=5,
    snapshots=(10, 500, 2_000),
    versions=(1_000, 30_000, 300_000),
    puts=60,
    put_every_seconds=1.0,
)
LONG = replace(
    FULL,
    messages=50_000,
    snapshots=(10, 500, 2_000, 5_000),
    versions=(1_000, 30_000, 300_000, 1_000_000),
)
QUICK = Sizes(
    is_quick=True,
    rounds=1,
    reading_rows=2_000,
    reading_cases=(
        "ndjson", "ndjson, a decimal", "ndjson, one bad: half a line", "csv", "csv, CRLF", "parquet",
    ),
    workloads=(Workload("NDJSON, 3 objects", "ndjson", 3, 500, 2),),
    written_rows=1_000,
    partitions=(1, 5),
    messages=200,
    repeats=2,
    snapshots=(1, 5),
    versions=(100, 500),
    puts=2,
    put_every_seconds=0.5,
)  # fmt: skip
