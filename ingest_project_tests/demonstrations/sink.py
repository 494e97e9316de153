"""Sends messages through a proxy that fails entries and loses answers; then beside a plain loop."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from ingest_project.sources.sqs import send_batch
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.bench.landing import clients
from ingest_project_tests.bench.sink import compare
from ingest_project_tests.demonstrations.shown import Shown, expect, tell, told
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FAULTS = {Effect.REFUSE_SOME: 0.2, Effect.LOSE_ANSWER: 0.1, Effect.SERVER_ERROR: 0.05, Effect.THROTTLE: 0.05}
"""With which probability each strikes a call."""
OPERATION = "SendMessageBatch"


def show(shown: Shown, count: int) -> None:
    """Send all, send again what came back, and compare what has arrived."""
    entries = [{"Id": str(number), "MessageBody": f"message {number}"} for number in range(count)]
    _, sqs = clients(shown.endpoint)
    url = sqs.create_queue(QueueName="sink")["QueueUrl"]
    proxy = FaultProxy(shown.endpoint)
    rules = [
        proxy.rules.add(Rule(OPERATION, effect, times=sys.maxsize, probability=probability))
        for effect, probability in FAULTS.items()
    ]
    try:
        with told(f"{count:,} messages sent through the fault proxy"):
            _send(proxy, url.replace(shown.endpoint, proxy.endpoint), entries)
    finally:
        proxy.close()
    tell("  struck: " + ", ".join(f"{rule.effect} {rule.hits} calls" for rule in rules))
    arrived = _arrived(sqs, url)
    expect("bodies that have arrived", set(arrived), {one["MessageBody"] for one in entries})
    twice = sum(times > 1 for times in arrived.values())
    tell(f"  all {len(arrived):,} have arrived, {twice:,} of them more than once, as answers were lost")
    tell("  against the clock, without faults:")
    compare(shown.endpoint, count, rounds=3)


def _send(proxy: FaultProxy, url: str, entries: list[dict[str, str]]) -> None:
    """Send until nothing fails."""
    _, sqs = clients(proxy.endpoint)
    queue = Queue(sqs, name="sink", url=url)
    left: list[Any] = list(entries)
    while left:
        result = send_batch(queue, left)
        told_of = [*(one.id for one in result.succeeded), *(one.id for one in result.failed)]
        expect("entries that the result names", sorted(told_of), sorted(one["Id"] for one in left))
        codes = dict(Counter(one.code for one in result.failed))
        tell(f"  {len(left):,} entries: {len(result.succeeded):,} succeeded, failed {codes}")
        left = list(result.failed)


def _arrived(sqs: "SQSClient", url: str) -> Counter[str]:
    """How often each body is in the queue."""
    found: Counter[str] = Counter()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found.update(one["Body"] for one in messages)
    return found
