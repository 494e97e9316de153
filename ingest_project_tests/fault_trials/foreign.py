"""Other writers of a trial's table, in a process of their own: they append, expire snapshots, and compact.

Started by a trial as a module, with the settings of its deployment in the environment. Each ends by itself.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from sqlalchemy.exc import DBAPIError, OperationalError

from ingest_project.iceberg.catalog_properties import catalog_properties
from ingest_project.iceberg.transaction import OneShotTransaction
from ingest_project.settings.load import load_settings
from ingest_project_tests.fault_trials.oracle import FOREIGN

PATIENCE_SECONDS = 300
"""How long a writer waits for a table that the first run creates, and for its turn; trials have six
minutes."""


def main() -> int:
    """Do what the command line says to the table; 0 if all of it was committed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("append", "expire", "compact"))
    parser.add_argument("table")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    with ThreadPoolExecutor(given.writers) as pool:
        if given.work == "append":
            jobs = [pool.submit(_append, given.table, writer, given.times) for writer in range(given.writers)]
        elif given.work == "compact":
            jobs = [pool.submit(_compact, given.table, given.times)]
        else:
            jobs = [pool.submit(_expire, given.table, given.times)]
        for job in jobs:
            job.result()
    return 0


def _append(name: str, writer: int, times: int) -> None:
    catalog = _catalog()
    for number in range(times):
        row = {
            "write": f"{FOREIGN}{writer}/{number}", "row": number, "customer_id": writer,
            "at": datetime.now(UTC), "_source_uri": f"{FOREIGN}{writer}", "_source_version": str(number),
            "_batch_id": "foreign", "_ingested_at": datetime.now(UTC),
        }  # fmt: skip
        _until_committed(partial(_append_once, catalog, name, row))


def _append_once(catalog: Catalog, name: str, row: dict[str, object]) -> None:
    table = catalog.load_table(name)
    frame = pa.Table.from_pylist([row], schema=table.schema().as_arrow())
    transaction = OneShotTransaction(table)
    transaction.append(frame)
    transaction.commit_transaction()


def _compact(name: str, times: int) -> None:
    """Rewrite all rows into new files, with every column, in one overwriting snapshot."""
    catalog = _catalog()
    for _ in range(times):
        _until_committed(partial(_compact_once, catalog, name))
        time.sleep(0.5)


def _compact_once(catalog: Catalog, name: str) -> None:
    table = catalog.load_table(name)
    if table.current_snapshot() is None:
        raise CommitFailedException("nothing to compact yet")
    old = [task.file for task in table.scan().plan_files()]
    rows = table.scan().to_arrow().cast(table.schema().as_arrow())
    transaction = OneShotTransaction(table)
    producer = transaction.update_snapshot({"foreign": "compaction"}).overwrite()
    for file in _dataframe_to_data_files(table_metadata=table.metadata, df=rows, io=table.io):
        producer.append_data_file(file)
    for file in old:
        producer.delete_data_file(file)
    producer.commit()
    transaction.commit_transaction()


def _expire(name: str, times: int) -> None:
    """Expire what is older than this process, which no unsettled batch of its trial is."""
    catalog = _catalog()
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for _ in range(times):
        _until_committed(partial(_expire_once, catalog, name, before))
        time.sleep(0.5)


def _expire_once(catalog: Catalog, name: str, before: datetime) -> None:
    table = catalog.load_table(name)
    table.maintenance.expire_snapshots().older_than(before.replace(tzinfo=None)).commit()


def _until_committed(commit: Callable[[], None]) -> None:
    """Again and again, from the look at the table on, as a well-behaved writer does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            commit()
        except (CommitFailedException, NoSuchTableError, OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _catalog() -> Catalog:
    """The catalog of the settings; of several processes that create its tables at once, only one succeeds."""
    settings = load_settings()
    properties = catalog_properties(settings.catalog, settings.aws)
    try:
        return load_catalog(settings.catalog.name, **properties)
    except DBAPIError:
        return load_catalog(settings.catalog.name, **properties)


if __name__ == "__main__":
    sys.exit(main())
