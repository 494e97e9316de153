"""The sensor of the checks: it records changed verdicts, and all once an hour, and survives outages."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingest_project.defs.check_sensor import INTERVAL_SECONDS, check_sensors, tick
from ingest_project.errors import LedgerUnavailable, QueueUnavailable
from ingest_project.ledger.selection import Selection
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.factories import QUEUE, Zone, order_key, orders_table
from ingest_project_tests.landing import table

NOW = 1_800_000_000.0
CHECKS = {"fresh_within": "1h"}


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws, orders_table(checks=CHECKS))


def ticked(zone: Zone, cursor: str | None = None, *, now: float = NOW) -> tuple[dict[str, bool], str]:
    """What a tick records, by check, and its cursor."""
    context = dg.build_sensor_context(cursor=cursor)
    result = tick(context, zone.services, zone.services.settings.queue(QUEUE), now=now)
    assert not result.run_requests
    events = [one for one in result.asset_events if isinstance(one, dg.AssetCheckEvaluation)]
    assert len(events) == len(result.asset_events)
    return {one.check_name: one.passed for one in events}, result.cursor or ""


def test_first_tick_makes_all_checks(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()

    recorded, _ = ticked(zone)

    assert recorded == {
        "failed_objects": True, "bad_rows": True, "schema_drift": True, "freshness": True, "row_count": True,
        "dlq_empty": True,
    }  # fmt: skip


def test_what_has_not_changed_is_recorded_only_once_an_hour(zone: Zone) -> None:
    first, cursor = ticked(zone)

    soon, cursor = ticked(zone, cursor, now=NOW + 300)
    later, _ = ticked(zone, cursor, now=NOW + 3_600)

    assert soon == {}
    assert later == first


def test_verdict_that_changes_is_recorded_at_once(zone: Zone) -> None:
    _, cursor = ticked(zone)
    zone.landing.sqs.send_message(QueueUrl=f"{zone.landing.queue_url}-dlq", MessageBody="lost")

    recorded, cursor = ticked(zone, cursor, now=NOW + 300)

    assert recorded == {"dlq_empty": False}


def test_commit_makes_the_checks_news_again(zone: Zone) -> None:
    _, cursor = ticked(zone)
    zone.put_orders("a", 1)
    zone.ingest()

    recorded, _ = ticked(zone, cursor, now=NOW + 300)

    assert set(recorded) == {
        "failed_objects", "bad_rows", "schema_drift", "freshness", "row_count", "dlq_empty",
    }  # fmt: skip
    assert all(recorded.values())


def test_table_that_has_its_first_rows_is_judged_by_them_at_the_next_tick(zone: Zone) -> None:
    context = dg.build_sensor_context()
    queue = zone.services.settings.queue(QUEUE)
    first = tick(context, zone.services, queue, now=NOW)
    zone.put_orders("a", 1, 2, day=f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}")
    zone.ingest()

    second = tick(
        dg.build_sensor_context(cursor=first.cursor), zone.services, queue, now=NOW + INTERVAL_SECONDS
    )

    said = [
        one.description
        for result in (first, second)
        for one in result.asset_events
        if isinstance(one, dg.AssetCheckEvaluation) and one.check_name == "row_count"
    ]
    assert said[0] == "no rows yet"
    assert "rows; there are too few earlier ones to compare it with" in (said[1] or "")


def test_failed_object_fails_its_check_until_it_is_put_back(zone: Zone) -> None:
    zone.put(order_key("bad"), b"{broken")
    zone.ingest()

    recorded, cursor = ticked(zone)
    assert recorded["failed_objects"] is False
    zone.ledger.retry(Selection(table="sales.orders"))
    recorded, _ = ticked(zone, cursor, now=NOW + INTERVAL_SECONDS)
    assert recorded == {"failed_objects": True}


def test_failed_object_fails_its_check_until_it_is_dismissed(zone: Zone) -> None:
    zone.put(order_key("bad"), b"{broken")
    zone.ingest()

    _, cursor = ticked(zone)
    zone.ledger.dismiss(Selection(table="sales.orders"))
    recorded, _ = ticked(zone, cursor, now=NOW + INTERVAL_SECONDS)

    assert recorded == {"failed_objects": True}


def test_cursor_is_a_line_for_each_table(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()

    _, cursor = ticked(zone)

    (line,) = json.loads(cursor).values()
    assert len(line) < 110
    assert line.startswith("1800000000 1800000000 20")


def test_queue_and_ledger_that_do_not_answer_fail_their_checks_and_not_the_tick(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    zone.ingest()

    def silent(*_: object, **__: object) -> None:
        raise QueueUnavailable(QUEUE, "the endpoint does not answer")

    def locked(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the ledger is locked")

    monkeypatch.setattr(Queue, "attributes", silent)
    monkeypatch.setattr(type(zone.ledger), "last_commit", locked)

    recorded, _ = ticked(zone)

    assert recorded == {
        "failed_objects": True, "bad_rows": False, "schema_drift": True, "freshness": False,
        "row_count": True,
        "dlq_empty": False,
    }  # fmt: skip


def test_queue_that_several_tables_share_is_asked_once(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks = table("web.clicks", "clicks/", {"click_id": "string"})
    zone.landing.write(tables=[orders_table(), clicks])
    asked: list[str] = []
    answer = Queue.dead_letter_queue

    def noted(queue: Queue) -> Queue | None:
        asked.append(queue.name)
        return answer(queue)

    monkeypatch.setattr(Queue, "dead_letter_queue", noted)

    ticked(zone.restarted())

    assert asked == [QUEUE]


def test_tick_that_takes_too_long_goes_on_where_it_stopped(zone: Zone) -> None:
    clicks = table("web.clicks", "clicks/", {"click_id": "string"})
    zone.landing.write(tables=[orders_table(), clicks])
    zone = zone.restarted()
    made = []
    cursor = ""

    for number in range(3):
        times = iter([0.0, 1.0, 99.0])  # the beginning, before the first table, before the second
        now = NOW + 300 * number
        context = dg.build_sensor_context(cursor=cursor)
        queue = zone.services.settings.queue(QUEUE)
        cursor = tick(context, zone.services, queue, now=now, stopwatch=lambda: next(times)).cursor or ""  # noqa: B023
        remembered = json.loads(cursor).items()
        made.append({name for name, line in remembered if line.startswith(f"{now:.0f} ")})

    assert made == [{"sales.orders"}, {"web.clicks"}, {"sales.orders"}]


@pytest.mark.parametrize(
    "cursor", ["not JSON", "[]", '{"sales.orders": 7}', '{"sales.orders": "1800000000 1800000000 - a b"}']
)
def test_cursor_that_cannot_be_read_is_forgotten(zone: Zone, cursor: str) -> None:
    assert len(ticked(zone, cursor)[0]) == 6


def test_sensor_runs_by_default_unless_its_queue_is_not_enabled(zone: Zone) -> None:
    (sensor,) = check_sensors(zone.services.settings)
    queues = [{"name": "landing", "url": zone.landing.queue_url, "enabled": False}]
    zone.landing.write(queues=queues, tables=[orders_table()])
    (stopped,) = check_sensors(zone.restarted().services.settings)

    assert (sensor.name, sensor.default_status.value) == ("landing_checks", "RUNNING")
    assert stopped.default_status.value == "STOPPED"


def test_queue_whose_tables_have_no_checks_has_no_sensor(zone: Zone) -> None:
    switches = ("row_count_anomaly", "schema_drift", "dlq", "failed_objects")
    zone = zone.declare(checks={"max_bad_row_share": None, **dict.fromkeys(switches, False)})

    assert check_sensors(zone.services.settings) == []
