"""A batch that kills its runs: the object at fault is found, and the others are ingested."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest_project.ledger.model import ObjectState
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import FetchResult
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key, orders
from ingest_project_tests.faults import Killed
from ingest_project_tests.patience import PATIENCE_SECONDS

RUNS = 40
"""More than it may take to find one object among eight."""


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


class DeadlyStore(ObjectStore):
    """A store that kills the run's process when it fetches one key."""

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        if any(one.key == order_key("deadly") for one in objects):
            raise Killed
        return super().fetch(objects, max_object_bytes=max_object_bytes, room_bytes=room_bytes)


def sensor(zone: Zone, batch_id: str) -> None:
    """What the sensor does after a run has ended and left its batch open."""
    batch = zone.ledger.batch(batch_id)
    on_unknown = zone.services.settings.action_on(ORDERS, "unknown")
    zone.ledger.next_attempt(batch_id, attempt=batch.attempt, error="it stopped", on_unknown=on_unknown)


def run_until_settled(zone: Zone) -> int:
    """Give every open batch runs until none is open; returns how many died."""
    store = DeadlyStore(zone.services.aws)
    died = 0
    for number in range(RUNS):
        if not (batches := zone.ledger.open_batches(QUEUE)):
            return died
        try:
            zone.process(batches[0].batch_id, run_id=f"run-{number}", store=store)
        except Killed:
            died += 1
            sensor(zone, batches[0].batch_id)
    raise AssertionError("work without end")


def test_object_that_kills_its_runs_is_found_and_the_others_are_ingested(zone: Zone) -> None:
    for number in range(1, 8):
        zone.put_orders(f"order-{number}", number)
    zone.put_orders("deadly", 8)
    zone.drain()

    died = run_until_settled(zone)

    assert died == 3 * 4
    zone.assert_exact(1, 2, 3, 4, 5, 6, 7)
    assert zone.error_classes() == {order_key("deadly"): "unknown"}
    assert zone.states()[order_key("deadly")] is ObjectState.FAILED
    assert zone.acknowledge().deleted == 7


def test_object_that_kills_its_runs_is_parked_if_its_table_says_so(zone: Zone) -> None:
    zone = zone.declare(on_error={"unknown": "park"})
    zone.put_orders("deadly", 8)
    zone.drain()

    run_until_settled(zone)

    assert zone.states() == {order_key("deadly"): ObjectState.QUARANTINED}
    assert zone.acknowledge().deleted == 1


def test_process_that_is_killed_leaves_no_error_and_its_object_fails_in_the_end(zone: Zone) -> None:
    zone.put(order_key("deadly"), orders(1))
    batch_id = zone.plan_one()
    code = f"""
import os, signal
from ingest_project.ingestion import write as batch_writer
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
batch_writer.read_contents = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
services = Services(load_settings())
services.pipeline.process({batch_id!r}, queue=services.queue({QUEUE!r}), run_id=str(os.getpid()))
"""
    environment = {**os.environ, "INGEST_CONFIG": str(zone.landing.settings_path)}

    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", code], env=environment, timeout=PATIENCE_SECONDS, check=False
        )
        assert ended.returncode == -signal.SIGKILL
        assert zone.ledger.batch(batch_id).error is None
        sensor(zone, batch_id)

    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.error_classes() == {order_key("deadly"): "unknown"}
