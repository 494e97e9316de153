"""The status of a landing zone in the emulator, with a real ledger, and with either of them away."""

import io
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console

from ingest_project.errors import CatalogUnavailable
from ingest_project.iceberg.replacement import Replacement
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchOutcome, FailedObject
from ingest_project.reports.status import Status, collect_status, render_status
from ingest_project.services import Services
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message
from ingest_project_tests.factories import Zone, orders_table
from ingest_project_tests.landing import BUCKET, Landing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def landing(aws: str, tmp_path: Path) -> Landing:
    zone = Landing(tmp_path, aws)
    zone.create()
    zone.services().ledger.close()  # the first tick of a sensor makes the ledger
    return zone


def claim(services: Services, *keys: str) -> None:
    """One message for each key, claimed and planned."""
    claims = [Claim(message(key), (routed(key),)) for key in keys]
    take(services, claims)


def reject(services: Services, reason: str) -> None:
    """A message that names nothing of ours."""
    take(services, [Claim(message("rejected"), (), (reason,))])


def take(services: Services, claims: list[Claim]) -> None:
    services.ledger.claim_and_plan(
        "landing",
        claims,
        rules=planning_rules(services.settings.tables_of("landing")),
        max_in_flight=4,
        invisible_until=NOW,
    )


def message(message_id: str) -> Message:
    return Message(message_id, "handle", "{}", receive_count=1, sent_at=NOW, received_at=NOW)


def routed(key: str) -> RoutedObject:
    item = ObjectVersion(BUCKET, key, size_bytes=10, event_time=NOW, etag="e1")
    return RoutedObject(item, "sales.orders", None)


def settle(ledger: Ledger, *, rows: int, failing: str | None = None, snapshot_id: int = 7) -> None:
    """Commit the open batch with `rows` rows each, but for the object of the key `failing`."""
    (batch,) = ledger.open_batches("landing")
    work = ledger.start(batch.batch_id, run_id="run")
    assert work is not None
    bad = [one.object_id for one in work.objects if one.object.key == failing]
    outcome = BatchOutcome(
        rows={one.object_id: rows for one in work.objects if one.object_id not in bad},
        failures=tuple(
            FailedObject(one, "unreadable", "line 3 is not valid JSON", transient=False) for one in bad
        ),
        snapshot_id=snapshot_id,
        committed_at=NOW,
    )
    ledger.settle(batch.batch_id, run_id="run", outcome=outcome)


