"""Runs whose process died after their batch was settled are ended in Dagster, and no others."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingest_project.defs.jobs import BATCH_TAG
from ingest_project.defs.stranded_runs import RANGE_GRACE, RANGE_TAG, stranded_rebuilds, stranded_runs
from ingest_project.ledger.model import Batch
from ingest_project_tests.factories import QUEUE, Zone

GRACE = timedelta(seconds=150)


@dg.job
def some_job() -> None:
    """A job to have runs of."""


@pytest.fixture
def zone(aws: str, tmp_path: Path) -> Zone:
    return Zone.create(tmp_path, aws)


def started_run(instance: dg.DagsterInstance, batch_id: str) -> str:
    run = instance.create_run_for_job(
        some_job, status=dg.DagsterRunStatus.STARTING, tags={BATCH_TAG: batch_id}
    )
    event = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="some_job")
    instance.report_dagster_event(event, run_id=run.run_id)
    return run.run_id


def found(
    zone: Zone, instance: dg.DagsterInstance, *, later: timedelta, open_batches: Collection[str] = ()
) -> list[str]:
    stranded = stranded_runs(
        instance, zone.ledger, job_name="some_job", open_batches=open_batches,
        now=datetime.now(UTC) + later, grace=GRACE,
    )  # fmt: skip
    return [run.run_id for run, _ in stranded]


def test_run_whose_batch_was_settled_long_ago_is_stranded(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    run_id = started_run(instance, batch_id)
    zone.process(batch_id, run_id=run_id)

    assert found(zone, instance, later=timedelta(0)) == []  # it may be deleting messages
    assert found(zone, instance, later=GRACE + timedelta(seconds=5)) == [run_id]


def test_run_of_an_open_batch_is_left_to_the_outbox(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    started_run(instance, batch_id)

    assert found(zone, instance, later=timedelta(hours=1), open_batches={batch_id}) == []


def test_run_of_a_batch_that_the_ledger_has_forgotten_is_stranded(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    run_id = started_run(instance, "20260101T000000000Z-00000000")

    assert found(zone, instance, later=GRACE + timedelta(seconds=5)) == [run_id]


@pytest.mark.parametrize(("tags", "grace"), [({}, GRACE), ({RANGE_TAG: "2026-11-20"}, RANGE_GRACE)])
def test_rebuild_whose_batch_was_settled_long_ago_is_stranded(
    zone: Zone, instance: dg.DagsterInstance, tags: dict[str, str], grace: timedelta
) -> None:
    run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    zone.put_orders("a", 1)
    zone.rebuild(run_id=run.run_id)

    def rebuilds(later: timedelta, batches: Collection[Batch] = ()) -> list[str]:
        unreported = zone.ledger.unreported_batches(QUEUE)
        now = datetime.now(UTC) + later
        return [
            one.run_id
            for one, _ in stranded_rebuilds(instance, unreported, [], batches, now=now, grace=GRACE)
        ]

    assert rebuilds(grace - timedelta(seconds=5)) == []
    assert rebuilds(grace + timedelta(seconds=5)) == [run.run_id]
    (settled,) = zone.ledger.unreported_batches(QUEUE)
    owned = replace(zone.ledger.batch(settled.batch_id), run_id=run.run_id)
    assert rebuilds(timedelta(hours=2), [owned]) == []  # it goes on with the next partition
    instance.report_run_failed(run)
    assert rebuilds(timedelta(hours=2)) == []


def test_rebuild_that_another_one_has_replaced_is_stranded_too(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED)
    zone.put_orders("a", 1)
    zone.plan_rebuild(run_id=run.run_id)
    zone.rebuild(run_id="another-run")
    (replaced,) = zone.ledger.abandoned_rebuilds(QUEUE)

    def rebuilds(later: timedelta) -> list[str]:
        now = datetime.now(UTC) + later
        return [
            one.run_id for one, _ in stranded_rebuilds(instance, [], [replaced], [], now=now, grace=GRACE)
        ]

    assert rebuilds(GRACE - timedelta(seconds=5)) == []
    assert rebuilds(GRACE + timedelta(seconds=5)) == [run.run_id]


def test_run_that_ended_is_none(zone: Zone, instance: dg.DagsterInstance) -> None:
    run_id = started_run(instance, "20260101T000000000Z-00000000")
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)

    assert found(zone, instance, later=timedelta(hours=1)) == []
