"""Where the checks look: what a table of a real ledger, lake and queue is judged by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest_project.checks.tables.evaluate import TableChecks
from ingest_project.checks.tables.verdict import CheckName, Verdict, checks_of
from ingest_project.errors import QueueUnavailable
from ingest_project.services import Services
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.checks.tables.factories import settings
from ingest_project_tests.factories import ORDERS, Zone, order_key, orders, orders_table

DAY = timedelta(days=1)


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws, orders_table(checks={"fresh_within": "2d"}))


def verdict(zone: Zone, check: CheckName, *, later: timedelta = timedelta()) -> Verdict:
    """The check of sales.orders, made so much later."""
    checks = TableChecks(zone.services, lambda: datetime.now(UTC) + later)
    (found,) = checks.verdicts(zone.services.settings.table(ORDERS), [check])
    return found


def put_days(zone: Zone, rows_by_age: dict[int, int]) -> None:
    """A file for each partition so many days ago, of so many rows."""
    today = datetime.now(UTC).date()
    for age, rows in rows_by_age.items():
        zone.put_orders("a", *range(rows), day=str(today - age * DAY))
    zone.ingest()


def test_bad_rows_are_forgotten_after_a_day_unless_they_are_those_of_the_last_batch(zone: Zone) -> None:
    zone.put(order_key("a"), orders(1) + b"not JSON\n")
    zone.ingest()
    assert not verdict(zone, "bad_rows").passed
    assert not verdict(zone, "bad_rows", later=2 * DAY).passed

    zone.put_orders("b", 2)
    zone.ingest()

    assert not verdict(zone, "bad_rows").passed
    assert verdict(zone, "bad_rows", later=2 * DAY).passed


def test_table_is_fresh_until_its_promise_is_broken(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest()

    assert verdict(zone, "freshness").passed
    assert not verdict(zone, "freshness", later=3 * DAY).passed


def test_partition_is_compared_with_the_partitions_before(zone: Zone) -> None:
    put_days(zone, {2: 1, **dict.fromkeys(range(3, 11), 20)})

    found = verdict(zone, "row_count")

    assert not found.passed
    assert found.facts["partition"] == str(datetime.now(UTC).date() - 2 * DAY)
    assert (found.facts["rows"], found.facts["median_rows"]) == (1, 20)


def test_table_without_partitions_is_judged_by_the_rows_of_a_day(zone: Zone) -> None:
    zone = zone.declare(partition=None)
    zone.put_orders("a", 1, 2, 3)
    zone.ingest()

    found = verdict(zone, "row_count", later=DAY)

    assert found.facts["partition"] == str(datetime.now(UTC).date())
    assert found.facts["rows"] == 3


def test_inferred_columns_drift_for_a_week(zone: Zone) -> None:
    zone = zone.declare(columns=None)
    zone.put(order_key("a"), b'{"order_id": 1}\n')
    zone.ingest()
    assert verdict(zone, "schema_drift").passed
    zone.put(order_key("b"), b'{"order_id": 2, "coupon": "X"}\n')
    zone.ingest()

    assert verdict(zone, "schema_drift").description == "columns have changed; new: coupon"
    assert verdict(zone, "schema_drift", later=8 * DAY).passed


def test_undeclared_columns_drift_until_they_are_declared(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 2, "coupon": "X"}\n')
    zone.ingest()

    assert not verdict(zone, "schema_drift", later=8 * DAY).passed
    declared = zone.declare(columns={"order_id": "long", "coupon": "string"})
    assert verdict(declared, "schema_drift").passed


def test_table_that_is_gone_with_its_rows_fails_unlike_a_new_table(zone: Zone) -> None:
    zone = zone.declare(columns=None)
    assert verdict(zone, "schema_drift").description == "there is no table yet"
    zone.put_orders("a", 1, 2)
    zone.ingest()
    zone.services.lake._catalog().drop_table(ORDERS)

    found = verdict(zone, "schema_drift", later=30 * DAY)

    assert (found.passed, found.severity, found.facts["rows_committed"]) == (False, "error", 2)
    assert found.description == "the table is gone from the catalog, and rows were committed to it"
    zone.rebuild()
    assert verdict(zone, "schema_drift").passed


def test_messages_of_the_dlq_are_counted(zone: Zone) -> None:
    assert verdict(zone, "dlq_empty").passed
    zone.landing.sqs.send_message(QueueUrl=f"{zone.landing.queue_url}-dlq", MessageBody="lost")

    found = verdict(zone, "dlq_empty")

    assert (found.passed, found.facts["messages"]) == (False, 1)
    sent = found.facts["oldest_sent_at"]
    assert isinstance(sent, datetime)
    assert abs(sent - datetime.now(UTC)) < timedelta(minutes=5)
    dlq = zone.queue.dead_letter_queue()
    assert dlq is not None
    assert dlq.attributes().visible == 1  # looking does not consume


def test_dlq_that_may_not_be_received_from_is_counted_without_an_age(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.landing.sqs.send_message(QueueUrl=f"{zone.landing.queue_url}-dlq", MessageBody="lost")

    def denied(queue: Queue, **_: object) -> None:
        raise QueueUnavailable(queue.name, "ReceiveMessage: AccessDenied")

    monkeypatch.setattr(Queue, "receive", denied)

    found = verdict(zone, "dlq_empty")

    assert found.description == "1 message in the DLQ of queue landing"
    assert "oldest_age" not in found.facts


def test_queue_that_does_not_answer_is_a_verdict(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise QueueUnavailable("landing", "the endpoint \x1b[2J does not answer")

    monkeypatch.setattr(Services, "queue", silent)

    found = verdict(zone, "dlq_empty")

    assert (found.passed, found.severity) == (False, "warn")
    assert found.description == "could not be checked: queue"
    assert r"the endpoint \x1b[2J does not answer" in str(found.facts["reason"])


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"bad_rows": "fail"}, "bad_rows"),
        ({"checks": {"max_bad_row_share": None}}, "bad_rows"),
        ({"checks": {"schema_drift": False}}, "schema_drift"),
        ({"checks": {"row_count_anomaly": False}}, "row_count"),
        ({"checks": {"dlq": False}}, "dlq_empty"),
    ],
)
def test_each_check_can_be_switched_off(keys: dict[str, Any], missing: str) -> None:
    assert set(checks_of(settings())) - set(checks_of(settings(**keys))) == {missing}


def test_freshness_is_checked_only_where_it_is_promised() -> None:
    assert "freshness" not in checks_of(settings())
    assert "freshness" in checks_of(settings(checks={"fresh_within": "1h"}))