def shown(status: Status, *, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    render_status(status, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_queue_shows_its_counts_and_the_depth_of_its_dead_letter_queue(landing: Landing) -> None:
    url = landing.queue_url
    for _ in range(3):
        landing.sqs.send_message(QueueUrl=url, MessageBody="{}")
    landing.sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=900)
    landing.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    landing.sqs.send_message(QueueUrl=f"{url}-dlq", MessageBody="{}")

    (queue,) = collect_status(landing.services()).queues

    assert (queue.visible, queue.in_flight, queue.delayed) == (2, 1, 1)
    assert queue.dlq is not None
    assert queue.dlq.depth == 1


def test_a_queue_without_a_dead_letter_queue_says_so(landing: Landing) -> None:
    landing.set_queue(RedrivePolicy="")

    status = collect_status(landing.services())

    assert status.queues[0].dlq is None
    assert "none" in shown(status).splitlines()[4]


def test_a_dead_letter_queue_that_cannot_be_asked_hides_nothing(landing: Landing) -> None:
    landing.sqs.delete_queue(QueueUrl=f"{landing.queue_url}-dlq")

    status = collect_status(landing.services())

    (queue,) = status.queues
    assert queue.dlq is not None
    assert queue.dlq.depth is None
    assert "GetQueueUrl" in (queue.dlq.error or "")
    assert queue.visible == 0
    assert status.is_complete


def test_an_unreachable_queue_does_not_hide_the_ledger(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(landing.services(), "orders/1.ndjson")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    status = collect_status(landing.services())

    assert "EndpointConnectionError" in (status.queues[0].error or "")
    assert status.queues[0].messages == {"open": 1}
    assert [batch.table for batch in status.open_batches] == ["sales.orders"]
    assert not status.is_complete


def test_a_profile_that_does_not_exist_is_the_queues_error(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")

    status = collect_status(landing.services())

    assert "ProfileNotFound" in (status.queues[0].error or "")


def test_an_unreachable_ledger_does_not_hide_the_queues(landing: Landing) -> None:
    landing.write(ledger={"url": f"sqlite:///{landing.folder}"})  # a folder is no database
    landing.sqs.send_message(QueueUrl=landing.queue_url, MessageBody="{}")

    status = collect_status(landing.services())

    assert "unable to open database file" in (status.ledger_error or "")
    assert status.queues[0].visible == 1
    assert not status.is_complete
    assert "unable to open database file" in shown(status)


def test_a_table_shows_rows_objects_and_its_last_commit(landing: Landing) -> None:
    services = landing.services()
    claim(services, "orders/1.ndjson", "orders/2.ndjson", "orders/bad.ndjson")
    settle(services.ledger, rows=1_000, failing="orders/bad.ndjson", snapshot_id=4711)

    status = collect_status(services, clock=lambda: NOW + timedelta(minutes=3))

    orders = status.tables[0]
    assert (orders.table, orders.rows, orders.last_snapshot_id) == ("sales.orders", 2_000, 4711)
    assert orders.objects == {"committed": 2, "failed": 1}
    assert status.batches == {"committed": 1}
    assert "2,000" in shown(status)
    assert "4711" in shown(status)


def test_what_failed_is_listed_with_its_reason(landing: Landing) -> None:
    services = landing.services()
    claim(services, "orders/bad.ndjson", "orders/good.ndjson")
    settle(services.ledger, rows=1, failing="orders/bad.ndjson")
    reject(services, "not an S3 event notification: no JSON")

    status = collect_status(services)

    assert {(failure.kind, failure.error_class, failure.reason) for failure in status.failures} == {
        ("object", "unreadable", "line 3 is not valid JSON"),
        ("message", "rejected", "not an S3 event notification: no JSON"),
    }
    assert "s3://acme-landing/orders/bad.ndjson" in shown(status)


def test_an_open_batch_shows_its_attempt_its_age_and_its_last_error(landing: Landing) -> None:
    services = landing.services()
    claim(services, "orders/1.ndjson")
    (batch,) = services.ledger.open_batches("landing")
    services.ledger.next_attempt(batch.batch_id, attempt=1, error="the catalog did not answer")

    status = collect_status(services, clock=lambda: batch.planned_at + timedelta(hours=5))

    (row,) = [line for line in shown(status).splitlines() if line.strip().startswith(batch.batch_id)]
    assert row.split() == [
        batch.batch_id, "sales.orders", "1", "2", "5", "h", "ago", "the", "catalog", "did", "not", "answer",
    ]  # fmt: skip


def test_a_key_cannot_command_the_terminal(landing: Landing) -> None:
    services = landing.services()
    claim(services, "orders/\x1b[2J[bold]x.ndjson")
    settle(services.ledger, rows=1, failing="orders/\x1b[2J[bold]x.ndjson")

    text = shown(collect_status(services))

    assert "\x1b" not in text
    assert "orders/\\x1b[2J[bold]x.ndjson" in text


def test_actions_after_the_ingest_that_wait_or_fail_are_shown_with_what_to_do(
    aws: str, tmp_path: Path
) -> None:
    zone = Zone.create(tmp_path, aws, orders_table(after={"move": "s3://acme-absent/orders/"}))
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()

    waiting = shown(collect_status(zone.services), width=250)
    assert re.search(r"sales.orders +move +2 +0 +wait: each is done once every message that names", waiting)

    zone.acknowledge()  # the bucket is not there
    status = collect_status(zone.services)
    (told,) = status.tables[0].after
    assert (told.waiting, told.failing) == (2, 2)
    assert asdict(status)["tables"][0]["after"][0]["reason"] == told.reason
    failing = " ".join(shown(status, width=1_000).split())
    assert f"sales.orders move 0 2 {told.uri}: {told.reason}. Remove the cause (`ingest check`" in failing
    assert f"the next try is at {told.not_before:%H:%M:%S} UTC" in failing


def test_nothing_that_failed_is_said_in_words(landing: Landing) -> None:
    services = landing.services()
    claim(services, "orders/1.ndjson")

    assert "Nothing has failed." in shown(collect_status(services))


def test_a_ledger_that_has_recorded_nothing_does_not_claim_that_nothing_failed(landing: Landing) -> None:
    text = shown(collect_status(landing.services()))

    assert "No message was received yet." in text
    assert "Nothing has failed." not in text


def test_a_removed_ledger_is_an_error_and_is_not_created_again(landing: Landing) -> None:
    (landing.folder / "ledger.db").unlink()

    status = collect_status(landing.services())

    assert not status.is_complete
    assert f"there is no ledger at sqlite:///{landing.folder}/ledger.db" in (status.ledger_error or "")
    assert "ingest ledger recover" in shown(status, width=1_000)
    assert not (landing.folder / "ledger.db").exists()


def test_an_empty_file_that_a_running_process_left_is_not_a_ledger(landing: Landing) -> None:
    (landing.folder / "ledger.db").unlink()
    (landing.folder / "ledger.db").touch()

    assert "there is no ledger" in (collect_status(landing.services()).ledger_error or "")


def test_an_empty_ledger_beside_a_table_with_our_rows_was_lost(aws: str, tmp_path: Path) -> None:
    zone = Zone.create(tmp_path, aws)
    zone.put_orders("a", 1, 2, 3)
    zone.ingest()
    assert collect_status(zone.services).problems == ()
    (tmp_path / "ledger.db").unlink()
    services = zone.restarted().services
    services.ledger.close()

    problem, of_queue = collect_status(services).problems

    assert of_queue.startswith("queue landing has 1 message in flight")
    assert problem.startswith(
        "sales.orders has 3 rows, but the ledger has none of its batches: the ledger was "
    )
    assert problem in " ".join(shown(collect_status(services), width=1_000).split())


def test_messages_in_flight_that_an_empty_ledger_does_not_know_are_a_problem(landing: Landing) -> None:
    landing.sqs.send_message(QueueUrl=landing.queue_url, MessageBody="{}")
    landing.sqs.receive_message(QueueUrl=landing.queue_url, MaxNumberOfMessages=1)

    (problem,) = collect_status(landing.services()).problems

    assert problem.startswith("queue landing has 1 message in flight that the ledger does not know.")


def test_messages_in_flight_that_the_ledger_knows_are_not(landing: Landing) -> None:
    landing.sqs.send_message(QueueUrl=landing.queue_url, MessageBody="{}")
    landing.sqs.receive_message(QueueUrl=landing.queue_url, MaxNumberOfMessages=1)
    services = landing.services()
    claim(services, "orders/1.ndjson")

    assert collect_status(services).problems == ()


def test_a_table_shows_how_many_snapshots_it_has(landing: Landing) -> None:
    services = landing.services()
    services.ledger.queue_report("landing")
    assert collect_status(services).snapshots == {}
    table = services.lake.table(services.settings.tables[0], columns={"order_id": "long"})
    for mark in ("one", "two"):
        table.move_head(mark, Replacement)

    status = collect_status(services)

    assert (status.snapshots, status.is_complete) == ({"sales.orders": 2}, True)
    assert re.search(r"snapshots.*sales\.orders.*never +2 *\n", shown(status), re.DOTALL)


def test_a_catalog_that_does_not_answer_leaves_only_the_snapshots_unknown(landing: Landing) -> None:
    services = landing.services()
    services.ledger.queue_report("landing")

    with patch.object(services.lake, "find", side_effect=CatalogUnavailable("sales.orders", "no answer")):
        status = collect_status(services)

    assert set(status.snapshots.values()) == {None}
    assert status.queues[0].visible == 0
