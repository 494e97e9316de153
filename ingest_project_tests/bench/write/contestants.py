"""Who writes a batch of rows into the partitions of an Iceberg table, and what the least work for it is.

Each makes its rows and its table before the clock starts.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

from ingest_project.iceberg.replacement import Replacement
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.bench.own_process import Stopwatch
from ingest_project_tests.bench.path.asked import TABLE
from ingest_project_tests.bench.rounds import PROJECT
from ingest_project_tests.bench.write.rows import rows, services_in

APPEND = "PyIceberg Table.append"
FLOOR = "sort once, one file per partition"
CONTESTANTS = {
    PROJECT: f"{__name__}:by_project",
    APPEND: f"{__name__}:by_append",
    FLOOR: f"{__name__}:by_sorting",
}


def by_project(home: str, count: int, partitions: int, seed: int) -> dict[str, float]:
    """The project's writer, and its commit behind the fence."""
    frame, table = rows(count, partitions, seed), _table(Path(home))
    with Stopwatch() as watch:
        written = table.write(frame)
        table.commit("batch-1", [written], Replacement)
    return watch.taken


def by_append(home: str, count: int, partitions: int, seed: int) -> dict[str, float]:
    """PyIceberg's append, into a table made by the project."""
    frame = rows(count, partitions, seed)
    _table(Path(home))
    catalog = SqlCatalog("lake", uri=f"sqlite:///{home}/catalog.db", warehouse=f"file://{home}/warehouse")
    table = catalog.load_table(TABLE)
    with Stopwatch() as watch:
        table.append(frame)
    return watch.taken


def by_sorting(home: str, count: int, partitions: int, seed: int) -> dict[str, float]:
    """The floor: no table and no statistics for one, only the sort and the files."""
    frame = rows(count, partitions, seed)
    folder = Path(home, "files")
    folder.mkdir()
    with Stopwatch() as watch:
        days = pc.cast(pc.floor_temporal(frame["ordered_at"], unit="day"), pa.int64())
        order = pc.sort_indices(days)
        frame, days = frame.take(order), days.take(order)
        start = 0
        counts: Any = pc.value_counts(days).field("counts").to_pylist()  # in the order of the days
        for rows_of_day in counts:
            part = frame.slice(start, rows_of_day)
            pq.write_table(part, folder / f"{start}.parquet", compression="zstd")
            start += rows_of_day
    return watch.taken


def _table(home: Path) -> LakeTable:
    services = services_in(home)
    settings = services.settings.table(TABLE)
    return services.lake.table(settings, columns=settings.column_types or {})
