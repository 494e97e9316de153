"""A replacement takes out exactly the named rows, in one snapshot, and opens only files that may hold any."""

from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.iceberg import file_rows
from ingest_project.iceberg import replacement as replacement_module
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.replacement import Replacement, rewrite
from ingest_project.iceberg.table import LakeTable
from ingest_project_tests.iceberg.factories import (
    commit_orders,
    nothing,
    orders,
    orders_table,
    replacing,
    uri_of,
)
from ingest_project_tests.iceberg.readers import (
    order_ids,
    order_ids_by_clickhouse,
    snapshot_ids,
    stored_files,
)

V = "v1"


def files_opened(table: LakeTable, replacement: Replacement) -> int:
    with patch.object(replacement_module, "_portions", wraps=replacement_module._portions) as read:
        rewrite(table._table, replacement, name=table.name)
    return read.call_count


def test_rows_leave_partially_affected_files_and_new_ones_come_in_the_same_snapshot(lake: Lake) -> None:
    table = orders_table(lake, partition_spec=["day(ordered_at)"])
    commit_orders(table, "one", [1, 2, 3, 30])
    commit_orders(table, "two", [4, 5, 60])
    before = snapshot_ids(table)
    written = table.write(orders("three", [100], uri=uri_of(2)))
    commit = table.commit("three", [written], replacing(uri_of(2), uri_of(30), uri_of(4)))
    assert commit.rows_replaced == 3
    assert snapshot_ids(table) == [*before, commit.snapshot_id]
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 3, 5, 60, 100]
    assert table.row_count() == 5
    assert table.current_snapshot is not None
    assert table.current_snapshot.operation == "overwrite"


def test_values_of_kept_rows_survive_the_rewrite(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1, 2, 3])
    table.commit("two", [], replacing(uri_of(2)))
    kept = table._table.scan().to_arrow().sort_by("order_id")
    expected = orders("one", [1, 3])
    assert kept.to_pylist() == expected.to_pylist()


def test_a_file_is_read_and_written_in_portions(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [*range(20)])

    with patch.object(replacement_module, "PORTION_BYTES", 1), patch.object(file_rows, "BATCH_ROWS", 3):
        commit = table.commit("two", [], replacing(uri_of(0), uri_of(19), uri_of(7)))

    assert commit.rows_replaced == 3
    assert order_ids(table) == order_ids_by_clickhouse(table) == [*range(1, 7), *range(8, 19)]
    (current,) = (task.file.file_path for task in table._table.scan().plan_files())
    assert pq.ParquetFile(current.removeprefix("file://")).num_row_groups > 1


def test_only_rows_of_the_named_batches_are_taken(lake: Lake) -> None:
    table = orders_table(lake)
    table.commit("one", [table.write(orders("one", [1], uri="s3://b/k"))], nothing)
    table.commit("two", [table.write(orders("two", [2], uri="s3://b/k"))], nothing)
    written = table.write(orders("three", [3], uri="s3://b/k"))
    table.commit("three", [written], replacing("s3://b/k", batch_ids=frozenset({"one"})))
    assert order_ids(table) == [2, 3]


def test_of_a_file_with_rows_of_two_batches_only_the_named_ones_are_taken(lake: Lake) -> None:
    table = orders_table(lake)
    compacted = pa.concat_tables([orders("one", [1], uri="s3://b/k"), orders("two", [2], uri="s3://b/k")])
    table.commit("compaction", [table.write(compacted)], nothing)
    table.commit("three", [], replacing("s3://b/k", batch_ids=frozenset({"one"})))
    assert order_ids(table) == [2]


def test_all_rows_of_the_objects_are_taken_without_batches(lake: Lake) -> None:
    table = orders_table(lake)
    table.commit("one", [table.write(orders("one", [1], uri="s3://b/k"))], nothing)
    table.commit("two", [table.write(orders("two", [2, 7], uri="s3://b/k"))], nothing)
    table.commit("three", [table.write(orders("three", [3], uri="s3://b/k"))], replacing("s3://b/k"))
    assert order_ids(table) == [3]


def test_a_replacement_that_matches_nothing_is_an_append(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])
    commit = table.commit("two", [table.write(orders("two", [2]))], replacing("s3://b/other"))
    assert commit.rows_replaced == 0
    assert table.current_snapshot is not None
    assert table.current_snapshot.operation == "append"
    assert order_ids(table) == [1, 2]


def test_rows_without_provenance_are_never_taken(lake: Lake) -> None:
    table = orders_table(lake)
    table._table.append(pa.table({"order_id": [8]}))
    commit_orders(table, "one", [1])
    table.commit("two", [], replacing(uri_of(1)))
    assert order_ids(table) == [8]


def test_files_of_before_the_provenance_columns_are_read_as_having_none(lake: Lake) -> None:
    catalog = lake._catalog()
    schema = (
        orders_table(lake, name="sales.template")._table.schema().select("order_id", "amount", "ordered_at")
    )
    foreign = catalog.create_table("sales.orders", schema)
    foreign.append(pa.table({"order_id": [8]}))
    table = orders_table(lake)
    commit_orders(table, "one", [1, 2])
    table.commit("two", [], replacing(uri_of(1)))
    assert order_ids(table) == [2, 8]


