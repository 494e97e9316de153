"""The first load of a prefix: in portions, behind the queue's bound, and whatever kills it on the way."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingest_project.ingestion.reconcile import enqueue as enqueue_module
from ingest_project.ingestion.reconcile.result import Progress
from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.faults import Killed
from ingest_project_tests.ingestion.reconcile.factories import HookedLedger, reconcile

OBJECTS = 12


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """Objects that were there before the queue."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr(enqueue_module, "PORTION", 5)
    monkeypatch.setattr(enqueue_module, "POLL_SECONDS", 0.01)
    zone = Zone.create(tmp_path, aws)
    zone.silence()
    for number in range(OBJECTS):
        zone.put_orders(f"{number:02}", number)
    return zone


class DiesAtClaim(HookedLedger):
    """A ledger whose user is killed before its claim number `at`."""

    def __init__(self, zone: Zone, at: int) -> None:
        self.left = at

        def die_at_the_last() -> None:
            self.left -= 1
            if not self.left:
                raise Killed

        super().__init__(zone, before_claim=die_at_the_last)


def test_load_that_is_killed_twice_on_the_way_brings_each_object_once(zone: Zone) -> None:
    for at in (2, 2):
        with pytest.raises(Killed):
            reconcile(zone, enqueue=True, ledger=DiesAtClaim(zone, at))
    zone.ingest()
    assert len(zone.order_ids()) == 10

    result = reconcile(zone, enqueue=True)

    assert (result.enqueued, result.left) == (2, 0)
    zone.ingest()
    zone.assert_exact(*range(OBJECTS))
    assert reconcile(zone).is_even


def test_load_waits_while_as_many_objects_wait_as_a_tick_may_receive(zone: Zone) -> None:
    most = 0

    def sensor(progress: Progress) -> None:
        nonlocal most
        most = max(most, zone.ledger.pending_objects(QUEUE))
        if progress.step == "enqueue" and progress.note:
            zone.ingest()

    result = reconcile(
        zone, enqueue=True, patience=None, on_progress=sensor, queue={"max_messages_per_tick": 4}
    )

    assert (result.enqueued, result.left, most) == (OBJECTS, 0, 4)
    zone.ingest()
    zone.assert_exact(*range(OBJECTS))


def test_load_leaves_the_rest_to_the_next_run_if_nobody_takes_what_waits(zone: Zone) -> None:
    few = {"max_messages_per_tick": 4}

    first = reconcile(zone, enqueue=True, patience=timedelta(seconds=0.05), queue=few)
    again = reconcile(zone, enqueue=True, patience=timedelta(seconds=0.05), queue=few)

    assert (first.enqueued, first.left) == (4, OBJECTS - 4)
    assert (again.enqueued, again.left, again.known) == (0, OBJECTS - 4, {"waiting": 4})


def test_progress_of_a_load_is_told_with_its_total(zone: Zone) -> None:
    told: list[Progress] = []

    reconcile(zone, enqueue=True, on_progress=told.append)

    assert [(one.done, one.total) for one in told if one.step == "S3"] == [(OBJECTS, None)]
    assert [(one.done, one.total) for one in told if one.step == "enqueue"] == [(5, 12), (10, 12), (12, 12)]
