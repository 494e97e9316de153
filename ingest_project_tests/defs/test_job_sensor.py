"""A job from its request to its end: launched once, followed, tried again, cancelled, acknowledged."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from ingest_project.defs.jobs import ATTEMPT_TAG
from ingest_project.errors import IdempotencyConflict, JobRefused
from ingest_project.ledger.job_model import JobQuery, JobState
from ingest_project_tests.job_zone import JobZone, weather_batch


@pytest.fixture
def zone(aws: str, tmp_path: Path) -> JobZone:
    return JobZone.create(tmp_path, aws, attempts=2)


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.intake.LONG_POLL_SECONDS", 0)
    monkeypatch.setattr("ingest_project.ledger.attempts.BACKOFF_FIRST", timedelta(0))


def only(requests: list[dg.RunRequest]) -> dg.RunRequest:
    (request,) = requests
    return request


def test_a_users_own_job_runs_and_its_result_is_the_jobs(zone: JobZone, instance: dg.DagsterInstance) -> None:
    job = zone.submit("weather", station="harbour", days=2)
    assert job.state is JobState.SUBMITTED

    request = only(zone.tick(instance))
    assert zone.job(job.job_id).state is JobState.QUEUED
    assert request.tags["ingest/job_id"] == job.job_id
    assert request.tags["ingest/request_id"] == "request-1"
    zone.run(instance, request)
    assert zone.tick(instance) == []

    done = zone.job(job.job_id)
    assert (done.state, done.attempts, done.result) == (
        JobState.COMPLETED,
        1,
        {"station": "harbour", "rows": 48},
    )
    assert zone.messages() == 0


def test_a_job_whose_runs_fail_ends_after_its_attempts_and_its_message_stays_for_the_dlq(
    zone: JobZone, instance: dg.DagsterInstance
) -> None:
    job = zone.submit("weather", station="moon")

    first = only(zone.tick(instance))
    zone.run(instance, first)
    assert zone.tick(instance) == []  # the failure is recorded
    assert zone.job(job.job_id).state is JobState.RUNNING
    second = only(zone.tick(instance))
    assert (first.tags[ATTEMPT_TAG], second.tags[ATTEMPT_TAG]) == ("1", "2")
    zone.run(instance, second)
    zone.tick(instance)

    failed = zone.job(job.job_id)
    assert (failed.state, failed.attempts, failed.error_class) == (JobState.FAILED, 2, "job_failed")
    assert "no weather on the moon" in (failed.reason or "")
    assert zone.tick(instance) == []
    assert zone.messages() == 1


def test_the_text_of_an_unexpected_exception_is_not_told(zone: JobZone, instance: dg.DagsterInstance) -> None:
    job = zone.submit("weather", station="atlantis")

    for _ in range(2):
        zone.run(instance, only(zone.tick(instance)))
        zone.tick(instance)

    reason = zone.job(job.job_id).reason or ""
    assert "ValueError in step simulate" in reason
    assert "secret" not in reason


def test_a_redelivered_request_changes_nothing(zone: JobZone, instance: dg.DagsterInstance) -> None:
    job = zone.submit("weather", station="harbour")
    zone.run(instance, only(zone.tick(instance)))
    zone.tick(instance)

    zone.send(json.dumps({"job": "weather", "input": {"station": "harbour"}, "job_id": job.job_id}))

    assert zone.tick(instance) == []
    zone.tick(instance)
    assert zone.job(job.job_id).attempts == 1
    assert zone.messages() == 0


def test_a_message_that_something_else_sent_is_a_job_once_per_key(
    zone: JobZone, instance: dg.DagsterInstance
) -> None:
    body = {"job": "weather", "input": {"station": "harbour"}, "idempotency_key": "monday"}
    for _ in range(2):
        zone.send(json.dumps(body))

    zone.run(instance, only(zone.tick(instance)))
    zone.tick(instance)

    (job,) = zone.services.jobs.jobs(JobQuery())
    assert (job.state, job.requester) == (JobState.COMPLETED, "queue")
    assert zone.messages() == 0


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        json.dumps({"job": "weather", "input": {"station": 7}}),
        json.dumps({"job": "unknown", "input": {}}),
        json.dumps({"job": "weather", "input": {"station": {"env": "AWS_SECRET_ACCESS_KEY"}}}),
        json.dumps({"job": "weather", "input": {"station": "harbour"}, "requester": "somebody else"}),
    ],
)
def test_a_message_that_asks_for_no_job_is_left_to_the_dlq(
    zone: JobZone, instance: dg.DagsterInstance, body: str
) -> None:
    zone.send(body)

    assert zone.tick(instance) == []

    assert zone.zone.message_states() == {"rejected": 1}
    assert zone.messages() == 1


def test_the_id_of_another_job_does_not_give_its_requester(
    zone: JobZone, instance: dg.DagsterInstance
) -> None:
    job = zone.submit("weather", station="harbour")
    zone.send(json.dumps({"job": "weather", "input": {"station": "elsewhere"}, "job_id": job.job_id}))

    assert len(zone.tick(instance)) == 1
    assert zone.zone.message_states() == {"open": 1, "rejected": 1}


def test_a_job_that_waits_is_cancelled_at_once(zone: JobZone, instance: dg.DagsterInstance) -> None:
    before = zone.submit("weather", station="harbour")
    assert zone.services.jobs.cancel(before.job_id, by="me") is not None
    launched = zone.submit("weather", station="lighthouse")
    request = only(zone.tick(instance))
    zone.services.jobs.cancel(launched.job_id, by="me")

    assert zone.job(before.job_id).state is JobState.CANCELLED
    assert zone.job(launched.job_id).state is JobState.CANCELLED
    assert zone.tick(instance) == []
    assert zone.messages() == 0
    zone.run(instance, request)
    zone.tick(instance)
    assert zone.job(launched.job_id).state is JobState.CANCELLED


def test_a_running_job_is_cancelled_with_its_run(zone: JobZone, instance: dg.DagsterInstance) -> None:
    job = zone.submit("weather", station="harbour")
    request = only(zone.tick(instance))
    run = started(instance, request)
    zone.tick(instance)
    assert zone.job(job.job_id).state is JobState.RUNNING

    zone.services.jobs.cancel(job.job_id, by="me")
    assert zone.job(job.job_id).state is JobState.RUNNING
    zone.tick(instance)

    assert has_ended(instance, run)
    assert zone.job(job.job_id).state is JobState.CANCELLED
    assert zone.messages() == 0


def test_a_run_that_takes_too_long_is_ended_and_the_job_is_tried_again(
    aws: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    zone = JobZone.create(tmp_path, aws, timeout="1s")
    job = zone.submit("weather", station="harbour")
    run = started(instance, only(zone.tick(instance)))
    age(instance, run, seconds=5)

    zone.tick(instance)
    assert has_ended(instance, run)
    zone.tick(instance)
    zone.run(instance, only(zone.tick(instance)))
    zone.tick(instance)
    assert (zone.job(job.job_id).state, zone.job(job.job_id).attempts) == (JobState.COMPLETED, 2)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING])
def test_a_run_that_never_starts_is_ended_and_counts_as_an_attempt(
    aws: str, tmp_path: Path, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    zone = JobZone.create(tmp_path, aws, attempts=2, start_timeout="1h")
    job = zone.submit("weather", station="harbour")
    for attempt in ("1", "2"):
        request = only(zone.tick(instance))
        assert request.tags[ATTEMPT_TAG] == attempt
        run = launched(instance, request, status)
        assert zone.tick(instance) == []
        assert not has_ended(instance, run)
        age_launch(instance, run, hours=2)
        zone.tick(instance)
        assert has_ended(instance, run)
        assert zone.job(job.job_id).state is JobState.QUEUED
        zone.tick(instance)

    failed = zone.job(job.job_id)
    assert (failed.state, failed.attempts, failed.error_class) == (JobState.FAILED, 0, "job_failed")
    assert "did not start within 1:00:00" in (failed.reason or "")
    assert zone.tick(instance) == []
    assert zone.messages() == 1


def test_a_run_that_dagster_gives_up_before_its_start_does_not_count(
    aws: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    zone = JobZone.create(tmp_path, aws, attempts=1, start_timeout="1h")
    job = zone.submit("weather", station="harbour")
    run = launched(instance, only(zone.tick(instance)), dg.DagsterRunStatus.STARTING)
    instance.report_run_failed(run, "Run timed out due to taking longer than 120 seconds to start.")
    zone.tick(instance)

    zone.run(instance, only(zone.tick(instance)))
    zone.tick(instance)

    assert (zone.job(job.job_id).state, zone.job(job.job_id).attempts) == (JobState.COMPLETED, 1)


def test_the_same_key_is_the_same_job_and_never_another(zone: JobZone, instance: dg.DagsterInstance) -> None:
    first = zone.submit("weather", key="k", station="harbour")
    again = zone.submit("weather", key="k", station="harbour")

    assert first.job_id == again.job_id
    with pytest.raises(IdempotencyConflict):
        zone.submit("weather", key="k", station="elsewhere")
    assert len(zone.tick(instance)) == 1


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("weather", {"station": 7}, "input.station"),
        ("weather", {"station": "harbour", "unknown": 1}, "input"),
        ("weather", {"station": {"env": "HOME"}}, "input.station"),
        ("unknown", {}, "job"),
        ("ingest", {"table": "no.table"}, "input.table"),
        ("ingest", {"table": "sales.orders", "prefix": "orders/../"}, "input.prefix"),
        ("ingest", {"table": "sales.orders", "prefix": "clicks/"}, "input.prefix"),
        ("ingest", {"table": "sales.orders", "objects": ["s3://foreign/orders/a"]}, "input.objects.0"),
        ("rebuild", {"table": "sales.orders"}, "input.partitions"),
        ("rebuild", {"table": "sales.orders", "partitions": ["2026-13-01"]}, "input.partitions.0"),
        ("rebuild", {"table": "sales.orders\n"}, "input.table"),
        ("replay", {"table": "sales.orders", "whole_table": "yes please"}, "input.whole_table"),
        ("export", {"table": "sales.orders", "filters": [{"column": "a", "op": "like", "value": 1}]},
         "input.filters.0.op"),
    ],
)  # fmt: skip
def test_an_invalid_request_is_refused_by_field_before_anything_is_queued(
    zone: JobZone, kind: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(JobRefused) as refused:
        zone.submit(kind, **given)

    assert refused.value.field == field
    assert zone.services.jobs.jobs(JobQuery()) == []
    assert zone.messages() == 0


def started(instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.DagsterRun:
    """A run of the request that has begun, and does not end by itself."""
    run = launched(instance, request, dg.DagsterRunStatus.STARTING)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name), run_id=run.run_id
    )
    return run


def launched(
    instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus
) -> dg.DagsterRun:
    """A run of the request that stays as it is."""
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name="gone")
    return instance.create_run_for_job(
        weather_batch, status=status, tags=dict(request.tags), run_config=request.run_config,
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "gone"), weather_batch.name),
    )  # fmt: skip


def has_ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    found = instance.get_run_by_id(run.run_id)
    return found is not None and found.is_finished


def age(instance: dg.DagsterInstance, run: dg.DagsterRun, *, seconds: int) -> None:
    """Let the run have started earlier, as Dagster has stored it."""
    storage = instance.run_storage
    with storage.connect() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "UPDATE runs SET start_time = start_time - ? WHERE run_id = ?", (seconds, run.run_id)
        )


def age_launch(instance: dg.DagsterInstance, run: dg.DagsterRun, *, hours: int) -> None:
    """Let the run have been created earlier."""
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "UPDATE runs SET create_timestamp = datetime(create_timestamp, ?) WHERE run_id = ?",
            (f"-{hours} hours", run.run_id),
        )
