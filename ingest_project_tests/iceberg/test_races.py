"""Writers at the same time, as threads and as processes: everyone's batch is committed, and none twice."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from ingest_project.iceberg.catalog import Lake
from ingest_project.settings.model import CatalogSettings
from ingest_project_tests.iceberg.factories import (
    catalog_settings,
    commit_orders,
    nothing,
    open_lake,
    orders,
    orders_table,
)
from ingest_project_tests.iceberg.racing import race
from ingest_project_tests.iceberg.readers import (
    order_ids,
    order_ids_by_clickhouse,
    snapshot_ids,
    stored_files,
)


def test_eight_writers_at_once_all_commit(settings: CatalogSettings, lake: Lake) -> None:
    orders_table(lake)
    together = threading.Barrier(8)

    def write(number: int) -> None:
        with open_lake(settings) as own:
            table = orders_table(own)
            together.wait()
            for batch in range(3):
                commit_orders(table, f"batch-{number}-{batch}", [number * 10 + batch])

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(write, number) for number in range(8)]:
            future.result()
    table = orders_table(lake)
    assert order_ids(table) == sorted(number * 10 + batch for number in range(8) for batch in range(3))
    assert len(snapshot_ids(table)) == 24


def test_processes_that_race_with_the_same_batches_commit_each_once(
    tmp_path: Path, sqlite_lake: Lake
) -> None:
    settings = catalog_settings(tmp_path)
    table = orders_table(sqlite_lake)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(race, settings, f"batch-{number // 4}") for number in range(8)]
        already = [future.result() for future in futures]
    assert already.count(False) == 2
    assert len(snapshot_ids(table)) == 2
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 1, 2, 2]


def test_threads_that_race_with_the_same_batch_commit_it_once(settings: CatalogSettings, lake: Lake) -> None:
    table = orders_table(lake)
    together = threading.Barrier(4)

    def commit() -> bool:
        with open_lake(settings) as own:
            racing = orders_table(own)
            written = racing.write(orders("one", [1, 2]))
            together.wait()
            return racing.commit("one", [written], nothing).already_committed

    with ThreadPoolExecutor(4) as pool:
        already = [future.result() for future in [pool.submit(commit) for _ in range(4)]]
    assert already.count(False) == 1
    assert len(snapshot_ids(table)) == 1
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2]
    assert len(stored_files(table)) == 1
