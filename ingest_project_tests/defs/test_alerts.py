"""Alerts: each failed run is reported once, with its batch and its reason, to the log and to an SNS topic."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml

from ingest_project.defs.alerts import alert_sensor
from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, TABLE_TAG, failure
from ingest_project.errors import CatalogUnavailable
from ingest_project.ledger.model import BatchOutcome, FailedObject
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project.sources.source import Claim
from ingest_project_tests.ledger.factories import NOW, routed, rules
from ingest_project_tests.ledger.factories import message as sqs_message

QUEUE = "landing"
TABLE = "sales.orders"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ingest-alerts"


@pytest.fixture
def inbox(aws: str) -> str:
    """The URL of a queue that is subscribed to the topic, which is not in the region of the settings."""
    sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic = sns.create_topic(Name="ingest-alerts")["TopicArn"]
    assert topic == TOPIC
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:inbox")
    return url


def received(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Subject and message of each alert in the inbox."""
    sqs = boto3.client("sqs", region_name="eu-west-1")
    bodies = [
        json.loads(one["Body"])
        for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    return [(body["Subject"], json.loads(body["Message"])) for body in bodies]


def services(folder: Path, **alerts: object) -> Services:
    table = {"name": TABLE, "queue": QUEUE, "bucket": "acme-landing", "format": "csv"}
    document = {
        "ledger": {"url": "sqlite:///ledger.db"},
        "queues": [{"name": QUEUE, "url": "http://127.0.0.1:9/1/landing"}],
        "tables": [table],
        "alerts": alerts,
    }
    (folder / "ingest.yaml").write_text(yaml.safe_dump(document))
    return Services(load_settings(folder / "ingest.yaml"))


def open_batch(services: Services) -> str:
    """The id of a batch that waits for a run."""
    services.ledger.claim_and_plan(
        QUEUE, [Claim(sqs_message(), (routed(),))], rules=[rules()], max_in_flight=1, invisible_until=NOW
    )
    (batch,) = services.ledger.open_batches(QUEUE)
    return batch.batch_id


@dg.op
def broken() -> None:
    error = CatalogUnavailable(TABLE, "the catalog did not answer")
    raise failure(error) from None


@dg.op
def unforeseen() -> None:
    raise ZeroDivisionError("AKIASECRET")


@dg.job(executor_def=dg.in_process_executor)
def landing_ingest() -> None:
    broken()


@dg.job(executor_def=dg.in_process_executor)
def other() -> None:
    unforeseen()


def tags_of(batch_id: str, attempt: int = 1) -> dict[str, str]:
    return {BATCH_TAG: batch_id, ATTEMPT_TAG: str(attempt), TABLE_TAG: TABLE}


class Daemon:
    """What the daemon does with the sensor: a tick from where the last one came to."""

    def __init__(self, instance: dg.DagsterInstance, services: Services) -> None:
        self.instance, self.services = instance, services
        self.sensor = alert_sensor(services.settings)
        self.cursor: str | None = None
        self.tick()

    def tick(self) -> None:
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"services": self.services}
        ) as context:
            self.cursor = self.sensor.evaluate_tick(context).cursor


