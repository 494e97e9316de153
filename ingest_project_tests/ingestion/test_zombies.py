"""A run that was frozen while another replaced it: it finds the batch committed, or is refused.

Frozen means here: what others do meanwhile is done inside the frozen run's own call to the ledger.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project.ledger.model import ObjectState
from ingest_project_tests.factories import Zone, order_key, orders
from ingest_project_tests.faults import once
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse, stored_files
from ingest_project_tests.patience import PATIENCE_SECONDS


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


@dataclass(frozen=True, slots=True)
class Gate:
    """Where a thread stops until the test lets it pass."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_SECONDS)

    def wait_until_reached(self) -> None:
        assert self.reached.wait(PATIENCE_SECONDS)


def replacement(zone: Zone, batch_id: str) -> Callable[[], object]:
    """Another process takes the batch over and settles it."""

    def replace_run() -> None:
        zone.restarted().process(batch_id, run_id="run-2")

    return once(replace_run)


def test_run_frozen_before_it_asks_the_ledger_is_refused_by_the_ledger(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(before_confirm=replacement(zone, batch_id))

    with pytest.raises(BatchSuperseded):
        zone.process(batch_id, ledger=ledger)

    zone.assert_exact(1)
    assert zone.snapshots() == 1
    assert len(stored_files(zone.lake_table())) == 1
    assert zone.batch_states() == ["committed"]


def test_run_frozen_after_it_asked_the_ledger_is_refused_by_the_catalog(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(after_confirm=replacement(zone, batch_id))

    result = zone.process(batch_id, ledger=ledger)

    assert result is not None
    assert result.snapshot_id == zone.lake_table().snapshot_id
    zone.assert_exact(1)
    assert zone.snapshots() == 1
    assert len(stored_files(zone.lake_table())) == 1


def test_run_frozen_after_its_commit_changes_nothing_when_it_settles(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put(order_key("empty"), b"")
    batch_id = zone.plan_one()
    ledger = zone.hooked_ledger(before_settle=replacement(zone, batch_id))

    zone.process(batch_id, ledger=ledger)

    assert zone.states()[order_key("empty")] is ObjectState.COMMITTED
    zone.assert_exact(1)
    assert zone.snapshots() == 1
    assert zone.acknowledge().deleted == 2


def test_replacement_that_finds_nothing_to_commit_leaves_a_mark_that_refuses_the_zombie(zone: Zone) -> None:
    """The zombie has confirmed; its replacement gives the missing object back; then the zombie commits."""
    key = zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    def lose_the_object_and_replace_the_run() -> None:
        zone.delete(key)
        zone.restarted().process(batch_id, run_id="run-2")

    ledger = zone.hooked_ledger(after_confirm=once(lose_the_object_and_replace_the_run))

    zone.process(batch_id, ledger=ledger)

    assert zone.states() == {key: ObjectState.FAILED}
    zone.assert_exact()
    zone.put(key, orders(1))  # the same write, as it seems, by a new event
    zone.ingest_one()
    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


def test_zombie_that_commits_while_its_replacement_is_committing_wins_and_both_agree(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()
    commit, settle = Gate(), Gate()

    def let_the_zombie_commit() -> None:
        commit.opened.set()
        settle.wait_until_reached()

    ledger = zone.hooked_ledger(after_confirm=once(commit.wait), before_settle=settle.wait)
    with ThreadPoolExecutor(1) as pool:
        zombie = pool.submit(zone.process, batch_id, run_id="run-1", ledger=ledger)
        commit.wait_until_reached()
        heir = zone.restarted()
        heirs_ledger = heir.hooked_ledger(after_confirm=once(let_the_zombie_commit))
        result = heir.process(batch_id, run_id="run-2", ledger=heirs_ledger)
        settle.opened.set()
        zombies_result = zombie.result(PATIENCE_SECONDS)

    assert result is not None
    assert zombies_result is not None
    assert result.snapshot_id == zombies_result.snapshot_id
    zone.assert_exact(1, 2)
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 2]
    assert zone.snapshots() == 1
    assert len(stored_files(zone.lake_table())) == 1
    assert zone.acknowledge().deleted == 2


def test_many_runs_of_one_batch_at_once_commit_it_once(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()
    together = threading.Barrier(4, timeout=PATIENCE_SECONDS)

    def run(number: int) -> None:
        other = zone.restarted()
        together.wait()
        try:
            other.process(batch_id, run_id=f"run-{number}")
        except BatchSuperseded:
            return

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(run, number) for number in range(4)]:
            future.result()

    zone.assert_exact(1, 2)
    assert zone.snapshots() == 1
    assert zone.batch_states() == ["committed"]
