"""Materializing a table of messages by hand: receives what waits now, and never removes a row."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from ingest_project.defs.assets import table_assets
from ingest_project.ingestion import intake
from ingest_project.services import Services
from ingest_project.settings.load import load_settings

MESSAGES = dg.AssetKey("sqs_messages")
SETTINGS = """
ledger: {{url: "sqlite:///ledger.db"}}
catalog: {{type: sql, uri: "sqlite:///catalog.db", warehouse: warehouse}}
queues:
  - {{name: events, url: "{url}", source: messages}}
"""
PARSED = """tables:
  - {name: sqs_messages, queue: events, bad_rows: fail, json: {columns: {id: long}}}
"""


class World:
    def __init__(self, folder: Path, tables: str = "") -> None:
        self.sqs = boto3.client("sqs")
        self.url = self.sqs.create_queue(QueueName="events")["QueueUrl"]
        (folder / "ingest.yaml").write_text(SETTINGS.format(url=self.url) + tables)
        self.services = Services(load_settings(folder / "ingest.yaml"))

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def materialize(self, instance: dg.DagsterInstance, day: str | None = None) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            table_assets(self.services.settings),
            partition_key=day or f"{datetime.now(UTC):%Y-%m-%d}",
            resources={"services": self.services},
            instance=instance,
            raise_on_error=False,
        )


@pytest.fixture(autouse=True)
def patience(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 0)
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


def newest(instance: dg.DagsterInstance) -> dict[str, Any]:
    """The metadata of the newest materialization: what the catalog shows."""
    (record,) = instance.fetch_materializations(MESSAGES, limit=1).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_messages_that_wait_are_received_and_deleted(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    world = World(tmp_path)
    world.send("one", "two", "three")

    result = world.materialize(instance)

    assert result.success
    told = newest(instance)
    assert (told["rows_added"], told["dagster/row_count"]) == (3, 3)
    attributes = world.sqs.get_queue_attributes(QueueUrl=world.url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"]
    assert attributes["ApproximateNumberOfMessages"] == "0"


def test_second_materialization_keeps_the_rows(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    world = World(tmp_path)
    world.send("one")
    world.materialize(instance)

    assert world.materialize(instance).success
    world.send("two")
    assert world.materialize(instance).success

    assert newest(instance)["dagster/row_count"] == 2


def test_another_day_is_refused_with_the_reason(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    world = World(tmp_path)
    world.send("one")

    result = world.materialize(instance, "2026-01-02")

    assert not result.success
    (event,) = [one for one in result.all_events if one.is_step_failure]
    assert "cannot be received a second time" in str(event.step_failure_data.user_failure_data)
    assert world.services.ledger.open_batches("events") == []


def test_message_that_cannot_be_ingested_fails_the_run_and_the_others_are_in(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    world = World(tmp_path, PARSED)
    world.send('{"id": 1}', "poison", '{"id": 2}')

    result = world.materialize(instance)

    assert not result.success
    told = newest(instance)
    assert (told["rows_added"], told["failed_objects"]) == (2, 1)
