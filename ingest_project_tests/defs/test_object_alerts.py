"""Alerts about objects that fail alone: one for each table, never twice, and never many."""

import json
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from ingest_project.defs import object_alerts
from ingest_project.defs.object_alerts import object_alert_sensor, tick
from ingest_project.errors import LedgerUnavailable
from ingest_project.ledger.ledger import Ledger
from ingest_project.services import Services
from ingest_project_tests.factories import Zone, order_key, orders_table

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ingest-alerts"
FAR_AHEAD = 4_000_000_000
"""Seconds: after all that a test does, and whatever the clock says."""


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    zone.landing.write(alerts={"sns_topic_arn": TOPIC, "log": False}, tables=[orders_table()])
    return zone.restarted()


@pytest.fixture
def inbox(aws: str) -> str:
    """The URL of a queue that is subscribed to the topic."""
    sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic = sns.create_topic(Name="ingest-alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:inbox")
    return url


def received(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Subject and message of each alert that came since the last look."""
    sqs = boto3.client("sqs", region_name="eu-west-1")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(one["Body"]) for one in messages]
    return [(body["Subject"], json.loads(body["Message"])) for body in bodies]


class Daemon:
    """Runs the sensor like the daemon, from the last cursor, at times that the test sets."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.cursor: str | None = json.dumps({"sales.orders": [0, 0]})

    def tick(self, now: int) -> str:
        context = dg.build_sensor_context(cursor=self.cursor)
        result = tick(context, self._services, now=now)
        self.cursor = result.cursor
        assert isinstance(result.skip_reason, dg.SkipReason)
        return result.skip_reason.skip_message or ""


def fail(zone: Zone, *names: str) -> None:
    for name in names:
        zone.put(order_key(name), b"{broken")
    zone.ingest()


def test_objects_that_fail_alone_are_one_alert_with_what_to_do(zone: Zone, inbox: str) -> None:
    daemon = Daemon(zone.services)
    fail(zone, "a", "b")

    daemon.tick(FAR_AHEAD)
    daemon.tick(FAR_AHEAD + 10_000)

    ((subject, message),) = received(inbox)
    assert subject == "ingest: 2 objects of sales.orders could not be ingested (unreadable)"
    assert (message["table"], message["objects"], message["by_error_class"]) == (
        "sales.orders", 2, {"unreadable": 2},
    )  # fmt: skip
    assert {one["object"][-8:] for one in message["newest"]} == {"a.ndjson", "b.ndjson"}
    assert "`ingest retry --table sales.orders`" in message["next_step"]


def test_table_without_failures_raises_no_alert(zone: Zone, inbox: str) -> None:
    zone.put_orders("a", 1)
    zone.ingest()

    assert Daemon(zone.services).tick(FAR_AHEAD) == "no object has failed since the last tick"
    assert received(inbox) == []


def test_what_fails_soon_after_an_alert_waits_for_the_next_one(
    zone: Zone, inbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(zone.services)
    asked: list[tuple[int, int]] = []

    def noted(_services: object, _table: object, after: int, until: int) -> Any:
        asked.append((after, until))
        return zone.ledger.unread_objects("landing", "sales.orders", limit=5)

    monkeypatch.setattr(object_alerts, "_failed", noted)
    fail(zone, "a")

    for now in (1_000_000, 1_000_060, 1_000_899, 1_000_900):
        daemon.tick(now)

    assert len(received(inbox)) == 2
    assert asked == [(0, 999_970), (999_970, 1_000_870)]  # nothing in between is left out


def test_alert_that_was_not_published_is_repeated(zone: Zone, aws: str) -> None:
    daemon = Daemon(zone.services)  # nobody has made the topic
    fail(zone, "a")

    daemon.tick(FAR_AHEAD)

    assert json.loads(daemon.cursor or "") == {"sales.orders": [0, FAR_AHEAD]}


def test_ledger_that_does_not_answer_is_asked_for_the_same_time_again(
    zone: Zone, inbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(zone.services)
    fail(zone, "a")
    before = daemon.cursor

    def locked(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the ledger is locked")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "lately_unread", locked)
        daemon.tick(FAR_AHEAD)
    assert daemon.cursor == before

    daemon.tick(FAR_AHEAD)
    assert len(received(inbox)) == 1


@pytest.mark.parametrize("cursor", [None, "not JSON", "[]", '{"sales.orders": "x"}'])
def test_first_tick_begins_with_the_present(zone: Zone, inbox: str, cursor: str | None) -> None:
    daemon = Daemon(zone.services)
    daemon.cursor = cursor
    fail(zone, "a")

    daemon.tick(FAR_AHEAD)

    assert received(inbox) == []
    assert json.loads(daemon.cursor or "") == {"sales.orders": [FAR_AHEAD - 30, 0]}


def test_sensor_is_stopped_where_the_settings_want_no_such_alerts(zone: Zone) -> None:
    assert object_alert_sensor(zone.services.settings).default_status is dg.DefaultSensorStatus.RUNNING
    zone.landing.write(alerts={"failed_objects_every": None}, tables=[orders_table()])

    stopped = object_alert_sensor(zone.restarted().services.settings)

    assert stopped.default_status is dg.DefaultSensorStatus.STOPPED
