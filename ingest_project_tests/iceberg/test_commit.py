"""The fence: one batch, one snapshot, whatever is repeated, overtaken, lost or run twice."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import CommitTableResponse
from pyiceberg.transforms import DayTransform

from ingest_project.errors import BatchSuperseded, CatalogUnavailable, CommitConflict
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.commit import CommitRetry
from ingest_project.iceberg.replacement import Replacement
from ingest_project.settings.model import CatalogSettings
from ingest_project_tests.iceberg.factories import (
    QUICK,
    commit_orders,
    nothing,
    open_lake,
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


class Faults:
    """Replaces a catalog's `commit_table`: one fault for each call, then none. None lets a call through."""

    def __init__(self, lake: Lake, *faults: "Callable[[Callable[[], Any]], Any] | None") -> None:
        self.calls = 0
        self._faults = list(faults)
        self._catalog: Catalog = lake._catalog()
        self._commit = self._catalog.commit_table

    def __enter__(self) -> "Faults":
        self._patch = patch.object(self._catalog, "commit_table", side_effect=self._call)
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _call(self, *arguments: Any, **keywords: Any) -> CommitTableResponse:
        self.calls += 1
        fault = self._faults.pop(0) if self._faults else None
        if fault is None:
            return self._commit(*arguments, **keywords)
        return fault(lambda: self._commit(*arguments, **keywords))  # type: ignore[no-any-return]


def answer_lost(commit: Callable[[], Any]) -> None:
    commit()
    raise ConnectionError("the connection was reset")


def never_arrived(_: Callable[[], Any]) -> None:
    raise ConnectionError("the connection was refused")


def resent_by_the_client(commit: Callable[[], Any]) -> None:
    commit()
    raise CommitFailedException("Requirement failed: branch main has changed")


def test_a_batch_is_one_snapshot_with_its_id_and_properties(lake: Lake) -> None:
    table = orders_table(lake, partition_spec=["day(ordered_at)"])
    chunks = [table.write(orders("one", [1, 2])), table.write(orders("one", [30, 60]))]
    commit = table.commit("one", chunks, nothing, {"ingest.attempt": "1"})
    assert not commit.already_committed
    assert snapshot_ids(table) == [commit.snapshot_id]
    summary = lake._catalog().load_table(table.name).metadata.snapshots[0].summary
    assert summary is not None
    assert summary.additional_properties["ingest.batch-id"] == "one"
    assert summary.additional_properties["ingest.attempt"] == "1"
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2, 30, 60]


def test_the_same_batch_committed_twice_is_one_snapshot_and_leaves_no_second_files(lake: Lake) -> None:
    table = orders_table(lake)
    first = table.commit("one", [table.write(orders("one", [1, 2]))], nothing)
    files = stored_files(table)
    second = table.commit("one", [table.write(orders("one", [1, 2]))], nothing)
    assert second.already_committed
    assert (second.snapshot_id, second.committed_at) == (first.snapshot_id, first.committed_at)
    assert snapshot_ids(table) == [first.snapshot_id]
    assert order_ids(table) == [1, 2]
    assert stored_files(table) == files


def test_an_older_batch_is_found_beneath_newer_ones_without_asking_for_confirmation(lake: Lake) -> None:
    table = orders_table(lake)
    first = commit_orders(table, "one", [1])
    for number in range(3):
        commit_orders(table, f"later-{number}", [10 + number])

    def never() -> Replacement:
        raise AssertionError("a committed batch needs no confirmation")

    commit = table.commit("one", [table.write(orders("one", [1]))], never)
    assert commit.already_committed
    assert commit.snapshot_id == first
    found = table.find_commit("one")
    assert found is not None
    assert found.snapshot_id == first
    assert table.find_commit("two") is None


def test_a_batch_that_was_rolled_back_is_not_committed(lake: Lake) -> None:
    table = orders_table(lake)
    base = commit_orders(table, "base", [1])
    commit_orders(table, "one", [2])
    lake._catalog().load_table(table.name).manage_snapshots().rollback_to_snapshot(base).commit()
    assert table.find_commit("one") is None
    commit_orders(table, "one", [2])
    assert order_ids(table) == [1, 2]


def test_a_batch_without_rows_commits_nothing(lake: Lake) -> None:
    table = orders_table(lake)
    for written in ([], [table.write(orders("one", []))]):
        commit = table.commit("one", written, nothing)
        assert (commit.snapshot_id, commit.already_committed) == (None, False)
    assert table.commit("one", [], replacing("s3://b/k")).snapshot_id is None
    assert snapshot_ids(table) == []


