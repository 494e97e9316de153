"""Queues whose messages go to their DLQ after one receive: one of S3's events, and one of raw messages."""

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import polars as pl
from pyiceberg.catalog import load_catalog

from ingest_project.ingestion.dead_letters.dead_letter_queue import DeadLetterQueue
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.landing import DLQ_ARN

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DLQ = "landing-dlq"


def one_receive(zone: Zone) -> None:
    """From now on a message that is received for the second time goes to the DLQ."""
    policy = json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": "1"})
    zone.landing.set_queue(RedrivePolicy=policy)


def to_dlq(zone: Zone) -> None:
    """Let all that is in flight be delivered again, which moves it to the DLQ."""
    zone.redeliver()
    zone.queue.receive(limit=10, wait_seconds=0, visibility_timeout_seconds=60, seconds=1)


def letters_of(zone: Zone) -> DeadLetterQueue:
    found = zone.services.dead_letters(QUEUE)
    assert found is not None
    return found


class RawWorld:
    """A queue of raw messages, its DLQ, and its table."""

    def __init__(self, folder: Path, *, fifo: bool = False, ledger: str = "sqlite:///ledger.db") -> None:
        self.sqs: SQSClient = boto3.client("sqs")
        ending = ".fifo" if fifo else ""
        more: dict[Any, str] = {"FifoQueue": "true"} if fifo else {}
        self.dlq_url = self.sqs.create_queue(QueueName=f"audit-dlq{ending}", Attributes=more)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:audit-dlq{ending}"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
        self.url = self.sqs.create_queue(
            QueueName=f"audit{ending}", Attributes={**more, "RedrivePolicy": policy}
        )["QueueUrl"]
        self.config = folder / "ingest.yaml"
        self.config.write_text(
            f"ledger: {{url: '{ledger}'}}\n"
            "catalog: {type: sql, uri: 'sqlite:///catalog.db', warehouse: warehouse}\n"
            "queues:\n"
            f"  - {{name: audit, url: '{self.url}', source: messages}}\n"
        )
        self.folder = folder
        self.services = Services(load_settings(self.config))

    @property
    def letters(self) -> DeadLetterQueue:
        found = self.services.dead_letters("audit")
        assert found is not None
        return found

    def send(self, body: str, **more: Any) -> str:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)["MessageId"]

    def kill(self, count: int = 1) -> None:
        """Receive messages without deleting them until they are in the DLQ, which is now so large."""
        for _ in range(40):
            if self.depth(self.dlq_url) >= count:
                return
            self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        raise AssertionError("the messages do not go to the DLQ")

    def work(self) -> None:
        """What a tick and its runs do."""
        self.services.intake("audit").drain()
        for batch in self.services.ledger.open_batches("audit"):
            self.services.pipeline.process(
                batch.batch_id, queue=self.services.queue("audit"), run_id=f"run-{batch.run_key}"
            )
        self.services.acknowledge("audit")

    def rows(self) -> pl.DataFrame:
        settings = self.services.settings.catalog
        catalog = load_catalog(settings.name, **settings.properties)
        location = catalog.load_table("default.sqs_messages").metadata_location
        return pl.scan_iceberg(location, reader_override="native").collect()

    def received(self, url: str) -> list[Any]:
        """All visible messages of a queue, whole; they stay in flight."""
        found: list[Any] = []
        while batch := self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            found += batch
        return found

    def depth(self, url: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    def states(self) -> list[str]:
        with sqlite3.connect(self.folder / "ledger.db") as ledger:
            return [one for (one,) in ledger.execute("select state from messages order by state")]
