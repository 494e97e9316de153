"""`python -m ingest_project_tests.bench.sink`: sends messages with `send_batch`, and with a plain loop.

The loop is boto3's SendMessageBatch with ten entries, one call after another. Both send to the same emulator
in turns, and the queue's count is compared with what was sent.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest_project.sources.sqs import send_batch
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.bench.landing import clients, in_tens, ministack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def main() -> int:
    """Print the seconds of each round, and the ratio of the medians; 1 if messages are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
        return 0 if compare(endpoint, asked.messages, rounds=asked.rounds) else 1


def compare(endpoint: str, count: int, *, rounds: int) -> bool:
    """Send so many messages in turns, and print what each turn took; False if messages are missing."""
    entries = [{"Id": str(n), "MessageBody": f'{{"order_id": {n}}}'.ljust(200)} for n in range(count)]
    seconds: dict[str, list[float]] = {"loop": [], "send_batch": []}
    _, sqs = clients(endpoint)

    def batch(url: str) -> None:
        send_batch(Queue(sqs, name="bench", url=url), entries)

    def loop(url: str) -> None:
        for ten in in_tens(entries):
            sqs.send_message_batch(QueueUrl=url, Entries=ten)  # type: ignore[arg-type]

    turns: list[tuple[str, Callable[[str], None]]] = [("loop", loop), ("send_batch", batch)]
    for number in range(rounds):
        for name, send in turns if number % 2 else reversed(turns):
            took = _timed(sqs, f"{name}-{number}", send, count)
            if took is None:
                return False
            seconds[name].append(took)
            _tell(f"round {number + 1}: {name}: {took:.2f} s, {count / took:,.0f} a second")
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    _tell(f"the loop takes {medians['loop'] / medians['send_batch']:.2f} times as long as send_batch")
    return True


def _timed(sqs: "SQSClient", queue: str, send: Callable[[str], None], expected: int) -> float | None:
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    began = time.monotonic()
    send(url)
    took = time.monotonic() - began
    names: list[Any] = ["ApproximateNumberOfMessages"]
    there = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]]
    if int(there) != expected:
        _tell(f"{queue}: {there} of {expected:,} messages arrived")
        return None
    return took


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for


if __name__ == "__main__":
    sys.exit(main())
