"""An emulated AWS for benchmarks: ministack, which unlike moto keeps its speed with long queues."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

BUCKET = "bench-landing"
Entry = TypeVar("Entry")


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The endpoint of a ministack on a free port of 127.0.0.1; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    with (folder / "ministack.log").open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "ministack"],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def clients(endpoint: str) -> "tuple[S3Client, SQSClient]":
    """S3 and SQS of the emulator."""
    arguments: dict[str, Any] = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "bench",
        "aws_secret_access_key": "bench",
        # An emulator puts the parts of 5 GB together while the caller waits.
        "config": Config(read_timeout=600),
    }
    return boto3.client("s3", **arguments), boto3.client("sqs", **arguments)


def notifying_queue(endpoint: str, queue: str) -> str:
    """A queue to which the bucket announces its objects; gives its URL."""
    s3, sqs = clients(endpoint)
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return url


def in_tens(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in parts of ten, as many as SQS takes in one call."""
    return (entries[start : start + 10] for start in range(0, len(entries), 10))


def _wait_for_port(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")
