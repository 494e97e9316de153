"""Messages as rows, from a queue of an emulator into a table that Polars and ClickHouse read."""

import hashlib
import json
import sqlite3
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import polars as pl
import pytest
from pyiceberg.catalog import load_catalog

from ingest_project.ingestion import intake
from ingest_project.ingestion.intake import backoff_seconds
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project.sources.sqs.queue import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

RAW = ""
PARSED = """
  - name: sales.orders
    queue: audit
    json:
      columns:
        id: long
        price: {type: "decimal(10,2)", from: item.price}
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LONG_POLL_SECONDS", 0)
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


class World:
    """One queue of messages and its table."""

    def __init__(self, folder: Path, tables: str, *, queue: str = "", ledger: str | None = None) -> None:
        self.sqs: SQSClient = boto3.client("sqs")
        is_fifo = ".fifo" in queue
        self.url = self.sqs.create_queue(
            QueueName="audit.fifo" if is_fifo else "audit",
            Attributes={"FifoQueue": "true"} if is_fifo else {},
        )["QueueUrl"]
        config = folder / "ingest.yaml"
        config.write_text(
            f"ledger: {{url: '{ledger or 'sqlite:///ledger.db'}'}}\n"
            "catalog: {type: sql, uri: 'sqlite:///catalog.db', warehouse: warehouse}\n"
            "queues:\n"
            f"  - {{name: audit, url: '{self.url}', source: messages{queue.removeprefix('.fifo')}}}\n"
            + (f"tables:\n{tables}" if tables else "")
        )
        self.config = config
        self.services = Services(load_settings(config))
        self.folder = folder

    def send(self, body: str, **more: Any) -> str:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)["MessageId"]

    def drain(self) -> Any:
        return self.services.intake("audit").drain()

    def work(self) -> None:
        """What a tick and its runs do."""
        self.drain()
        for batch in self.services.ledger.open_batches("audit"):
            self.services.pipeline.process(
                batch.batch_id, queue=self.services.queue("audit"), run_id=f"run-{batch.run_key}"
            )
        self.services.acknowledge("audit")

    def rows(self, table: str = "sqs_messages") -> pl.DataFrame:
        settings = self.services.settings.catalog
        catalog = load_catalog(settings.name, **settings.properties)
        name = table if "." in table else f"default.{table}"
        return pl.scan_iceberg(catalog.load_table(name).metadata_location, reader_override="native").collect()

    def kept(self) -> int:
        """How many contents the ledger keeps."""
        with sqlite3.connect(self.folder / "ledger.db") as ledger:
            return int(ledger.execute("select count(*) from message_contents").fetchone()[0])

    def deliver_again(self) -> None:
        """Let everything that is in flight be delivered again."""
        with sqlite3.connect(self.folder / "ledger.db") as ledger:
            handles = [one for (one,) in ledger.execute("select receipt_handle from messages") if one]
        for handle in handles:
            with suppress(self.sqs.exceptions.ClientError):
                self.sqs.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
                )

    def left(self) -> int:
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(
            attributes["ApproximateNumberOfMessagesNotVisible"]
        )


def test_every_message_becomes_a_row_whatever_its_body(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    bodies = ["plain", '{"a": 1}', "\N{SNOWMAN} \U0001f600 two\nlines\r\n", '"', "[1, 2", "x" * 200_000]
    sent = {world.send(body): body for body in bodies}

    world.work()

    rows = world.rows()
    assert dict(rows.select("message_id", "body").iter_rows()) == sent
    assert {row["md5_of_body"] for row in rows.iter_rows(named=True)} == {
        hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() for body in bodies
    }
    assert world.left() == 0


def test_attributes_arrive_as_what_they_are(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    world.send(
        "body",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "v\N{SNOWMAN}"},
            "number": {"DataType": "Number.int", "StringValue": "12"},
            "bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff\x89PNG"},
        },
    )

    world.work()

    (row,) = world.rows().iter_rows(named=True)
    attributes = row["message_attributes"]
    assert attributes["text"]["string_value"] == "v\N{SNOWMAN}"
    assert attributes["number"]["data_type"] == "Number.int"
    assert attributes["bytes"]["binary_value"] == b"\x00\xff\x89PNG"
    assert row["aws_region"] == "us-east-1"
    assert row["queue_arn"].endswith(":audit")
    assert row["attributes"] is not None
    assert row["ingested_at"].date() == row["ingested_date"]
    assert "receipt_handle" not in row


def test_content_is_kept_until_the_commit_and_no_longer(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    for number in range(25):
        world.send(f"body {number}")

    world.drain()
    assert world.kept() == 25
    world.work()

    assert world.kept() == 0
    assert world.rows().height == 25


def test_message_that_is_delivered_again_is_one_row(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    world.send("once")
    world.drain()
    world.deliver_again()
    world.drain()
    (batch,) = world.services.ledger.open_batches("audit")
    world.services.pipeline.process(batch.batch_id, queue=world.services.queue("audit"), run_id="r1")
    world.deliver_again()  # after the commit, before the deletion

    world.work()
    world.work()

    assert world.rows()["body"].to_list() == ["once"]
    assert world.left() == 0


def test_run_that_died_after_the_commit_is_finished_by_the_next(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    for number in range(5):
        world.send(f"body {number}")
    world.drain()
    (batch,) = world.services.ledger.open_batches("audit")
    ledger = world.services.ledger
    settle = ledger.settle

    def dies(*_: Any, **__: Any) -> int:
        raise RuntimeError("killed")

    ledger.settle = dies  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        world.services.pipeline.process(batch.batch_id, queue=world.services.queue("audit"), run_id="r1")
    ledger.settle = settle  # type: ignore[method-assign]
    assert world.kept() == 5

    world.work()

    assert sorted(world.rows()["body"]) == [f"body {number}" for number in range(5)]
    assert (world.kept(), world.left()) == (0, 0)


def test_redriven_message_is_still_the_same_row(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    first = world.send("body")
    world.work()
    original = {ORIGINAL_ID: {"DataType": "String", "StringValue": first}}

    world.send("body", MessageAttributes=original)
    world.work()

    assert world.rows()["message_id"].to_list() == [first]
    assert world.left() == 0


def test_message_that_names_the_id_of_another_does_not_take_its_place(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW)
    victim = world.send("the real one")
    world.send("forged", MessageAttributes={ORIGINAL_ID: {"DataType": "String", "StringValue": victim}})

    world.work()

    assert sorted(world.rows()["body"]) == ["forged", "the real one"]


@pytest.mark.parametrize("told", ["MD5OfBody", "MD5OfMessageAttributes"])
def test_message_that_is_not_what_sqs_says_is_not_ingested_until_it_is(
    aws: str, tmp_path: Path, told: str
) -> None:
    """A fault on the way, which the emulator does not make."""
    world = World(tmp_path, RAW)
    attribute = {"DataType": "String", "StringValue": "v"}
    for body in ("whole", "changed"):
        world.send(body, MessageAttributes={"a": attribute})

    def change(parsed: Any, **_: Any) -> None:
        for one in parsed.get("Messages", ()):
            if one["Body"] == "changed":
                one[told] = "0" * 32

    events = world.services.aws.sqs().meta.events
    events.register("after-call.sqs.ReceiveMessage", change)
    world.work()
    assert world.rows()["body"].to_list() == ["whole"]
    assert world.left() == 1
    (rejected,) = world.services.ledger.rejected_messages(["audit"])
    assert "MD5" in str(rejected.reason)
    assert "0" * 32 in str(rejected.reason)

    events.unregister("after-call.sqs.ReceiveMessage", change)
    world.deliver_again()
    world.work()
    assert sorted(world.rows()["body"]) == ["changed", "whole"]
    assert world.left() == 0


def test_bodies_are_parsed_by_their_schema(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, PARSED)
    world.send('{"id": 1, "item": {"price": 1.10}}')
    world.send('{\n  "id": 2,\r\n  "item": {"price": "2.2"},\n "note": "two\\nlines", "_message_id": 7}')
    text = world.send("no JSON")
    world.send("[1]")
    world.send('{"id": "x"}')

    world.work()

    rows = world.rows("sales.orders").sort("id")
    assert rows.select("id", "price", "note", "body_message_id").rows() == [
        (1, Decimal("1.10"), None, None),
        (2, Decimal("2.20"), "two\nlines", 7),
    ]
    assert rows["_message_id"].null_count() == 0
    bad = world.rows("sales.orders__quarantine")
    assert bad.height == 3
    assert bad.filter(pl.col("_source_uri") == f"sqs://audit/{text}")["raw"].to_list() == ['"no JSON"']
    assert world.left() == 0
    assert world.kept() == 3  # for a replay


def test_messages_in_quarantine_are_replayed_with_corrected_settings(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, PARSED.replace("item.price}", "item.price, required: true}"))
    world.send('{"id": "1", "item": {"cost": "1.10"}}')
    world.work()
    assert world.rows("sales.orders__quarantine").height == 1

    world.config.write_text(world.config.read_text().replace("item.price", "item.cost"))
    again = Services(load_settings(world.config))
    world.services = again
    assert again.replay("sales.orders", whole=True).objects == 1
    world.work()

    assert world.rows("sales.orders").select("id", "price").rows() == [(1, Decimal("1.10"))]
    assert world.rows("sales.orders__quarantine").height == 0
    assert world.kept() == 0


def test_poison_goes_to_the_dlq_and_the_others_of_its_batch_are_committed(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, PARSED + "    bad_rows: fail\n")
    dlq = world.sqs.create_queue(QueueName="audit-dlq")["QueueUrl"]
    arn = world.sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    world.sqs.set_queue_attributes(
        QueueUrl=world.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})},
    )
    for number in range(20):
        world.send(f'{{"id": {number}}}')
    poison = world.send("poison")

    world.work()
    assert sorted(world.rows("sales.orders")["id"]) == list(range(20))
    assert world.left() == 1
    for _ in range(3):
        world.deliver_again()
        world.work()

    assert world.left() == 0
    dead = world.sqs.receive_message(QueueUrl=dlq)["Messages"]
    assert [one["MessageId"] for one in dead] == [poison]
    assert world.rows("sales.orders").height == 20


def test_message_that_keeps_coming_back_stays_away_for_longer_each_time(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, PARSED + "    bad_rows: fail\n")
    world.send("poison")
    asked: list[int] = []
    change = Queue.change_visibility

    def watched(queue: Queue, receipts: Any, *, timeout_seconds: int) -> Any:
        asked.append(timeout_seconds)
        return change(queue, receipts, timeout_seconds=timeout_seconds)

    monkeypatch.setattr(Queue, "change_visibility", watched)
    for _ in range(4):
        world.work()
        world.deliver_again()

    assert asked == [600, 1200, 2400]
    assert backoff_seconds(world.services.settings.queues[0], 1_000) == 11 * 3600


def test_messages_of_a_fifo_queue_come_with_their_group_and_number(aws: str, tmp_path: Path) -> None:
    world = World(tmp_path, RAW, queue=".fifo")
    for number in range(30):
        world.send(f"{number}", MessageGroupId=f"g{number % 3}", MessageDeduplicationId=f"d{number}")

    for _ in range(12):
        world.work()

    rows = world.rows()
    assert world.left() == 0
    assert sorted(rows["body"].cast(pl.Int64)) == list(range(30))
    assert rows["message_group_id"].value_counts().sort("message_group_id").rows() == [
        (f"g{number}", 10) for number in range(3)
    ]
    assert rows["sequence_number"].str.contains(r"^\d+$").all()