def test_only_files_whose_statistics_admit_the_rows_are_opened(lake: Lake) -> None:
    table = orders_table(lake)
    for number in range(6):
        commit_orders(table, f"batch-{number}", [number * 10, number * 10 + 5])
    inside_but_absent = Replacement(frozenset({uri_of(52), uri_of(7)}))
    assert files_opened(table, Replacement(frozenset({uri_of(30)}))) == 2
    assert files_opened(table, Replacement(frozenset({uri_of(30)}), frozenset({"batch-1"}))) == 0
    assert files_opened(table, Replacement(frozenset({uri_of(7), uri_of(58)}))) == 0
    assert files_opened(table, inside_but_absent) == 1


def test_a_whole_file_is_dropped_without_a_remainder(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1, 2])
    files = stored_files(table)
    table.commit("two", [], replacing(uri_of(1), uri_of(2)))
    assert stored_files(table) == files
    assert order_ids(table) == []
    assert table.row_count() == 0


def test_an_empty_replacement_reads_nothing(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])
    assert Replacement().is_empty
    assert Replacement(frozenset({"u"}), frozenset()).is_empty
    assert files_opened(table, Replacement()) == 0


@settings(max_examples=12)
@given(
    batches=st.lists(st.lists(st.integers(0, 60), max_size=8), min_size=1, max_size=3),
    replaced=st.frozensets(st.integers(0, 60)),
    of=st.none() | st.frozensets(st.integers(0, 2)),
)
def test_what_is_left_is_what_was_not_named(
    sqlite_lake: Lake, batches: list[list[int]], replaced: frozenset[int], of: frozenset[int] | None
) -> None:
    catalog = sqlite_lake._catalog()
    if sqlite_lake.find("sales.orders") is not None:
        catalog.drop_table("sales.orders")
    table = orders_table(sqlite_lake, partition_spec=["day(ordered_at)"])
    for number, ids in enumerate(batches):
        table.commit(f"batch-{number}", [table.write(orders(f"batch-{number}", ids))], nothing)
    uris = frozenset(map(uri_of, replaced))
    names = None if of is None else frozenset(f"batch-{number}" for number in of)
    table.commit("last", [], lambda: Replacement(uris, names))
    kept = [
        order_id
        for number, ids in enumerate(batches)
        for order_id in ids
        if order_id not in replaced or (of is not None and number not in of)
    ]
    table.refresh()
    left = table._table.scan().to_arrow().sort_by("order_id")["order_id"]
    assert left.to_pylist() == sorted(kept)


def test_writes_take_out_their_own_rows_only(lake: Lake) -> None:
    table = orders_table(lake)
    for batch, order_id, uri in (("one", 1, "a"), ("one", 2, "b"), ("two", 3, "a"), ("two", 4, "b")):
        commit_orders_of(table, batch, order_id, uri)

    table.commit(
        "last",
        [],
        lambda: Replacement(
            writes=frozenset({("a", V, "one"), ("b", V, "two"), ("c", V, "one"), ("b", "v0", "one")})
        ),
    )

    assert order_ids(table) == [2, 3]


def test_writes_add_to_the_other_rows(lake: Lake) -> None:
    table = orders_table(lake)
    for batch, order_id, uri in (("one", 1, "a"), ("two", 2, "a"), ("one", 3, "b"), ("two", 4, "b")):
        commit_orders_of(table, batch, order_id, uri)

    table.commit("last", [], lambda: Replacement(frozenset({"a"}), None, frozenset({("b", V, "one")})))

    assert table._table.scan().to_arrow()["order_id"].to_pylist() == [4]


def commit_orders_of(table: LakeTable, batch: str, order_id: int, uri: str) -> None:
    table.refresh()
    rows = orders(batch, [order_id], uri=uri)
    table.commit(f"{batch}-{order_id}", [table.write(rows)], nothing)


def test_rows_of_the_batch_that_is_excepted_stay(lake: Lake) -> None:
    table = orders_table(lake)
    for batch, order_id, uri in (("one", 1, "a"), ("two", 2, "a"), ("two", 3, "b"), ("three", 4, "c")):
        commit_orders_of(table, batch, order_id, uri)

    table.commit("last", [], lambda: Replacement(frozenset({"a", "b"}), except_batch="two"))

    assert order_ids(table) == [2, 3, 4]


def test_write_with_a_line_end_in_its_version_is_not_taken_for_another(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders_of(table, "one", 1, "a\nb")

    table.commit("last", [], lambda: Replacement(writes=frozenset({("b", "v1\na", "one")})))
    assert order_ids(table) == [1]

    table.commit("next", [], lambda: Replacement(writes=frozenset({("a\nb", "v1", "one")})))
    assert order_ids(table) == []
