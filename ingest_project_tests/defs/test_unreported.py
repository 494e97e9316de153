"""What a run committed and could not say any more, the next tick says for it, once."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingest_project.defs import unreported
from ingest_project.defs.unreported import report_missing
from ingest_project_tests.defs.factories import ingest
from ingest_project_tests.factories import DAY, NEXT_DAY, ORDERS, QUEUE, Zone, order_key, orders, orders_table

TABLE, QUARANTINE = (dg.AssetKey(["sales", name]) for name in ("orders", "orders__quarantine"))
BY_KEY = {"dynamic": True, "pattern": "dt=(?P<partition>[0-9-]{10})"}


@dg.job
def some_job() -> None:
    """A job to have runs of."""


@pytest.fixture
def zone(aws: str, tmp_path: Path) -> Zone:
    return Zone.create(tmp_path, aws, orders_table(partition=BY_KEY))


def tick(zone: Zone, instance: dg.DagsterInstance) -> None:
    report_missing(dg.build_sensor_context(instance=instance), zone.restarted().services, QUEUE)


def materialized(instance: dg.DagsterInstance, asset: dg.AssetKey = TABLE) -> Mapping[str | None, object]:
    """The rows that each partition's materialization says were added; an event too many fails."""
    events = [record.asset_materialization for record in instance.fetch_materializations(asset, 100).records]
    rows = {event.partition: event.metadata["rows_added"].value for event in events if event is not None}
    assert len(rows) == len(events)
    return rows


def settled_by_a_run(zone: Zone, instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A run that has settled its batch, and has not told Dagster."""
    run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED)
    zone.process(zone.plan_one(), run_id=run.run_id)
    return run


def test_what_a_run_died_before_saying_is_said_by_the_next_tick_once(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3, day=NEXT_DAY)
    run = settled_by_a_run(zone, instance)

    tick(zone, instance)
    assert materialized(instance) == {}  # the run may yet say it

    instance.report_run_failed(run)
    for _ in range(2):
        tick(zone, instance)
        assert materialized(instance) == {DAY: 2, NEXT_DAY: 1}
    assert set(instance.get_dynamic_partitions(ORDERS)) == {DAY, NEXT_DAY}
    assert materialized(instance, QUARANTINE) == {}
    assert zone.ledger.unreported_batches(QUEUE) == []


def test_rows_that_it_set_aside_are_said_too(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + b"not JSON\n")
    instance.report_run_failed(settled_by_a_run(zone, instance))

    tick(zone, instance)

    assert materialized(instance, QUARANTINE) == {None: 1}


def test_partition_that_a_rebuild_emptied_is_said_too(zone: Zone, instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED)
    key = zone.put_orders("a", 1)
    instance.report_run_failed(settled_by_a_run(zone, instance))
    tick(zone, instance)
    instance.wipe_assets([TABLE])
    zone.delete(key)
    zone.rebuild(run_id=run.run_id)
    instance.report_run_canceled(run)

    tick(zone, instance)

    assert materialized(instance) == {DAY: 0}


def test_run_that_said_it_is_believed(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put(order_key("a"), orders(1) + b"not JSON\n")
    assert ingest(zone, instance).success
    said = len(instance.fetch_materializations(TABLE, 100).records)

    tick(zone, instance)

    assert said == len(instance.fetch_materializations(TABLE, 100).records) == 1
    assert len(instance.fetch_materializations(QUARANTINE, 100).records) == 1
    assert zone.ledger.unreported_batches(QUEUE) == []


def test_batch_of_a_run_that_this_dagster_does_not_know_is_left_to_another_for_a_while(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    tick(zone, instance)
    assert len(zone.ledger.unreported_batches(QUEUE)) == 1

    monkeypatch.setattr(unreported, "GIVEN_UP_AFTER", timedelta(0))
    tick(zone, instance)
    assert zone.ledger.unreported_batches(QUEUE) == []
    assert materialized(instance) == {}