def test_an_empty_batch_that_must_show_moves_the_head_once(lake: Lake) -> None:
    table = orders_table(lake)
    base = commit_orders(table, "base", [1])
    commits = [table.commit("one", [], nothing, even_if_empty=True) for _ in range(2)]
    assert [commit.already_committed for commit in commits] == [False, True]
    assert snapshot_ids(table) == [base, commits[0].snapshot_id]
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1]


def test_a_zombie_that_looked_before_its_successor_committed_is_refused(
    settings: CatalogSettings, lake: Lake
) -> None:
    table = orders_table(lake)
    successor_commits: list[int] = []

    def successor_takes_over() -> Replacement:
        if not successor_commits:
            with open_lake(settings) as other:
                successor_commits.append(commit_orders(orders_table(other), "one", [1, 2]))
        return Replacement()

    commit = table.commit("one", [table.write(orders("one", [1, 2]))], successor_takes_over)
    assert commit.already_committed
    assert [commit.snapshot_id] == successor_commits == snapshot_ids(table)
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 2]


def test_a_zombie_whose_batch_was_taken_over_stops_when_asked_again(
    settings: CatalogSettings, lake: Lake
) -> None:
    table = orders_table(lake)
    commit_orders(table, "base", [1])
    asked = 0

    def owned_at_first() -> Replacement:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise BatchSuperseded("one")
        with open_lake(settings) as other:
            commit_orders(orders_table(other), "another", [5])
        return Replacement()

    with pytest.raises(BatchSuperseded):
        table.commit("one", [table.write(orders("one", [2]))], owned_at_first)
    assert order_ids(table) == [1, 5]


def test_a_refused_confirmation_commits_nothing(lake: Lake) -> None:
    table = orders_table(lake)

    def superseded() -> Replacement:
        raise BatchSuperseded("one")

    with pytest.raises(BatchSuperseded):
        table.commit("one", [table.write(orders("one", [1]))], superseded)
    assert snapshot_ids(table) == []


@pytest.mark.parametrize("to_replace", [(), (uri_of(2),), (uri_of(2), uri_of(8))])
def test_a_foreign_commit_between_look_and_commit_is_kept(lake: Lake, to_replace: tuple[str, ...]) -> None:
    table = orders_table(lake)
    commit_orders(table, "base", [1, 2])
    foreign = lake._catalog().load_table(table.name)
    asked = 0

    def foreign_writer_comes_first() -> Replacement:
        nonlocal asked
        asked += 1
        if asked == 1:
            foreign.append(orders("foreign", [7, 8]))
        return Replacement(frozenset(to_replace))

    commit = table.commit("one", [table.write(orders("one", [3]))], foreign_writer_comes_first)
    assert asked == 2
    assert not commit.already_committed
    assert commit.rows_replaced == len(to_replace)
    kept = {1, 2, 3, 7, 8} - {order_id for order_id in (2, 8) if uri_of(order_id) in to_replace}
    assert order_ids(table) == order_ids_by_clickhouse(table) == sorted(kept)
    assert len(snapshot_ids(table)) == 3


def test_what_a_refused_attempt_wrote_for_itself_is_tidied_away(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "base", [1, 2])
    foreign = lake._catalog().load_table(table.name)
    asked = 0

    def foreign_writer_comes_first() -> Replacement:
        nonlocal asked
        asked += 1
        if asked == 1:
            foreign.append(orders("foreign", [7]))
        return Replacement(frozenset({uri_of(2)}))

    table.commit("one", [], foreign_writer_comes_first)
    loaded = lake._catalog().load_table(table.name)
    paths = loaded.inspect.all_files()["file_path"].to_pylist()
    referenced = {str(path).rpartition("/")[2] for path in paths}
    lists = {str(snapshot.manifest_list).rpartition("/")[2] for snapshot in loaded.metadata.snapshots}
    assert {path.name for path in stored_files(table)} == referenced
    assert {path.name for path in stored_files(table, "metadata") if path.name.startswith("snap-")} == lists


def test_a_lost_answer_is_found_by_looking_and_nothing_is_committed_twice(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "base", [1, 2])
    written = table.write(orders("one", [3]))
    with Faults(lake, answer_lost) as faults:
        commit = table.commit("one", [written], replacing(uri_of(2)))
    assert faults.calls == 1
    assert (commit.already_committed, commit.rows_replaced) == (False, 1)
    assert snapshot_ids(table)[1:] == [commit.snapshot_id]
    assert order_ids(table) == order_ids_by_clickhouse(table) == [1, 3]