def logged(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The errors that the sensor has logged since the last look; Dagster's logger does not propagate."""
    lines = capfd.readouterr().err.split(" - dagster - ERROR - ")[1:]
    return [line for line in lines if line.startswith(("ingest: ", "run "))]


def test_failed_attempt_is_published_once_with_its_batch_and_what_comes_next(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path
) -> None:
    there = services(tmp_path, sns_topic_arn=TOPIC)
    batch_id = open_batch(there)
    daemon = Daemon(instance, there)
    run = landing_ingest.execute_in_process(
        instance=instance, raise_on_error=False, tags=tags_of(batch_id, 2)
    )

    daemon.tick()
    daemon.tick()

    ((subject, message),) = received(inbox)
    assert subject == "ingest: a run for sales.orders failed (catalog)"
    assert message == {
        "job": "landing_ingest",
        "run_id": run.run_id,
        "batch_id": batch_id,
        "table": TABLE,
        "queue": QUEUE,
        "attempt": 2,
        "error_class": "catalog",
        "reason": "table sales.orders: the catalog did not answer",
        "next_step": "landing_sensor tries the batch again, with backoff, until it is settled.",
    }


def test_each_failed_attempt_is_reported(instance: dg.DagsterInstance, inbox: str, tmp_path: Path) -> None:
    there = services(tmp_path, sns_topic_arn=TOPIC)
    batch_id = open_batch(there)
    daemon = Daemon(instance, there)

    for attempt in (1, 2):
        landing_ingest.execute_in_process(
            instance=instance, raise_on_error=False, tags=tags_of(batch_id, attempt)
        )
        daemon.tick()

    assert [message["attempt"] for _, message in received(inbox)] == [1, 2]


def test_by_default_alerts_go_to_the_log_alone(
    instance: dg.DagsterInstance, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    there = services(tmp_path)
    daemon = Daemon(instance, there)
    landing_ingest.execute_in_process(instance=instance, raise_on_error=False, tags=tags_of("b1"))

    daemon.tick()

    (line,) = logged(capfd)
    assert "a run for sales.orders failed (catalog)" in line
    assert "The run has no open batch: nothing is tried again automatically." in line


def test_log_may_be_left_out(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon(instance, services(tmp_path, log=False, sns_topic_arn=TOPIC))
    landing_ingest.execute_in_process(instance=instance, raise_on_error=False)

    daemon.tick()

    assert logged(capfd) == []
    assert len(received(inbox)) == 1


def test_unexpected_exception_is_reported_without_its_message(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path
) -> None:
    daemon = Daemon(instance, services(tmp_path, sns_topic_arn=TOPIC))
    other.execute_in_process(instance=instance, raise_on_error=False)

    daemon.tick()

    ((subject, message),) = received(inbox)
    assert subject == "ingest: a run for other failed (unknown)"
    assert message["reason"] == "ZeroDivisionError in step unforeseen; see the run's log"
    assert message["next_step"] == "It is not tried again automatically."
    assert "SECRET" not in json.dumps(message)


def test_run_that_died_silently_is_reported_as_the_sensor_found_it(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path
) -> None:
    there = services(tmp_path, sns_topic_arn=TOPIC)
    batch_id = open_batch(there)
    daemon = Daemon(instance, there)
    run = instance.create_run_for_job(
        landing_ingest, status=dg.DagsterRunStatus.STARTED, tags=tags_of(batch_id)
    )
    instance.report_run_failed(
        run, message=f"batch {batch_id}: run {run.run_id} stopped without recording why"
    )

    daemon.tick()

    ((_, message),) = received(inbox)
    assert (message["error_class"], message["reason"]) == (
        "unknown",
        f"batch {batch_id}: run {run.run_id} stopped without recording why",
    )


def test_failed_rebuild_names_its_table(instance: dg.DagsterInstance, inbox: str, tmp_path: Path) -> None:
    daemon = Daemon(instance, services(tmp_path, sns_topic_arn=TOPIC))

    @dg.asset(key=["sales", "orders"])
    def rebuild() -> None:
        raise failure(CatalogUnavailable(TABLE, "the catalog did not answer")) from None

    job = dg.Definitions(assets=[rebuild]).resolve_implicit_global_asset_job_def()  # what the web UI launches
    job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=[rebuild.key])

    daemon.tick()

    ((_, message),) = received(inbox)
    assert (message["table"], message["queue"], message["batch_id"]) == (TABLE, QUEUE, None)
    assert message["error_class"] == "catalog"


def test_rebuild_that_could_not_read_everything_is_not_reported_as_done(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path
) -> None:
    there = services(tmp_path, sns_topic_arn=TOPIC)
    daemon = Daemon(instance, there)
    batch_id = open_batch(there)
    work = there.ledger.start(batch_id, run_id="run-1")
    assert work is not None
    failed = FailedObject(work.objects[0].object_id, "unreadable", "it is broken", transient=False)
    made = BatchOutcome({}, (failed,), 7, NOW)
    there.ledger.settle(batch_id, run_id="run-1", outcome=replace(made, rows={"another": 1}))
    landing_ingest.execute_in_process(instance=instance, raise_on_error=False, tags=tags_of(batch_id))

    daemon.tick()

    ((_, message),) = received(inbox)
    assert message["next_step"].startswith("The batch is settled, without the objects that could not be read")


def test_topic_that_is_gone_is_logged_and_stops_no_further_alert(
    instance: dg.DagsterInstance, inbox: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon(instance, services(tmp_path, sns_topic_arn=f"{TOPIC}-gone"))
    first = landing_ingest.execute_in_process(instance=instance, raise_on_error=False)
    second = landing_ingest.execute_in_process(instance=instance, raise_on_error=False)

    daemon.tick()

    alert, problem, next_alert, next_problem = logged(capfd)
    assert first.run_id in alert
    assert problem.startswith(f"run {first.run_id}: its alert was not published (NotFoundException)")
    assert second.run_id in next_alert
    assert next_problem.startswith(f"run {second.run_id}: its alert was not published")
