"""Measures the API under load on loopback, then verifies that each accepted job is on the queue once.

    python -m ingest_project_tests.bench.jobs_load [--seconds 10] [--clients 1 16 64] [--ledger URL]

It starts an embedded AWS and the API, each as a process of its own, on a SQLite ledger in a temporary folder
or on an empty PostgreSQL database.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx
import yaml

from ingest_project.api.tokens import add_to_file, new_token
from ingest_project.services import Services
from ingest_project.settings.load import load_settings

QUEUE = "work"
BODY = {"job": "ingest", "input": {"table": "sales.orders", "prefix": "orders/2026/"}}
SCOPES = ["job:*", "table:*", "jobs:read_all", "metrics"]
TIMEOUT_SECONDS = 120
RECEIVERS = 8


@dataclass
class Tally:
    """What the clients of one round have seen."""

    clients: int
    wall_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, milliseconds: float, answer: httpx.Response) -> None:
        with self._lock:
            self.milliseconds.append(milliseconds)
            self.statuses[answer.status_code] += 1
            if answer.status_code == 202:
                self.accepted.append(answer.json()["id"])

    def line(self) -> str:
        cuts = statistics.quantiles(self.milliseconds, n=100, method="inclusive")
        rate = len(self.accepted) / self.wall_seconds
        return (
            f"{self.clients:3} clients: {len(self.accepted):6} accepted, {rate:7.1f}/s, "
            f"p50 {cuts[49]:7.1f} ms, p99 {cuts[98]:7.1f} ms, statuses {dict(self.statuses)}"
        )


def main() -> int:
    """Runs the rounds; 1 if a job was lost, doubled or unknown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--ledger", default="sqlite:///ledger.db")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _aws() as endpoint:
        _use(endpoint)
        settings_path, token = _deployment(Path(folder), endpoint, options.ledger)
        with _api(settings_path) as url:
            accepted: list[str] = []
            for clients in options.clients:
                tally = _round(url, token, clients, options.seconds)
                sys.stdout.write(tally.line() + "\n")
                accepted += tally.accepted
        return _verified(settings_path, accepted)


@contextmanager
def _process(command: list[str], start: str) -> Iterator[str]:
    """A process, and the rest of the line with which it says that it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if start in line:
                break
        else:
            raise SystemExit(f"{command} did not start")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield line.split(start)[1].split()[0]
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


@contextmanager
def _aws() -> Iterator[str]:
    code = (
        "import sys, time\n"
        "from ingest_project.demo.embedded_aws import embedded_aws\n"
        "with embedded_aws() as endpoint:\n"
        "    print('listens on', endpoint, file=sys.stderr, flush=True)\n"
        "    time.sleep(86_400)\n"
    )
    with _process([sys.executable, "-c", code], "listens on ") as endpoint:
        yield endpoint


@contextmanager
def _api(settings_path: Path) -> Iterator[str]:
    code = "from ingest_project.cli.main import main; main()"
    command = [sys.executable, "-c", code, "--config", str(settings_path), "api", "--port", "0"]
    with _process(command, "listens on ") as url:
        yield url


def _use(endpoint: str) -> None:
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip


def _deployment(folder: Path, endpoint: str, ledger_url: str) -> tuple[Path, str]:
    sqs = boto3.client("sqs")
    for name in ("landing", QUEUE):
        sqs.create_queue(QueueName=name)
    table = {
        "name": "sales.orders", "queue": "landing", "bucket": "landing", "prefix": "orders/",
        "format": "ndjson", "columns": {"order_id": "long"},
    }  # fmt: skip
    document = {
        "ledger": {"url": ledger_url},
        "queues": [
            {"name": "landing", "url": f"{endpoint}/123456789012/landing"},
            {"name": QUEUE, "url": f"{endpoint}/123456789012/{QUEUE}", "source": "jobs"},
        ],
        "tables": [table],
        "jobs": {},
        "api": {"tokens": {"file": "tokens.json"}, "rate_limit": "999999/1s"},
    }
    path = folder / "ingest.yaml"
    path.write_text(yaml.safe_dump(document))
    Services(load_settings(path)).ledger.close()  # the first tick of a sensor makes it
    made = new_token("load", SCOPES, None)
    add_to_file(folder / "tokens.json", made.entry, replaces=False)
    return path, made.token


def _round(url: str, token: str, clients: int, seconds: float) -> Tally:
    """So many clients, each of which sends the next request when the last one is answered."""
    tally, started = Tally(clients), time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"}

    def ask() -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while time.perf_counter() - started < seconds:
                asked_at = time.perf_counter()
                answer = client.post("/submit-job", json=BODY)
                tally.add((time.perf_counter() - asked_at) * 1_000, answer)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    tally.wall_seconds = time.perf_counter() - started
    return tally


def _verified(settings_path: Path, accepted: list[str]) -> int:
    """Compares what clients were told with the queue and the ledger."""
    settings = load_settings(settings_path)
    queued = Counter(_queued(settings.queue(QUEUE).url))
    services = Services(settings)
    counts = services.ledger.jobs.counts(since=services.jobs.clock())
    recorded = sum(one.jobs for one in counts)
    services.ledger.close()
    lost = [one for one in accepted if queued[one] == 0]
    twice = [one for one, times in queued.items() if times > 1]
    unknown = set(queued) - set(accepted)
    sys.stdout.write(
        f"accepted {len(accepted)}, of them different {len(set(accepted))}, on the queue {queued.total()}, "
        f"recorded {recorded}; lost {len(lost)}, twice {len(twice)}, not accepted {len(unknown)}\n"
    )
    same = len(set(accepted)) == len(accepted) == recorded
    return 0 if same and not (lost or twice or unknown) else 1


def _queued(url: str) -> list[str]:
    """The jobs of all messages of the queue, which are deleted."""
    sqs, lock = boto3.client("sqs"), threading.Lock()
    found: list[str] = []

    def receive() -> None:
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, VisibilityTimeout=3_600
        ).get("Messages"):
            with lock:
                found.extend(json.loads(one["Body"])["job_id"] for one in messages)
            sqs.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]}
                    for number, one in enumerate(messages)
                ],
            )

    threads = [threading.Thread(target=receive) for _ in range(RECEIVERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


if __name__ == "__main__":
    raise SystemExit(main())
