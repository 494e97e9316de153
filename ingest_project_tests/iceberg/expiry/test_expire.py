"""Expiry on real tables: what goes, what stays, and what independent readers find afterwards."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from ingest_project.errors import CatalogUnavailable, CommitConflict
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import CommitRetry
from ingest_project.iceberg.expiry.record import PREFIX
from ingest_project.iceberg.expiry.retention import Retention
from ingest_project.iceberg.table import LakeTable
from ingest_project.settings.model import CatalogSettings
from ingest_project_tests.faults import Killed
from ingest_project_tests.iceberg.expiry.factories import expire, foreign, replace_orders
from ingest_project_tests.iceberg.expiry.oracle import assert_holds_what_it_reaches, reached_files
from ingest_project_tests.iceberg.factories import (
    commit_orders,
    nothing,
    open_lake,
    orders,
    orders_table,
)
from ingest_project_tests.iceberg.readers import (
    newest_metadata,
    order_ids,
    order_ids_by_clickhouse,
    snapshot_ids,
    stored_files,
)


def records(table: LakeTable) -> list[str]:
    """The properties of expiries that are not completed."""
    table.refresh()
    return [key for key in table._table.properties if key.startswith(PREFIX)]


def test_files_that_only_expired_snapshots_reach_are_deleted_and_no_others(lake: Lake) -> None:
    table = orders_table(lake)
    for number in range(3):
        commit_orders(table, f"batch {number}", [number])
    replace_orders(table, "again", [0, 1])
    kept = [commit_orders(table, "last", [9]), snapshot_ids(table)[-1]]
    before = stored_files(table)
    shown = expire(table, keep=2, dry_run=True)
    assert (snapshot_ids(table)[-1], len(snapshot_ids(table)), stored_files(table)) == (kept[0], 5, before)

    expired = expire(table, keep=2)

    assert (expired.snapshots, expired.kept, expired.completed) == (3, 2, 0)
    assert (expired.files, expired.bytes) == (shown.files, shown.bytes)
    assert expired.files == {"data_files": 2, "manifests": 2, "manifest_lists": 3}
    assert len(before - stored_files(table)) == 2
    assert_holds_what_it_reaches(table)
    assert order_ids(table) == order_ids_by_clickhouse(table) == [0, 1, 2, 9]
    assert not records(table)
    assert expire(table, keep=2).file_count == 0


def test_files_that_a_later_manifest_names_stay(sqlite_lake: Lake) -> None:
    """A replacement and a merge of manifests name the files again that an expired manifest named."""
    table = orders_table(sqlite_lake, partition_spec=["bucket[8](order_id)"])
    foreign(sqlite_lake, table).transaction().set_properties(
        {"commit.manifest.min-count-to-merge": "2"}
    ).commit_transaction()
    commit_orders(table, "one", [1, 2, 3, 4])
    replace_orders(table, "again", [1])
    commit_orders(table, "two", [5])
    commit_orders(table, "three", [6])

    expired = expire(table)

    assert (expired.snapshots, expired.files["data_files"]) == (3, 1)
    assert expired.files["manifests"] > 1
    # PyIceberg leaves behind the manifests that it wrote and merged in the same commit.
    assert reached_files(table) <= stored_files(table, "")
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2, 3, 4, 5, 6]


def test_snapshot_that_main_is_rolled_back_to_meanwhile_stays(lake: Lake) -> None:
    """A catalog removes a branch together with its snapshot, so the commit names where branches were."""
    table = orders_table(lake)
    first = commit_orders(table, "one", [1])
    commit_orders(table, "two", [2])

    def roll_back() -> None:
        known = foreign(lake, table)
        if known.metadata.current_snapshot_id != first:
            known.manage_snapshots().rollback_to_snapshot(first).commit()

    expired = table.expire(Retention(1, timedelta(0)), roll_back, datetime.now(UTC) + timedelta(seconds=1))

    assert (expired.snapshots, snapshot_ids(table)) == (1, [first])
    assert order_ids(table) == [1]


def test_time_travel_to_a_kept_snapshot_works(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    kept = commit_orders(table, "two", [2])
    replace_orders(table, "again", [1, 2])
    expire(table, keep=2)

    past = pl.scan_iceberg(newest_metadata(table), snapshot_id=kept, reader_override="native").collect()

    assert sorted(past["order_id"].to_list()) == [1, 2]
    assert snapshot_ids(table)[0] == kept


def test_what_branches_and_tags_refer_to_stays_with_its_files(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    tagged = commit_orders(table, "one", [1])
    forked = commit_orders(table, "two", [2])
    commit_orders(table, "three", [3])
    foreign(sqlite_lake, table).manage_snapshots().create_tag(tagged, "audit").create_branch(
        forked, "fork"
    ).commit()
    replace_orders(table, "again", [1, 2, 3])

    expired = expire(table)

    assert (expired.snapshots, snapshot_ids(table)[:2]) == (1, [tagged, forked])
    assert_holds_what_it_reaches(table)
    scan = foreign(sqlite_lake, table).scan(snapshot_id=tagged)
    assert scan.to_arrow()["order_id"].to_pylist() == [1]


def test_table_whose_files_may_belong_to_others_is_left_alone(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    commit_orders(table, "two", [2])
    foreign(sqlite_lake, table).transaction().set_properties({"gc.enabled": "false"}).commit_transaction()

    expired = expire(table)

    assert expired.refused is not None
    assert (expired.snapshots, len(snapshot_ids(table))) == (0, 2)


def test_statistics_of_expired_snapshots_are_deleted(sqlite_lake: Lake) -> None:
    from pyiceberg.table.statistics import PartitionStatisticsFile, StatisticsFile
    from pyiceberg.table.update import SetPartitionStatisticsUpdate, SetStatisticsUpdate

    table = orders_table(sqlite_lake)
    snapshots = [commit_orders(table, "one", [1]), commit_orders(table, "two", [2])]
    known = foreign(sqlite_lake, table)
    for number, snapshot_id in enumerate(snapshots):
        paths = [f"{table.location}/metadata/{number}-{kind}.stats" for kind in ("table", "partition")]
        for path in paths:
            with known.io.new_output(path).create() as stream:
                stream.write(b"statistics")
        whole = StatisticsFile.model_validate(
            {
                "snapshot-id": snapshot_id, "statistics-path": paths[0], "file-size-in-bytes": 10,
                "file-footer-size-in-bytes": 1, "blob-metadata": [],
            }
        )  # fmt: skip
        of_partitions = PartitionStatisticsFile.model_validate(
            {"snapshot-id": snapshot_id, "statistics-path": paths[1], "file-size-in-bytes": 10}
        )
        with known.transaction() as transaction:
            transaction._stage(
                (
                    SetStatisticsUpdate(statistics=whole),
                    SetPartitionStatisticsUpdate(partition_statistics=of_partitions),
                )
            )

    expired = expire(table)

    assert (expired.files["statistics"], expired.bytes["statistics"]) == (2, 20)
    assert_holds_what_it_reaches(table)


class Deaths:
    """Lets the process die before its n-th effect on the storage or the catalog."""

    def __init__(self, survived: int) -> None:
        self._left = survived
        self._lock = threading.Lock()
        self.has_died = False

    def step(self) -> None:
        with self._lock:
            self.has_died = self.has_died or self._left == 0
            self._left -= 1
        if self.has_died:
            raise Killed

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.step()
            return method(*arguments, **named)

        return counted

    def __enter__(self) -> "Deaths":
        self._patches = [
            patch.object(owner, name, self.wrap(getattr(owner, name)))
            for owner, name in (
                (PyArrowFileIO, "delete"), (PyArrowFile, "create"), (SqlCatalog, "commit_table"),
            )
        ]  # fmt: skip
        for one in self._patches:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._patches:
            one.stop()


def test_after_a_death_at_any_step_the_next_call_reaches_the_same_end(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    deaths = 0
    while True:
        commit_orders(table, f"batch {deaths}", [1000 + deaths])
        replace_orders(table, f"again {deaths}", [1, 2])
        try:
            with Deaths(survived=deaths) as dying:
                expire(table)
        except Killed:
            pass
        if not dying.has_died:
            break
        expire(table)
        assert_holds_what_it_reaches(table)
        assert (len(snapshot_ids(table)), records(table)) == (1, [])
        deaths += 1

    assert deaths >= 10  # the record, the commit, six files or more, the record, the property
    assert order_ids(table) == order_ids_by_clickhouse(table)
    assert order_ids(table) == [1, 2, *(1000 + one for one in range(deaths + 1))]


def test_lost_answer_to_the_commit_is_looked_up(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    replace_orders(table, "two", [1])
    catalog = sqlite_lake._catalog()
    commit = catalog.commit_table

    def lose_the_first_answer(*arguments: Any, **named: Any) -> Any:
        answer = commit(*arguments, **named)
        if commits.call_count == 1:
            raise ConnectionError("the connection was reset")
        return answer

    with patch.object(catalog, "commit_table", side_effect=lose_the_first_answer) as commits:
        assert expire(table).snapshots == 1

    assert_holds_what_it_reaches(table)


def test_file_that_cannot_be_deleted_fails_the_call_and_the_next_one_begins_with_it(
    sqlite_lake: Lake,
) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    replace_orders(table, "two", [1])
    delete = PyArrowFileIO.delete

    def refuse_data(storage: PyArrowFileIO, location: str) -> None:
        if location.endswith(".parquet"):
            raise PermissionError("AccessDenied")
        delete(storage, location)

    with (
        patch.object(PyArrowFileIO, "delete", refuse_data),
        pytest.raises(CatalogUnavailable, match=r"1 files of expired snapshots.*AccessDenied"),
    ):
        expire(table)
    assert len(records(table)) == 1

    expired = expire(table)

    assert (expired.completed, expired.snapshots, expired.files["data_files"]) == (1, 0, 1)
    assert_holds_what_it_reaches(table)


def test_nothing_is_deleted_if_a_kept_file_cannot_be_read(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    commit_orders(table, "one", [1])
    replace_orders(table, "two", [1])
    before = stored_files(table)
    (kept,) = (
        foreign(sqlite_lake, table)
        .current_snapshot()
        .manifests(  # type: ignore[union-attr]
            foreign(sqlite_lake, table).io
        )[:1]
    )
    read = PyArrowFileIO.new_input

    def lose(storage: PyArrowFileIO, location: str) -> Any:
        return read(storage, f"{location}.lost" if location == kept.manifest_path else location)

    with patch.object(PyArrowFileIO, "new_input", lose), pytest.raises(CatalogUnavailable):
        expire(table)
    assert stored_files(table) == before

    expire(table)
    assert_holds_what_it_reaches(table)


def test_record_of_another_table_deletes_nothing(sqlite_lake: Lake) -> None:
    """A copy of the metadata has the property too: it must not delete what the original still reaches."""
    table, other = orders_table(sqlite_lake), orders_table(sqlite_lake, name="sales.copy")
    commit_orders(table, "one", [1])
    commit_orders(table, "two", [2])
    with Deaths(survived=3), pytest.raises(Killed):
        expire(table)
    (key,) = records(table)
    location = table._table.properties[key]
    foreign(sqlite_lake, other).transaction().set_properties({key: location}).commit_transaction()

    assert expire(other).file_count == 0
    assert order_ids(table) == [1, 2]


def test_expiry_beside_a_writer_that_commits_all_the_time_loses_nothing(
    settings: CatalogSettings, lake: Lake
) -> None:
    table = orders_table(lake)
    commit_orders(table, "first", [0])
    is_over = threading.Event()
    written: list[int] = []
    failures: list[Exception] = []

    def write() -> None:
        try:
            with open_lake(settings, CommitRetry(50, 3, 0.01, 0.05)) as other:
                live = orders_table(other)
                while not is_over.is_set() or len(written) < 12:
                    number = len(written) + 1
                    live.commit(f"b{number}", [live.write(orders(f"b{number}", [number]))], nothing)
                    if number % 3 == 0:
                        replace_orders(live, f"r{number}", [number - 1, number])
                    written.append(number)
        except Exception as error:  # of any class: the test shows it
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    expired = 0
    try:
        while (expired < 12 or len(written) < 6) and not failures:
            try:
                expired += expire(table).snapshots
            except CommitConflict:  # the next one has better luck
                continue
    finally:
        is_over.set()
        writer.join()

    assert failures == []
    expire(table)
    assert order_ids(table) == order_ids_by_clickhouse(table) == [0, *written]
    assert len(snapshot_ids(table)) == 1
    assert not records(table)


def test_two_expiries_at_once_delete_the_same(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    for number in range(6):
        commit_orders(table, f"b{number}", [number])
    replace_orders(table, "again", [0, 1, 2])
    together = threading.Barrier(2)
    failures: list[Exception] = []

    def run() -> None:
        try:
            own = orders_table(sqlite_lake)
            together.wait()
            expire(own)
        except Exception as error:  # of any class: the test shows it
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert_holds_what_it_reaches(table)
    assert (len(snapshot_ids(table)), records(table)) == (1, [])


def test_metadata_files_do_not_pile_up(sqlite_lake: Lake) -> None:
    table = orders_table(sqlite_lake)
    foreign(sqlite_lake, table).transaction().set_properties(
        {"write.metadata.previous-versions-max": "3"}
    ).commit_transaction()
    for number in range(6):
        commit_orders(table, f"b{number}", [number])
    expire(table)

    metadata = [path for path in stored_files(table, "metadata") if path.name.endswith(".metadata.json")]

    assert len(metadata) == 4
