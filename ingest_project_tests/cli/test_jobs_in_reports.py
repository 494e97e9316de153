"""Jobs in the commands that show and repair what the ledger has: they are object versions like others."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project.ingestion.jobs.jobs import Asked
from ingest_project_tests.api.conftest import make_world
from ingest_project_tests.api.world import QUEUE, ApiWorld
from ingest_project_tests.ledger import job_factories

__all__ = ["make_world"]


@pytest.fixture
def world(make_world: Callable[..., ApiWorld]) -> ApiWorld:
    return make_world()


def run(world: ApiWorld, *arguments: str) -> Result:
    command = ["--config", str(world.landing.settings_path), *arguments]
    return CliRunner().invoke(ingest, command, env={"COLUMNS": "250"})


def failed_job(world: ApiWorld) -> str:
    """A job that came through the queue, and whose run failed for good."""
    services = world.services
    services.jobs.submit("export", {"table": "sales.orders"}, Asked("ann"))
    services.intake(QUEUE).drain()
    (batch,) = services.ledger.open_batches(QUEUE)
    job = services.ledger.jobs.job_of_batch(batch.batch_id)
    assert job is not None
    request = services.ledger.jobs.request(job.job_id)
    assert request is not None
    job_factories.fail(services.ledger, request, queue=QUEUE)
    return job.job_id


def test_a_failed_job_is_shown_put_back_and_dismissed(world: ApiWorld) -> None:
    job_id = failed_job(world)
    uri = f"sqs://{QUEUE}/{job_id}"

    shown = run(world, "status")
    assert "Jobs: open, or ended in 24 h" in shown.stdout
    assert "job_failed" in shown.stdout
    (counts,) = json.loads(run(world, "status", "--json").stdout)["jobs"]
    assert (counts["kind"], counts["state"], counts["jobs"]) == ("export", "failed", 1)

    for given in (job_id, uri):
        history = run(world, "history", "--key", given)
        assert f"ingest job status {job_id}" in history.stdout
        assert "job_failed: it is too warm" in history.stdout
    assert uri in run(world, "history", "job:export").stdout

    put_back = run(world, "retry", "--object", uri)
    assert put_back.exit_code == 0
    assert f"is pending again; the next tick of {QUEUE}_sensor takes it" in put_back.stdout

    services = world.services
    request = services.ledger.jobs.request(job_id)
    assert request is not None
    job_factories.fail(services.ledger, request, queue=QUEUE)
    dismissed = run(world, "dismiss", "--table", "job:export")
    assert dismissed.exit_code == 0
    assert "job_failed is settled as skipped" in dismissed.stdout
    services.acknowledge(QUEUE)
    assert services.queue(QUEUE).attributes().depth == 0
    nothing = run(world, "retry", "--table", "job:export")
    assert nothing.exit_code == 1
    assert "has no table" not in nothing.stderr
    hint = run(world, "retry", "--table", "job:dream")
    assert "it has sales.orders, web.clicks, job:ingest, job:rebuild" in hint.stderr


def test_a_job_in_the_dlq_is_seen_and_moved_back(world: ApiWorld) -> None:
    world.landing.sqs.create_queue(QueueName="work-dlq")
    arn = "arn:aws:sqs:us-east-1:123456789012:work-dlq"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    world.landing.sqs.set_queue_attributes(QueueUrl=world.queue_url, Attributes={"RedrivePolicy": policy})
    job_id = failed_job(world)
    # SQS would move its message after the last receive; the emulator's copy has the same text.
    dlq_url = world.queue_url + "-dlq"
    body = json.dumps({"job": "export", "input": {"table": "sales.orders"}, "job_id": job_id})
    world.landing.sqs.send_message(QueueUrl=dlq_url, MessageBody=body)

    shown = run(world, "dlq", QUEUE)
    assert job_id in shown.stdout
    assert "it is too warm" in shown.stdout

    moved = run(world, "redrive", QUEUE)
    assert moved.exit_code == 0, moved.stdout
    world.services.intake(QUEUE).drain()
    job = world.services.ledger.jobs.job(job_id)
    assert job is not None
    assert job.state in ("queued", "running")