def test_a_conflict_with_our_own_commit_leaves_its_manifests_alone(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    with Faults(lake, resent_by_the_client):
        commit = table.commit("one", [written], nothing)
    assert not commit.already_committed
    assert snapshot_ids(table) == [commit.snapshot_id]
    assert order_ids(table) == order_ids_by_clickhouse(table) == [3]


def test_an_unknown_outcome_that_was_none_is_tried_again(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    with Faults(lake, never_arrived, never_arrived) as faults:
        commit = table.commit("one", [written], nothing)
    assert faults.calls == 3
    assert not commit.already_committed
    assert snapshot_ids(table) == [commit.snapshot_id]
    assert order_ids(table) == [3]


def test_a_catalog_that_never_answers_is_unavailable_and_nothing_is_committed(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    with Faults(lake, *[never_arrived] * 20) as faults, pytest.raises(CatalogUnavailable) as caught:
        table.commit("one", [written], nothing)
    assert caught.value.transient
    assert faults.calls == QUICK.unknown_outcomes
    assert snapshot_ids(table) == []
    assert table.commit("one", [written], nothing).snapshot_id is not None


def test_an_outcome_that_cannot_be_looked_up_is_not_guessed_and_the_files_stay(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    catalog = lake._catalog()

    def lost_with_the_catalog(commit: Callable[[], Any]) -> None:
        commit()
        outage.start()
        raise ConnectionError("the connection was reset")

    outage = patch.object(catalog, "load_table", side_effect=ConnectionError("refused"))
    with Faults(lake, lost_with_the_catalog), pytest.raises(CatalogUnavailable):
        table.commit("one", [written], nothing)
    outage.stop()
    again = table.commit("one", [written], nothing)
    assert again.already_committed
    assert snapshot_ids(table) == [again.snapshot_id]
    assert order_ids(table) == order_ids_by_clickhouse(table) == [3]


def test_a_look_survives_a_short_outage(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    load = lake._catalog().load_table
    answers = iter([ConnectionError("refused"), None])

    def flaky(name: str) -> object:
        if (answer := next(answers, None)) is not None:
            raise answer
        return load(name)

    with patch.object(lake._catalog(), "load_table", side_effect=flaky):
        commit = table.commit("one", [written], nothing)
    assert snapshot_ids(table) == [commit.snapshot_id]


def test_races_lost_for_ever_are_a_conflict_and_nothing_is_committed(
    settings: CatalogSettings, lake: Lake
) -> None:
    with open_lake(settings, CommitRetry(attempts=3, first_pause_seconds=0.0)) as own:
        table = orders_table(own)
        written = table.write(orders("one", [3]))

        def refused(_: Callable[[], Any]) -> None:
            raise CommitFailedException("Requirement failed: branch main has changed")

        with (
            Faults(own, *[refused] * 9) as faults,
            pytest.raises(CommitConflict, match="3 attempts") as caught,
        ):
            table.commit("one", [written], nothing)
        assert faults.calls == 3
        assert caught.value.transient
        assert snapshot_ids(table) == []
        # Main has not moved, so it is not certain that the refused manifests will never be referred to.
        assert len([path for path in stored_files(table, "metadata") if path.name.startswith("snap-")]) == 3
        assert table.commit("one", [written], nothing).snapshot_id is not None
        assert order_ids(table) == [3]


def test_files_of_another_partition_spec_are_not_committed(lake: Lake) -> None:
    table = orders_table(lake)
    written = table.write(orders("one", [3]))
    with lake._catalog().load_table(table.name).update_spec() as update:
        update.add_field("ordered_at", DayTransform(), "ordered_at_day")
    with pytest.raises(CommitConflict, match="partition spec"):
        table.commit("one", [written], nothing)
    assert snapshot_ids(table) == []
    table.refresh()
    commit_orders(table, "one", [3])
    assert order_ids(table) == [3]


def test_files_for_a_table_that_was_dropped_do_not_come_into_its_successor_of_another_spec(
    lake: Lake,
) -> None:
    table = orders_table(lake, partition_spec=["day(ordered_at)"])
    written = table.write(orders("one", [3]))
    lake._catalog().drop_table(table.name)
    orders_table(lake, partition_spec=["bucket[4](order_id)"])
    with pytest.raises(CommitConflict, match="partition spec"):
        table.commit("one", [written], nothing)
    assert snapshot_ids(table) == []
