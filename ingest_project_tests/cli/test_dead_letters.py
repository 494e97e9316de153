"""`ingest dlq` and `ingest redrive`, as a person types them."""

import json
from pathlib import Path

import pytest

from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send_entries import SendLimits
from ingest_project_tests.cli.commands import answer, run
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.ingestion.dead_letters.worlds import letters_of, one_receive, to_dlq

HISTORY = "s3://acme-landing/orders/dt=2026-11-20"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.dead_letters.held_messages.RECEIVE_SECONDS", 1)


@pytest.fixture
def dead(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """A zone whose DLQ has a broken file, one that is ingested, and a message of no table."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    one_receive(zone)
    zone.put(order_key("bad"), b"{broken")
    zone.put_orders("good", 1)
    zone.send("hello \N{RIGHT-TO-LEFT OVERRIDE}")
    zone.ingest()
    to_dlq(zone)
    return zone


def test_dlq_shows_what_lies_there_and_why(dead: Zone) -> None:
    done = run(dead, "dlq")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("landing-dlq, the DLQ of landing: 3 messages.")
    assert f"{HISTORY}/bad.ndjson" in done.stdout
    assert "unreadable: " in done.stdout
    assert "ingested already: committed" in done.stdout
    assert "hello \\u202e" in done.stdout
    assert letters_of(dead).dlq.attributes().visible == 3


def test_dlq_answers_as_json(dead: Zone) -> None:
    (queue,) = answer(dead, "dlq", "landing", "--error-class", "unreadable")["queues"]

    assert (queue["queue"], queue["dlq"], queue["messages"], queue["looked_at"]) == (
        "landing", "landing-dlq", 3, 3,
    )  # fmt: skip
    (letter,) = queue["letters"]
    assert letter["objects"] == [f"{HISTORY}/bad.ndjson"]
    assert letter["error_classes"] == ["unreadable"]
    assert letter["message_id"] == letter["original_id"]
    assert 0 <= letter["age_seconds"] < 600
    assert letter["receive_count"] >= 1
    assert letter["is_ingested"] is False


def test_dry_run_then_redrive(dead: Zone) -> None:
    would = run(dead, "redrive", "landing", "--dry-run")
    assert "Would move 2 messages from landing-dlq to landing." in would.stdout
    assert "Would delete 1 message instead" in would.stdout
    assert letters_of(dead).dlq.attributes().visible == 3

    done = run(dead, "redrive", "--reason", "unreadable")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Moved 1 message from landing-dlq to landing." in done.stdout
    assert "Left 2 messages that did not match." in done.stdout

    (rest,) = answer(dead, "redrive")["queues"]
    assert (rest["moved"], rest["already_ingested"], rest["refused"], rest["stopped"]) == (1, 1, [], None)
    assert letters_of(dead).dlq.attributes().depth == 0
    assert dead.queue.attributes().visible == 2


def test_dlq_with_a_redrive_policy_of_its_own_is_warned_of(dead: Zone) -> None:
    other = dead.landing.sqs.create_queue(QueueName="grave")["QueueUrl"]
    arn = dead.landing.sqs.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]
    policy = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 9})
    dead.landing.sqs.set_queue_attributes(
        QueueUrl=letters_of(dead).dlq.url, Attributes={"RedrivePolicy": policy}
    )

    done = run(dead, "dlq", "--json")

    assert "warning: landing-dlq has a redrive policy of its own: after 9 receives" in done.stderr
    assert len(json.loads(done.stdout)["queues"]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("dlq", "yours"), "the settings have no queue 'yours'; known are landing"),
        (("redrive", "yours"), "the settings have no queue 'yours'; known are landing"),
        (("redrive", "--rate", "0"), "--rate"),
        (("redrive", "--error-class", "missng"), "did you mean missing?"),
        (("redrive", "--older-than", "soon"), "--older-than"),
    ],
)
def test_wrong_usage_is_named(zone: Zone, arguments: tuple[str, ...], expected: str) -> None:
    done = run(zone, *arguments)

    assert done.exit_code == 2
    assert expected in done.stderr


def test_queue_without_a_dlq_is_said_to_have_none(zone: Zone) -> None:
    zone.landing.set_queue(RedrivePolicy="")

    assert (
        "queue landing has no DLQ; `ingest check` says how to get one" in run(zone, "dlq", "landing").stderr
    )
    assert "no queue of the settings has a DLQ" in run(zone, "redrive").stderr


def test_messages_that_stay_make_the_exit_code_one(dead: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Queue, "send_limits", lambda _: SendLimits(max_message_bytes=3))

    done = run(dead, "redrive", "--error-class", "unreadable")

    assert done.exit_code == 1
    assert "1 message stays in the DLQ (InvalidParameterValue): body and attributes have" in done.stdout
    assert letters_of(dead).dlq.attributes().visible == 3
