"""What an open batch needs, from its lease and from the runs that Dagster really has of it."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG
from ingest_project.defs.outbox import START_TIMEOUT, Need, judge, run_request
from ingest_project.ledger.model import Batch, BatchKind

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)


@dg.job
def some_job() -> None:
    """A job to have runs of."""


def batch(
    *,
    attempt: int = 1,
    not_before: datetime = NOW,
    run_id: str | None = None,
    heartbeat_at: datetime | None = None,
) -> Batch:
    return Batch(
        batch_id="b1",
        queue="landing",
        table="sales.orders",
        kind=BatchKind.INGEST,
        attempt=attempt,
        starts=0,
        objects=1,
        size_bytes=1,
        planned_at=NOW,
        not_before=not_before,
        partition_key=None,
        run_id=run_id,
        heartbeat_at=heartbeat_at,
        error=None,
    )


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, *, attempt: int = 1) -> str:
    tags = {BATCH_TAG: "b1", ATTEMPT_TAG: str(attempt)}
    return instance.create_run_for_job(some_job, status=status, tags=tags).run_id


def records(instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    return list(instance.get_run_records(filters=dg.RunsFilter(tags={BATCH_TAG: "b1"})))


def test_batch_without_a_run_gets_one() -> None:
    assert judge(batch(), [], NOW, LEASE).need is Need.RUN


def test_next_attempt_waits_for_its_time(instance: dg.DagsterInstance) -> None:
    run(instance, dg.DagsterRunStatus.FAILURE)
    waiting = batch(attempt=2, not_before=NOW + timedelta(seconds=5))

    assert judge(waiting, records(instance), NOW, LEASE).need is Need.PATIENCE
    assert judge(waiting, records(instance), NOW + timedelta(seconds=5), LEASE).need is Need.RUN


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]
)
def test_run_that_ended_and_left_the_batch_open_calls_for_another_attempt(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run(instance, status)

    decision = judge(batch(), records(instance), NOW, LEASE)

    assert decision.need is Need.ATTEMPT
    assert decision.dead_run is None


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_run_on_its_way_is_waited_for(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    run(instance, status)

    assert judge(batch(), records(instance), NOW, LEASE).need is Need.PATIENCE


def test_started_run_whose_lease_ran_out_is_dead(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, dg.DagsterRunStatus.STARTED)
    working = batch(run_id=run_id, heartbeat_at=NOW)

    assert judge(working, records(instance), NOW + LEASE / 2, LEASE).need is Need.PATIENCE

    decision = judge(working, records(instance), NOW + LEASE, LEASE)
    assert decision.need is Need.ATTEMPT
    assert decision.dead_run is not None
    assert decision.dead_run.run_id == run_id


def test_ended_run_is_believed_before_its_lease_runs_out(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, dg.DagsterRunStatus.FAILURE)

    assert judge(batch(run_id=run_id, heartbeat_at=NOW), records(instance), NOW, LEASE).need is Need.ATTEMPT


def started_run(instance: dg.DagsterInstance) -> tuple[dg.RunRecord, datetime]:
    """A run that began just now, and when."""
    run_id = run(instance, dg.DagsterRunStatus.STARTING)
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="some_job"),
        run_id=run_id,
    )
    (record,) = records(instance)
    assert record.start_time is not None
    return record, datetime.fromtimestamp(record.start_time, UTC)


def test_run_whose_imports_take_two_minutes_is_waited_for(instance: dg.DagsterInstance) -> None:
    record, started = started_run(instance)

    assert judge(batch(), [record], started + timedelta(minutes=2), LEASE).need is Need.PATIENCE


def test_started_run_that_never_took_the_lease_is_dead_in_the_end(instance: dg.DagsterInstance) -> None:
    record, started = started_run(instance)

    assert judge(batch(), [record], started + START_TIMEOUT, LEASE).need is Need.PATIENCE
    assert (
        judge(batch(), [record], started + START_TIMEOUT + timedelta(seconds=1), LEASE).need is Need.ATTEMPT
    )


def test_batch_that_a_run_outside_of_the_outbox_works_on_is_left_alone() -> None:
    rebuild = batch(run_id="a run of dagster asset materialize", heartbeat_at=NOW)

    assert judge(rebuild, [], NOW, LEASE).need is Need.PATIENCE
    assert judge(rebuild, [], NOW + LEASE, LEASE).need is Need.RUN


def test_run_of_a_rebuild_that_died_is_ended_when_the_queue_finishes_its_batch(
    instance: dg.DagsterInstance,
) -> None:
    run_id = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED).run_id
    rebuild = batch(run_id=run_id, heartbeat_at=NOW)

    decision = judge(rebuild, instance.get_run_records(), NOW + LEASE, LEASE)

    assert decision.need is Need.RUN
    assert decision.dead_run is not None
    assert decision.dead_run.run_id == run_id


def test_run_request_carries_only_ids() -> None:
    request = run_request(batch(attempt=3), "landing_ingest")

    assert request.run_key == "b1:3"
    assert request.run_config["ops"] == {"ingest": {"config": {"batch_id": "b1"}}}
    assert request.tags[ATTEMPT_TAG] == "3"
