"""Each command dies at each of its steps, and is run again: in the end everything is as if it had not died.

A step is a call to AWS or to the ledger, which is done before the process dies. Each death has messages or
objects of its own, so that one world serves all of them, and one ingest brings what they left.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from ingest_project import services as services_module
from ingest_project.cli.main import ingest
from ingest_project.ingestion import intake
from ingest_project.ingestion.reconcile import enqueue
from ingest_project.ledger.tables import message_objects, messages, object_versions, source_actions
from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project_tests.factories import DAILY, DAY, ORDERS, QUEUE, Zone
from ingest_project_tests.faults import Killed
from ingest_project_tests.ingestion.dead_letters.worlds import RawWorld
from ingest_project_tests.landing import BUCKET, table
from ingest_project_tests.steps import Held, SteppedAws, SteppedLedger, Steps, services_of

MOST_STEPS = 40
"""No command has so many."""
ARCHIVE = "acme-archive"
AFTER: dict[str, Any] = {
    "tagged": {"tag": {"ingested": "true"}}, "moved": {"move": f"s3://{ARCHIVE}/"}, "deleted": "delete",
}  # fmt: skip
DONE = {
    "tagged": ("deleted", "done", True, "ingested", 0), "moved": ("deleted", "done", False, "", 1),
    "deleted": ("deleted", "done", False, "", 0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 0)
    monkeypatch.setattr(intake, "DRAIN_SECONDS", 1)


SPARED = 2
"""Of the last steps: how many an act may not come to, because SQS had given it more messages at once."""


class Mortal:
    """Commands, in processes that die at a step."""

    def __init__(self, endpoint: str, config: Path, ledger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = config
        self.steps = Steps()
        self.held = Held(endpoint)
        self.ledger = SteppedLedger(ledger, self.steps)
        self.make = services_of(SteppedAws(endpoint, self.steps, self.held.note), self.ledger)
        monkeypatch.setattr(services_module, "Services", self.make)

    def type(self, *arguments: str) -> int:
        return CliRunner().invoke(ingest, ["--config", str(self.config), *arguments]).exit_code

    def deaths(
        self, act: Callable[[int], object], recover: Callable[[int], object], *, first: str | None = None
    ) -> list[str]:
        """Let an act live, then die at each of its steps, or from the `first` call of this name on; recover.

        Returns the names of the steps; the act that lives has the number 0, the others those from 1 on. If
        the queue answers an act with all messages at once, it has a step less than the first, and lives.
        """
        self.steps.start()
        act(0)
        names = self.steps.names
        assert len(names) < MOST_STEPS, names
        start, deaths = 0 if first is None else names.index(first), 0
        for number in range(start, len(names)):
            self.steps.start(dies_at=number)
            try:
                act(number + 1)
            except Killed:
                deaths += 1
            self.steps.start()
            recover(number + 1)
        assert deaths >= len(names) - start - SPARED
        return names


@pytest.mark.parametrize("is_ingested_between", [False, True])
def test_redrive(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_ingested_between: bool
) -> None:
    world = RawWorld(tmp_path)
    ingested, moved = [world.send(f"ingested {number}") for number in range(MOST_STEPS)], list[str]()
    world.work()
    mortal = Mortal(aws, world.config, world.services.ledger, monkeypatch)

    def act(number: int) -> None:
        """One that is to be moved, and a copy of one that is ingested."""
        moved.append(f"moved {number}")
        original: Any = {ORIGINAL_ID: {"DataType": "String", "StringValue": ingested[number]}}
        world.sqs.send_message(QueueUrl=world.dlq_url, MessageBody=moved[-1])
        world.sqs.send_message(
            QueueUrl=world.dlq_url, MessageBody=f"ingested {number}", MessageAttributes=original
        )
        assert mortal.type("redrive") == 0

    def recover(_number: int) -> None:
        if is_ingested_between:
            world.work()
        for _ in range(3):  # two calls at once break moto, which then hides what it was to deliver
            mortal.held.show_again(world.dlq_url)
            assert mortal.type("redrive") == 0
            if not world.depth(world.dlq_url):
                break
        assert world.depth(world.dlq_url) == 0

    names = mortal.deaths(act, recover, first="SendMessageBatch" if is_ingested_between else None)
    while world.depth(world.url):
        world.work()

    assert {"SendMessageBatch", "DeleteMessageBatch", "messages_deleted"} <= set(names)
    expected = [f"ingested {number}" for number in range(MOST_STEPS)] + moved
    assert Counter(world.rows()["body"].to_list()) == Counter(expected)
    assert (world.depth(world.url), world.depth(world.dlq_url)) == (0, 0)
    assert set(world.states()) == {"deleted"}


def test_reconcile_with_enqueue(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueue, "PORTION", 1)
    zone = Zone.create(tmp_path, aws)
    for number in range(MOST_STEPS):
        zone.put_orders(f"{number:02d}-changed", number)
    zone.ingest_one()
    zone.acknowledge()
    zone.silence()
    mortal = Mortal(aws, zone.landing.settings_path, zone.ledger, monkeypatch)

    def command(number: int) -> int:
        prefix = f"orders/dt={DAY}/{number:02d}-"
        return mortal.type("reconcile", ORDERS, "--prefix", prefix, "--grace", "0s", "--enqueue")

    def act(number: int) -> None:
        zone.put_orders(f"{number:02d}-changed", 100 + number)
        for name in ("a", "b"):
            zone.put_orders(f"{number:02d}-{name}", 200 + number)
        assert command(number) == 0

    names = mortal.deaths(act, lambda number: _succeeds(command(number)))
    assert names.count("claim_listed") == 3
    acts = len(names) + 1
    assert zone.ledger.pending_objects(QUEUE) == 3 * acts
    zone.ingest()

    unchanged = range(acts, MOST_STEPS)
    added = [row for number in range(acts) for row in (100 + number, 200 + number, 200 + number)]
    zone.assert_exact(*unchanged, *added)


@pytest.mark.parametrize("name", AFTER)
def test_after_processing(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    zone = Zone.create(
        tmp_path, aws, table(ORDERS, "orders/", {"order_id": "long"}, partition=DAILY, after=AFTER[name])
    )
    zone.landing.s3.create_bucket(Bucket=ARCHIVE)
    keys = [zone.put_orders(f"{number:02d}", number) for number in range(MOST_STEPS)]
    zone.ingest_one()
    named = dict(
        zone.select(
            sa.select(message_objects.c.message_id, object_versions.c.key).join_from(
                message_objects,
                object_versions,
                message_objects.c.object_id == object_versions.c.object_id,
            )
        )
    )
    mortal = Mortal(aws, zone.landing.settings_path, zone.ledger, monkeypatch)
    services = mortal.make(zone.services.settings)

    def act(number: int) -> None:
        """A tick, as if there were just this object."""
        mortal.ledger.filtered = {
            "deletable_messages": lambda all_: [one for one in all_ if named[one.message_id] == keys[number]],
            "due_actions": lambda all_: [one for one in all_ if one.object.key == keys[number]],
        }
        services.acknowledge(QUEUE)

    names = mortal.deaths(act, act)

    assert {"DeleteMessageBatch", "messages_deleted", "HeadObject", "actions_ended"} <= set(names)
    assert {_state_of(zone, key) for key in keys[: len(names) + 1]} == {_state_of(zone, keys[0])}
    assert _state_of(zone, keys[0]) == DONE[name]
    assert _state_of(zone, keys[-1]) == ("open", "due", True, "", 0)  # nothing was done to the others
    zone.assert_exact(*range(MOST_STEPS))


def test_send_sends_every_line_once_or_more(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = Zone.create(tmp_path, aws)
    lines = [f"line {number}" for number in range(25)]
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines))
    mortal = Mortal(aws, zone.landing.settings_path, zone.ledger, monkeypatch)
    urls = [
        zone.landing.sqs.create_queue(QueueName=f"sink-{number}")["QueueUrl"] for number in range(MOST_STEPS)
    ]

    def act(number: int) -> None:
        assert mortal.type("send", urls[number], str(path)) == 0

    names = mortal.deaths(act, act)

    assert names.count("SendMessageBatch") == 3
    for number in range(len(names) + 1):
        arrived = _bodies(urls[number])
        assert set(arrived) == set(lines)
        assert max(arrived.values()) <= 2


def _succeeds(code: int) -> None:
    assert code == 0


def _state_of(zone: Zone, key: str) -> tuple[Any, ...]:
    """Of an object: the states of its message and of its action, whether S3 holds it, its tags and copies."""
    query = (
        sa.select(messages.c.state, source_actions.c.state)
        .join_from(object_versions, source_actions, source_actions.c.object_id == object_versions.c.object_id)
        .join(message_objects, message_objects.c.object_id == object_versions.c.object_id)
        .join(messages, messages.c.message_id == message_objects.c.message_id)
        .where(object_versions.c.key == key)
    )
    ((message, action),) = zone.select(query)
    s3 = zone.landing.s3
    is_held = bool(s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"))
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] if is_held else []
    copies = s3.list_objects_v2(Bucket=ARCHIVE, Prefix=key.removeprefix("orders/")).get("Contents", [])
    return message, action, is_held, ",".join(one["Key"] for one in tags), len(copies)


def _bodies(url: str) -> Counter[str]:
    sqs, found = boto3.client("sqs"), Counter[str]()
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found.update(one["Body"] for one in received)
    return found
