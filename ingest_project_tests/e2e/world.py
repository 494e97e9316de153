"""A whole deployment for one test: an AWS emulator, settings, and a real Dagster daemon, each its own
process.

What a test knows of it, it knows from outside: SQS's counts, the ledger's database, Dagster's storage, and
the Iceberg tables as chdb reads them.
"""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml

from ingest_project_tests.databases import Databases
from ingest_project_tests.patience import PATIENCE_SECONDS, SLOWNESS

if TYPE_CHECKING:
    import dagster as dg
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TOP = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BUCKET = "acme-landing"
_reading = threading.Lock()
"""chdb keeps one engine for each process."""


@dataclass
class World:
    """One deployment under `home`. Everything it starts, `close` ends."""

    home: Path
    endpoint: str
    databases: Databases
    settings: dict[str, Any] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _queue_urls: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the deployment is started with.

        Each writes the bytecode of its imports: many are started, and compiling is a fifth of their start.
        """
        return {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "DAGSTER_HOME": str(self.home / "dagster"),
            "INGEST_CONFIG": str(self.home / "ingest.yaml"),
            "PYTHONWARNINGS": "ignore",
        }

    @cached_property
    def s3(self) -> "S3Client":
        return boto3.client("s3", **self._client())

    @cached_property
    def sqs(self) -> "SQSClient":
        return boto3.client("sqs", **self._client())

    def queue_url(self, name: str) -> str:
        if name not in self._queue_urls:
            self._queue_urls[name] = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._queue_urls[name]

    def create_queue(self, name: str) -> str:
        """A queue with a DLQ of its own; gives its ARN."""
        dlq = self._queue_arn(self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"])
        redrive = json.dumps({"deadLetterTargetArn": dlq, "maxReceiveCount": "5"})
        return self._queue_arn(
            self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        )

    def write_settings(self, queues: list[dict[str, Any]], tables: list[dict[str, Any]]) -> None:
        """ingest.yaml and dagster.yaml, with the warehouse under `home`."""
        self.settings = {
            "aws": {"region": "us-east-1"},
            "ledger": {"url": self.databases.url_for_project("ledger")},
            "catalog": {
                "name": "lake",
                "type": "sql",
                "uri": self.databases.url_for_project("catalog"),
                "warehouse": "warehouse",
            },
            "queues": [{"url": self.queue_url(queue["name"]), **queue} for queue in queues],
            "tables": tables,
        }
        (self.home / "ingest.yaml").write_text(yaml.safe_dump(self.settings, sort_keys=False))
        self.write_instance(self.home / "dagster")

    def write_instance(self, dagster_home: Path, **changes: Any) -> None:
        """Writes the project's dagster.yaml to this DAGSTER_HOME, with the deployment's databases."""
        dagster_home.mkdir(exist_ok=True)
        instance = yaml.safe_load((TOP / "dagster.yaml").read_text())
        # A run that was killed before it started: two minutes are right for production and long for a test.
        monitoring = {"start_timeout_seconds": int(45 * SLOWNESS), "poll_interval_seconds": 5}
        instance["run_monitoring"] |= monitoring
        instance |= self.databases.dagster_storage(dagster_home) | changes
        (dagster_home / "dagster.yaml").write_text(yaml.safe_dump(instance))

    @contextmanager
    def instance(self) -> "Iterator[dg.DagsterInstance]":
        """What Dagster itself knows, as its web UI would show it."""
        import dagster as dg

        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            yield instance

    def stop_sensors(self) -> None:
        """Say in the settings that no queue is drained."""
        for queue in self.settings["queues"]:
            queue["enabled"] = False
        (self.home / "ingest.yaml").write_text(yaml.safe_dump(self.settings, sort_keys=False))

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """A real `dagster-daemon`, in a process group of its own."""
        return self._start(
            BIN / "dagster-daemon", "run", "-m", "ingest_project.definitions", log="daemon.log"
        )

    def start_dev(self) -> str:
        """Starts `dagster dev` like `make dev`, in its own process group; gives the URL of its web UI."""
        port = _free_port()
        self._start(
            BIN / "dagster", "dev", "--host", "127.0.0.1", "--port", port, log="daemon.log", folder=TOP
        )
        self.wait_for(lambda: _listens(port), name="the web UI answering")
        return f"http://127.0.0.1:{port}"

    def materialize(self, asset: str, partition: str) -> subprocess.CompletedProcess[str]:
        """`dagster asset materialize`, as a person would type it."""
        command = [
            "asset",
            "materialize",
            "--select",
            asset,
            "--partition",
            partition,
            "-m",
            "ingest_project.definitions",
        ]
        return subprocess.run(
            [BIN / "dagster", *command],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def ledger(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the ledger; none while it does not exist yet."""
        return self.databases.read_ledger(query, **parameters)

    def messages_in(self, queue: str) -> int:
        """Messages that the queue holds, visible or not."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url(queue), AttributeNames=["All"])[
            "Attributes"
        ]
        return int(attributes["ApproximateNumberOfMessages"]) + int(
            attributes["ApproximateNumberOfMessagesNotVisible"]
        )

    def wait_for(self, what: Callable[[], bool], *, name: str) -> None:
        """Wait until it holds; fails, with the daemon's last words, if it does not in time.

        Looking takes at most a fifth of the time: what is waited for needs the processor.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        looked = time.monotonic()
        while not what():
            if time.monotonic() > deadline:
                log = self.home / "daemon.log"
                tail = log.read_text(errors="replace")[-6000:] if log.exists() else ""
                raise AssertionError(f"{name} did not happen within {PATIENCE_SECONDS} s\n{tail}")
            time.sleep(max(0.05, 4 * (time.monotonic() - looked)))
            looked = time.monotonic()

    def settled(self) -> bool:
        """Every object version that is known is settled, and every message is gone."""
        open_ones = self.ledger(
            "select count(*) from object_versions where state in ('pending', 'planned', 'failed')"
        )
        return (
            bool(open_ones)
            and open_ones[0][0] == 0
            and all(self.messages_in(queue["name"]) == 0 for queue in self.settings["queues"])
        )

    def rows(self, table: str) -> list[tuple[str, str, int]]:
        """`(_source_uri, _source_version, rows)` of the table."""
        found = self.read(table, "_source_uri, _source_version, count()", "group by 1, 2 order by 1, 2")
        return [(uri, version, int(count)) for uri, version, count in found]

    def read(self, table: str, columns: str, grouping: str = "") -> list[Any]:
        """These columns of the table's rows, read by chdb, which shares no code with the writers.

        Empty if the table does not exist.
        """
        import chdb

        location = self.databases.metadata_location(table)
        if location is None:
            return []
        folder, _, name = location.rpartition("/metadata/")
        # Named, because left to itself it lists the folder and may take the metadata of a commit that lost
        # its race.
        source = f"icebergLocal('{folder}', settings iceberg_metadata_file_path = 'metadata/{name}')"
        query = f"select {columns} from {source} {grouping}"  # noqa: S608
        with _reading, chdir("/"):  # chdb opens nothing outside of its working folder
            answer = chdb.query(query, "JSONCompactEachRow")  # type: ignore[no-untyped-call]
        return [json.loads(line) for line in str(answer).splitlines()]

    def snapshots(self, table: str) -> list[dict[str, Any]]:
        """The snapshots of the table's current metadata file, oldest first."""
        location = self.databases.metadata_location(table)
        return [] if location is None else list(json.loads(Path(location).read_bytes())["snapshots"])

    def close(self) -> None:
        """End every process that was started, and what they started; drop the databases that were made."""
        for process in self.processes:
            kill_group(process)
        self.databases.close()

    def _start(self, *command: object, log: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
        with (self.home / log).open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                env=self.environment, cwd=folder or self.home, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _queue_arn(self, url: str) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]

    def _client(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint, "region_name": "us-east-1",
            "aws_access_key_id": "testing", "aws_secret_access_key": "testing",
        }  # fmt: skip


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all of its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ndjson_gz(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a gzipped NDJSON object."""
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)
