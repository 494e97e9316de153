"""Expiry keeps what the fence needs: open batches find their commits, and late runs of settled ones too."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project_tests.factories import ORDERS, Zone, order_key
from ingest_project_tests.faults import Killed, die, once
from ingest_project_tests.iceberg.expiry.oracle import assert_holds_what_it_reaches

if TYPE_CHECKING:
    from ingest_project.iceberg.expiry.expire import Expired

QUARANTINE = f"{ORDERS}__quarantine"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def expire(zone: Zone) -> "list[Expired]":
    """Expires all that may go of sales.orders, whatever its age."""
    table = zone.services.settings.table(ORDERS)
    return [*zone.services.expire.run(table, keep=1, min_age=timedelta(0))]


def ingest_another(zone: Zone, name: str, *order_ids: int) -> None:
    """Ingests one more object, whatever else is open."""
    known = {batch.batch_id for batch in zone.ledger.open_batches("landing")}
    zone.put_orders(name, *order_ids)
    zone.drain()
    (batch,) = [one for one in zone.ledger.open_batches("landing") if one.batch_id not in known]
    zone.process(batch.batch_id, run_id=f"run of {name}")


def test_snapshot_of_an_open_batch_stays_and_the_next_attempt_finds_it(zone: Zone) -> None:
    ingest_another(zone, "before", 1)
    zone.put_orders("a", 2, 3)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))
    committed = zone.lake_table().snapshot_id
    ingest_another(zone, "after", 4)

    (expired,) = expire(zone)
    # Within the clock's skew of the batch's plan everything stays.
    assert (expired.snapshots, zone.snapshots()) == (0, 3)
    result = zone.restarted().process(batch_id, run_id="run-2")

    assert result is not None
    assert result.snapshot_id == committed
    zone.assert_exact(1, 2, 3, 4)
    (expired,) = expire(zone)
    assert (expired.snapshots, zone.snapshots()) == (2, 1)
    zone.assert_exact(1, 2, 3, 4)


def test_run_that_wakes_up_after_its_batch_was_settled_and_expired_adds_nothing(zone: Zone) -> None:
    """It had looked at the table before another run committed the batch; the ledger refuses it."""
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    def others_go_on() -> None:
        zone.restarted().process(batch_id, run_id="run-2")
        ingest_another(zone, "b", 2)
        assert expire(zone)[0].snapshots == 1

    with pytest.raises(BatchSuperseded):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=once(others_go_on)))

    zone.assert_exact(1, 2)
    assert_holds_what_it_reaches(zone.lake_table())


def test_run_that_has_asked_the_ledger_finds_the_expired_commit_by_its_rows(zone: Zone) -> None:
    """The catalog refuses its attempt, and the next look finds the rows of the batch."""
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    def others_go_on() -> None:
        zone.restarted().process(batch_id, run_id="run-2")
        ingest_another(zone, "b", 2)
        assert expire(zone)[0].snapshots == 1

    result = zone.process(batch_id, ledger=zone.hooked_ledger(after_confirm=once(others_go_on)))

    assert result is not None
    zone.assert_exact(1, 2)


def test_run_that_is_launched_again_for_an_expired_batch_has_nothing_to_do(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    zone.process(batch_id)
    ingest_another(zone, "b", 2)
    expire(zone)

    assert zone.process(batch_id, run_id="run-2") is None
    found = zone.lake_table().find_commit(batch_id, zone.ledger.batch(batch_id).planned_at)
    assert found is not None
    assert found.already_committed
    zone.assert_exact(1, 2)


def test_expired_rows_are_replaced_as_others_are(zone: Zone) -> None:
    """The file of the replaced rows goes with the snapshot that last had them."""
    zone.put_orders("a", 1, 2)
    zone.ingest_one()
    zone.put_orders("a", 1, 2, 3)
    zone.ingest_one()
    (expired,) = expire(zone)
    assert expired.files["data_files"] == 1
    zone.put_orders("a", 4)
    zone.ingest_one()

    zone.assert_exact(4)
    assert_holds_what_it_reaches(zone.lake_table())


def test_quarantine_is_expired_too(zone: Zone) -> None:
    for number in range(3):
        zone.put(order_key(f"bad {number}"), b'{"order_id": 1}\n{"order_id": "x"}\n')
        zone.ingest_one()

    expired = expire(zone)

    assert [(one.table, one.snapshots) for one in expired] == [(ORDERS, 2), (QUARANTINE, 2)]
    assert zone.snapshots(QUARANTINE) == 1
    assert len(zone.quarantined()) == 3
    assert_holds_what_it_reaches(zone.lake_table(QUARANTINE))
