"""Who empties a queue: the project, which also records what it received, and a bare parallel receive."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import yaml

from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project.sources.sqs.drain import WORKERS
from ingest_project_tests.bench.landing import BUCKET, clients
from ingest_project_tests.bench.own_process import Stopwatch
from ingest_project_tests.bench.rounds import PROJECT, Refused

BARE = f"boto3 receive, {WORKERS} threads"
CONTESTANTS = {PROJECT: f"{__name__}:by_project", BARE: f"{__name__}:by_receiving"}
QUEUE = "bench"
PREFIX = "drain/"


def by_project(home: str, endpoint: str, url: str, messages: int) -> dict[str, float]:
    """Receive, parse, route, claim and plan, tick after tick; the ledger must have all messages."""
    os.chdir(home)
    services = Services(load_settings(_settings(Path(home), endpoint, url, messages)))
    intake, received = services.intake(QUEUE), 0
    boto3.client("sqs", region_name="us-east-1")  # loads what botocore knows of SQS
    with Stopwatch() as watch:
        while received < messages:
            if not (some := intake.drain().messages):
                raise Refused(f"{received:,} of {messages:,} messages were claimed")
            received += some
    if (known := sum(services.ledger.queue_report(QUEUE).messages.values())) != messages:
        raise Refused(f"the ledger has {known:,} of {messages:,} messages")
    return watch.taken


def by_receiving(home: str, endpoint: str, url: str, messages: int) -> dict[str, float]:
    """As many threads, each of which asks for ten messages until all were received."""
    _, sqs = clients(endpoint)
    found: set[str] = set()
    lock = threading.Lock()

    def receive(_: int) -> None:
        while len(found) < messages:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            with lock:
                found.update(one["MessageId"] for one in answer.get("Messages", ()))

    with Stopwatch() as watch, ThreadPoolExecutor(WORKERS) as pool:
        [*pool.map(receive, range(WORKERS))]
    return watch.taken


def _settings(home: Path, endpoint: str, url: str, messages: int) -> Path:
    settings = {
        "aws": {"region": "us-east-1", "endpoint_url": endpoint},
        "ledger": {"url": f"sqlite:///{home}/ledger.db"},
        "catalog": {
            "name": "lake", "type": "sql", "uri": f"sqlite:///{home}/catalog.db",
            "warehouse": f"file://{home}/warehouse",
        },
        "queues": [{"name": QUEUE, "url": url, "max_messages_per_tick": messages}],
        "tables": [
            {
                "name": "bench.orders", "queue": QUEUE, "bucket": BUCKET, "prefix": PREFIX,
                "format": "ndjson", "columns": {"order_id": "long"}, "batch": {"max_objects": 100_000},
            }
        ],
    }  # fmt: skip
    path = home / "ingest.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path
