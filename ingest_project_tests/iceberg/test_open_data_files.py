"""The data files of a batch stay open for the rows that follow, and none is left of those that fail."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_project.errors import CatalogUnavailable, RowsRefused
from ingest_project.iceberg import data_files
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.data_files import DataFiles
from ingest_project.iceberg.open_file import OpenFile
from ingest_project.iceberg.partitioned_rows import Part
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import nothing, orders, orders_table
from ingest_project_tests.iceberg.readers import order_ids, order_ids_by_clickhouse, stored_files

DAY = 24
"""Orders whose ids differ by so much are of different days."""


@pytest.fixture
def table(sqlite_lake: Lake) -> LakeTable:
    return orders_table(sqlite_lake, partition_spec=["day(ordered_at)"])


def add(files: DataFiles, table: LakeTable, *ids: int) -> None:
    files.add(table.fit(orders("one", ids)))


def committed(files: DataFiles, table: LakeTable) -> list[int]:
    """The ids in the table after a commit, as two readers see them."""
    written = files.close()
    assert written is not None
    table.commit("one", [written], nothing)
    assert order_ids(table) == order_ids_by_clickhouse(table)
    return order_ids(table)


def row_groups(paths: set[Path]) -> list[int]:
    return sorted(pq.ParquetFile(path).num_row_groups for path in paths)


def with_target(table: LakeTable, size_bytes: int) -> None:
    with table._table.transaction() as transaction:
        transaction.set_properties({"write.target-file-size-bytes": str(size_bytes)})
    table.refresh()


def test_rows_that_follow_are_in_the_same_file_of_their_partition(table: LakeTable) -> None:
    files = table.new_files()
    for ids in ([0, DAY], [1, DAY + 1], [2]):
        add(files, table, *ids)

    assert committed(files, table) == [0, 1, 2, DAY, DAY + 1]
    assert row_groups(stored_files(table)) == [2, 3]


def test_without_rows_there_are_no_files(table: LakeTable) -> None:
    files = table.new_files()
    add(files, table)
    assert files.close() is None
    assert stored_files(table) == set()


def test_a_full_file_is_followed_by_another(table: LakeTable) -> None:
    with_target(table, 2000)
    files = table.new_files()
    for number in range(6):
        add(files, table, number)

    assert committed(files, table) == [*range(6)]
    sizes = [path.stat().st_size for path in stored_files(table)]
    assert 2 <= len(sizes) < 6
    assert max(sizes) < 8000


def test_rows_that_fill_several_files_are_divided(table: LakeTable) -> None:
    with_target(table, 1000)
    files = table.new_files()
    add(files, table, *range(DAY))

    assert committed(files, table) == [*range(DAY)]
    assert len(stored_files(table)) > 1


def test_only_so_many_files_are_open(table: LakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "OPEN_FILES", 2)
    files = table.new_files()
    for offset in range(2):
        add(files, table, *(day * DAY + offset for day in range(5)))
        assert len(files._open) == 2

    assert committed(files, table) == sorted(day * DAY + offset for day in range(5) for offset in range(2))
    assert len(stored_files(table)) == 10


def test_the_largest_files_are_closed_if_all_hold_too_much(
    table: LakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "OPEN_BYTES", 4000)
    files = table.new_files()
    for number in range(3):
        add(files, table, number, *(DAY + at % DAY for at in range(3000)))

    assert len(committed(files, table)) == 9003
    groups = row_groups(stored_files(table))
    assert len(groups) > 2
    assert max(groups) == 3  # the small file took the rows of all calls


def test_new_columns_begin_new_files(table: LakeTable) -> None:
    files = table.new_files()
    add(files, table, 1)
    files.add(table.fit(orders("one", [2]).append_column("coupon", pa.array(["X"]))))
    add(files, table, 3)

    assert committed(files, table) == [1, 2, 3]
    assert len(stored_files(table)) == 3  # PyIceberg gives a column that rows lack a narrower text type
    found = table._table.scan().to_arrow().to_pylist()
    assert {row["order_id"]: row["coupon"] for row in found} == {1: None, 2: "X", 3: None}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What the next rows that are written raise, on their thread."""
    errors: list[Exception] = []
    original = OpenFile.write

    def write(file: OpenFile, rows: pa.Table, part: Any) -> None:
        if not errors:
            original(file, rows, part)
            return
        error = errors[0]

        def fail() -> None:
            raise error

        file._last = file._after_last(fail)

    monkeypatch.setattr(OpenFile, "write", write)
    return errors


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError("the disk is full"), CatalogUnavailable), (pa.ArrowInvalid("odd"), RowsRefused)],
)
def test_a_failure_of_a_thread_is_raised_later_and_leaves_no_file(
    table: LakeTable, failing: list[Exception], error: Exception, expected: type[Exception]
) -> None:
    files = table.new_files()
    add(files, table, *(day * DAY for day in range(12)))
    failing.append(error)
    add(files, table, 1)
    with pytest.raises(expected):
        files.close()
    files.discard()

    assert stored_files(table) == set()


def test_a_call_that_fails_leaves_no_file(table: LakeTable, failing: list[Exception]) -> None:
    table.refuse_unwritable()
    failing.append(OSError("the disk is full"))
    with pytest.raises(CatalogUnavailable):
        table.write(orders("one", [DAY * day for day in range(12)]))

    assert stored_files(table) == set()


def test_files_that_are_not_needed_are_deleted_whether_complete_or_not(
    table: LakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "OPEN_FILES", 1)
    files = table.new_files()
    add(files, table, 0, DAY, 2 * DAY)
    files.discard()

    assert stored_files(table) == set()


def test_rows_that_a_file_lost_are_missed(table: LakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the library had lost some; it is not known to."""
    original = Part.of
    monkeypatch.setattr(Part, "of", lambda part, rows: original(part, rows).slice(0, 1))
    with pytest.raises(RowsRefused, match="3 rows became 1"):
        table.write(orders("one", [1, 2, 3]))

    assert stored_files(table) == set()
