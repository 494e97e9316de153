"""A queue's tick: it finishes what a crash left, and requests runs until one has settled the batch."""

from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import dagster as dg
import pytest

from ingest_project.defs import sensors
from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, ingest_job
from ingest_project.defs.sensors import queue_sensor
from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.sources.factories import direct, s3_record


class AMinuteLater(datetime):
    """A clock that is a minute ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(minutes=1)


@dg.job
def some_job() -> None:
    """A job to have runs of."""


@pytest.fixture
def zone(aws: str, tmp_path: Path) -> Zone:
    return Zone.create(tmp_path, aws)


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.intake.LONG_POLL_SECONDS", 0)


def tick(zone: Zone, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """The run requests of a tick in a process of its own."""
    queue = zone.services.settings.queue(QUEUE)
    context = dg.build_sensor_context(instance=instance)
    result = queue_sensor(queue, ingest_job(queue))(context, services=zone.restarted().services)
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or ())


def run_of(
    instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus
) -> dg.DagsterRun:
    return instance.create_run_for_job(some_job, status=status, tags=dict(request.tags))


def test_flood_of_bad_messages_holds_no_good_one_back(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    for number in range(60):
        zone.send(f"no event {number}")
    for number in range(5):
        zone.put_orders(f"{number}", number)
    for number in range(60):
        zone.send(direct(s3_record(f"elsewhere/{number}.ndjson")))

    (request,) = tick(zone, instance)

    zone.process(request.tags[BATCH_TAG])
    zone.assert_exact(0, 1, 2, 3, 4)
    assert zone.acknowledge().deleted == 5
    assert zone.message_states() == {"rejected": 120, "deleted": 5}
    assert zone.queue.attributes().in_flight == 120


def test_batch_that_a_tick_planned_before_it_died_gets_its_run_from_the_next(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    (request,) = tick(zone, instance)

    assert request.run_key == f"{batch_id}:1"
    assert request.tags[BATCH_TAG] == batch_id


def test_run_that_was_not_launched_is_asked_for_again_under_the_same_key(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)

    assert [request.run_key for request in tick(zone, instance)] == [
        request.run_key for request in tick(zone, instance)
    ]


def test_batch_whose_run_is_on_its_way_is_left_to_it(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    (request,) = tick(zone, instance)
    run_of(instance, request, dg.DagsterRunStatus.STARTING)

    assert tick(zone, instance) == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_batch_whose_run_ended_without_settling_it_gets_another_under_a_key_of_its_own(
    zone: Zone,
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zone.put_orders("a", 1)
    (request,) = tick(zone, instance)
    run_of(instance, request, status)
    assert tick(zone, instance) == []  # the next attempt waits for its time

    monkeypatch.setattr(sensors, "datetime", AMinuteLater)
    (again,) = tick(zone, instance)

    assert (again.tags[BATCH_TAG], again.tags[ATTEMPT_TAG]) == (request.tags[BATCH_TAG], "2")
    assert again.run_key != request.run_key


def test_messages_that_a_run_settled_and_did_not_delete_go_with_the_next_tick(
    zone: Zone, instance: dg.DagsterInstance
) -> None:
    zone.put_orders("a", 1)
    zone.process(zone.plan_one())
    assert zone.queue.attributes().in_flight == 1

    assert tick(zone, instance) == []

    attributes = zone.queue.attributes()
    assert (attributes.visible, attributes.in_flight) == (0, 0)


def test_queue_that_cannot_be_reached_does_not_hold_planned_batches_up(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    def unavailable(*_: object, **__: object) -> None:
        raise QueueUnavailable(QUEUE, "the endpoint does not answer")

    monkeypatch.setattr(Queue, "receive_parts", unavailable)

    assert [request.run_key for request in tick(zone, instance)] == [f"{batch_id}:1"]


def test_tick_fails_when_the_queue_cannot_be_reached_and_nothing_is_to_be_launched(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise QueueUnavailable(QUEUE, "the endpoint does not answer")

    monkeypatch.setattr(Queue, "receive_parts", unavailable)

    with pytest.raises(QueueUnavailable, match="does not answer"):
        tick(zone, instance)


def test_object_that_is_written_after_a_tick_is_in_the_next(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    tick(zone, instance)
    zone.put_orders("b", 2)

    assert len(tick(zone, instance)) == 2
