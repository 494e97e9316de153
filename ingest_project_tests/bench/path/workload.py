"""Objects in the emulated S3, and the messages that announce them."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from ingest_project_tests.bench.landing import BUCKET, clients, in_tens, notifying_queue
from ingest_project_tests.bench.orders import body_of, orders
from ingest_project_tests.bench.path.contestants import BY_HAND
from ingest_project_tests.bench.path.judge import Content

PUTS_AT_ONCE = 8
HOUR = "3600"


@dataclass(frozen=True, slots=True)
class Workload:
    """So many objects of so many rows each. The loop written by hand gets only `by_hand` of the objects."""

    name: str
    format: str
    objects: int
    rows: int
    by_hand: int

    def objects_of(self, contestant: str) -> int:
        """How many of the objects this contestant gets."""
        return self.by_hand if contestant == BY_HAND else self.objects

    @property
    def prefix(self) -> str:
        return f"{self.name.replace(' ', '-')}/"

    def bodies(self, seed: int) -> Iterator[bytes]:
        """Each object's bytes, in order."""
        for number in range(self.objects):
            yield body_of(orders(self.rows, seed, first=number * self.rows), self.format)

    def expected(self, objects: int, seed: int) -> Content:
        """What a table must hold with the rows of the first objects."""
        total = orders(objects * self.rows, seed)["amount"].sum()
        return Content(objects * self.rows, objects * self.rows, Decimal(total))


@dataclass(slots=True)
class Landed:
    """Objects that were put, with S3's own messages about them, in the order of the objects."""

    endpoint: str
    size_bytes: int
    messages: list[str] = field(repr=False)
    _queues: int = 0

    def queue(self, name: str, objects: int) -> str:
        """A new queue with the messages of the first objects; gives its URL."""
        _, sqs = clients(self.endpoint)
        self._queues += 1
        attributes = {"VisibilityTimeout": HOUR}
        url = sqs.create_queue(QueueName=f"{name}-{self._queues}", Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        send_again(self.endpoint, url, self.messages[:objects])
        return url


def land(endpoint: str, prefix: str, bodies: Iterator[bytes], form: str) -> Landed:
    """Put the objects below the prefix, and collect what S3 says of them."""
    url = notifying_queue(endpoint, f"announced-{prefix.strip('/')}")
    s3, sqs = clients(endpoint)
    size_bytes = 0

    def put(numbered: tuple[int, bytes]) -> int:
        number, body = numbered
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}{number:06d}.{form}", Body=body)
        return len(body)

    objects, numbered = 0, enumerate(bodies)
    with ThreadPoolExecutor(PUTS_AT_ONCE) as pool:
        while some := [*islice(numbered, PUTS_AT_ONCE)]:  # not all bodies are held at once
            size_bytes += sum(pool.map(put, some))
            objects += len(some)
    messages: dict[str, str] = {}
    while len(messages) < objects:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for body in (one["Body"] for one in answer.get("Messages", ())):
            if (records := json.loads(body).get("Records")) is not None:  # not S3's test event
                messages[records[0]["s3"]["object"]["key"]] = body
    return Landed(endpoint, size_bytes, [messages[key] for key in sorted(messages)])


def send_again(endpoint: str, url: str, messages: Sequence[str]) -> None:
    """Put the messages into a queue."""
    _, sqs = clients(endpoint)

    def send(some: Sequence[str]) -> None:
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(some)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]

    with ThreadPoolExecutor(PUTS_AT_ONCE) as pool:
        [*pool.map(send, in_tens(messages))]
