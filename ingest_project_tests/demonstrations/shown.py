"""A deployment for a demonstration: a bucket with versions, its queue, and one table.

The project's own steps work here without Dagster: a tick drains the queue, processes each batch, and deletes
the messages, in this process. Commands are processes of their own, as a person starts them.
"""

import http.client
import itertools
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.bench.landing import in_tens
from ingest_project_tests.e2e.world import BIN, BUCKET, World
from ingest_project_tests.fault_trials.workload import Write, event_record

QUEUE = "landing"
TABLE = "shown.orders"
PREFIX = "orders/"
PUTTING = 4


class NotShown(Exception):
    """It is not as promised."""


@dataclass
class Shown(World):
    """`held` is what the bucket holds: the version id of each key's newest write."""

    held: dict[str, str] = field(default_factory=dict)
    _sequencers: Iterator[int] = field(default_factory=itertools.count)
    _of_thread: threading.local = field(default_factory=threading.local)

    def open(self, **queue: Any) -> None:
        """The bucket, the queue with these settings, and the table."""
        self.create_queue(QUEUE)
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        table = {
            "name": TABLE, "queue": QUEUE, "bucket": BUCKET, "prefix": PREFIX, "format": "ndjson",
            "columns": {"order_id": "long"},
        }  # fmt: skip
        self.write_settings([{"name": QUEUE, **queue}], [table])
        self.services.ledger.open_batches(QUEUE)  # as the first tick of a sensor makes it

    @cached_property
    def services(self) -> Services:
        return Services(load_settings(self.home / "ingest.yaml"))

    def renew(self) -> None:
        """Have other services from now on, as a process that starts now has them."""
        if (old := self.__dict__.pop("services", None)) is not None:
            old.ledger.close()

    def put(self, numbers: Sequence[int], *, announced: bool) -> None:
        """Put an object of one row for each of these numbers; the same number is the same key.

        The events are sent as S3 sends them: the emulator's do not name a version.
        """
        with ThreadPoolExecutor(PUTTING) as pool:
            writes = list(pool.map(self._put, numbers))
            if announced:
                list(pool.map(self._announce, in_tens(writes)))
        self.held |= {one.uri: one.version for one in writes}

    def _put(self, number: int) -> Write:
        """Without boto3, which takes longer for it than the emulator does."""
        key, body = f"{PREFIX}{number:06d}.ndjson", b'{"order_id": %d}\n' % number
        connection = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"))
            self._of_thread.connection = connection
        connection.request("PUT", f"/{BUCKET}/{key}", body=body)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise NotShown(f"the emulator does not take {key}: {answer.status}")
        return Write(
            bucket=BUCKET, key=key, number=number, rows=1, size_bytes=len(body),
            etag=answer.headers["ETag"].strip('"'), version_id=answer.headers["x-amz-version-id"],
            sequencer=f"{next(self._sequencers):016X}", written_at=datetime.now(UTC),
        )  # fmt: skip

    def _announce(self, writes: Sequence[Write]) -> None:
        entries: Any = [
            {"Id": str(place), "MessageBody": json.dumps({"Records": [event_record(one)]})}
            for place, one in enumerate(writes)
        ]
        self.services.queue(QUEUE).send_messages(entries)

    def tick(self, queue: str = QUEUE) -> int:
        """What a tick of the queue's sensor and its runs do; gives how many batches there were."""
        self.services.intake(queue).drain()
        done = self.process(queue)
        self.services.acknowledge(queue)
        return done

    def process(self, queue: str) -> int:
        """What the runs of the queue's open batches do before they delete messages; how many there were."""
        batches = self.services.ledger.open_batches(queue)
        for batch in batches:
            self.services.pipeline.process(
                batch.batch_id, queue=self.services.queue(queue), run_id=f"run of {batch.run_key}"
            )
        return len(batches)

    def ingest(self, queue: str = QUEUE) -> None:
        """Ticks, until nothing waits and the queue is empty."""
        while self.messages_in(queue) or self.services.ledger.pending_objects(queue):
            self.tick(queue)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command of `ingest`, whose answer is JSON."""
        return subprocess.Popen(
            [BIN / "ingest", "--config", str(self.home / "ingest.yaml"), *arguments, "--json"],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def answer(self, *arguments: str, exits: int) -> dict[str, Any]:
        """What a command answers. Raises NotShown if it exits with another code."""
        process = self.start(*arguments)
        out, err = process.communicate()
        if process.returncode != exits:
            raise NotShown(f"ingest {' '.join(arguments)} ended with {process.returncode}: {out}{err}")
        answer: dict[str, Any] = json.loads(out)
        return answer

    def verify(self) -> None:
        """The table, as chdb reads it, has one row of each key's newest write, and no other."""
        found = {uri: version for uri, version, _ in self.rows(TABLE)}
        counts = Counter(rows for _, _, rows in self.rows(TABLE))
        expect("rows by write of the table", (found, set(counts)), (self.held, {1}))
        told = self.ledger(
            "select count(*), count(distinct key) from object_versions where state = 'committed'"
        )
        expect("committed versions, and keys", told, [(len(self.held), len(self.held))])
        tell(f"  the table has {counts[1]:,} rows, one of each of {len(self.held):,} keys' newest write")


def expect(what: str, found: object, expected: object) -> None:
    """Raises NotShown if it is not so."""
    if found != expected:
        raise NotShown(f"{what}: {found!s:.500}, and not {expected!s:.500}")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Says how long the block took."""
    began = time.monotonic()
    yield
    tell(f"  {what}: {time.monotonic() - began:.0f} s")


def tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for


def peak_mib(pid: int) -> float:
    """The most memory that a process had so far; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
