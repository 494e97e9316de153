"""Measures how long a queue takes to empty."""

import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import count

from ingest_project_tests.bench.drain.contestants import CONTESTANTS, PREFIX
from ingest_project_tests.bench.landing import BUCKET, clients
from ingest_project_tests.bench.own_process import answer_of, run_of
from ingest_project_tests.bench.path.referee import CREDENTIALS
from ingest_project_tests.bench.path.workload import HOUR, send_again
from ingest_project_tests.bench.rounds import Result, Run, Turn, measured


def measure_drain(endpoint: str, messages: int, *, rounds: int, told: Callable[[str], None]) -> list[Result]:
    """The results with a new queue of so many messages for each turn."""
    numbers = count()
    turns = [
        Turn(f"{messages:,} messages", name, _trial(function, endpoint, messages, numbers))
        for name, function in CONTESTANTS.items()
    ]
    return measured(turns, rounds, told)


def event(number: int) -> str:
    """S3's message about one object."""
    record = {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-11-20T12:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "EXAMPLE"}, "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": f"{number:016X}"},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "bench",
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {
                "key": f"{PREFIX}{number:07}.ndjson", "size": 10_240, "eTag": f"{number:032x}",
                "sequencer": f"{number:018X}",
            },
        },
    }  # fmt: skip
    return json.dumps({"Records": [record]})


def _trial(function: str, endpoint: str, messages: int, numbers: Iterator[int]) -> Callable[[], Run]:
    def run() -> Run:
        _, sqs = clients(endpoint)
        attributes = {"VisibilityTimeout": HOUR}
        name = f"drain-{next(numbers)}"
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        send_again(endpoint, url, [event(number) for number in range(messages)])
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            given = {"home": home, "endpoint": endpoint, "url": url, "messages": messages}
            taken = run_of(answer_of(function, given, CREDENTIALS))
        sqs.delete_queue(QueueUrl=url)  # the emulator holds all messages in memory
        return taken

    return run
