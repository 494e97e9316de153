"""If snapshots of a table are expired while a batch is open, its rows show that it was committed."""

from pathlib import Path

import pytest

from ingest_project_tests.factories import ORDERS, Zone
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.iceberg.readers import snapshot_ids


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def expire_all_but_the_head(zone: Zone) -> None:
    table = zone.services.lake._catalog().load_table(ORDERS)
    *older, _ = snapshot_ids(zone.lake_table())
    table.maintenance.expire_snapshots().by_ids(older).commit()


def test_batch_whose_snapshot_expired_before_it_was_settled_is_not_committed_again(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))
    zone.put_orders("b", 3)
    zone.drain()
    (other,) = [one for one in zone.ledger.open_batches("landing") if one.batch_id != batch_id]
    zone.process(other.batch_id, run_id="run-of-the-other")
    expire_all_but_the_head(zone)

    zone.restarted().process(batch_id, run_id="run-2")

    zone.assert_exact(1, 2, 3)
    assert zone.acknowledge().deleted == 2
