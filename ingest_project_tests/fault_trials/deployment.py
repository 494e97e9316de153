"""The deployment that trials are made on: ministack, a fault proxy before it, settings with a table for each
trial, and daemons that run the breakable code location. One serves many trials, one after the other."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml

from ingest_project_tests.e2e.world import BIN, TOP, World, kill_group
from ingest_project_tests.fault_trials.control import FOLDER_VARIABLE, Control
from ingest_project_tests.fault_trials.oracle import Found, Recorded, SetAside
from ingest_project_tests.fault_trials.processes import is_alive, members_of_group
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.run_oracle import SettledBatch
from ingest_project_tests.fault_trials.told import Told, told_by
from ingest_project_tests.fault_trials.workload import ARCHIVE_BUCKET, PLAIN_BUCKET, VERSIONED_BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LOCATION = "ingest_project_tests.fault_trials.location"
API = "ingest_project_tests.fault_trials.api_process"
QUEUE = "landing"
REQUESTS = "requests"
JOB_ATTEMPTS = 3
ALERTS = "alerts"
LEASE_SECONDS = 10
VISIBILITY_SECONDS = 30
FIRST_DAEMON = "dagster"
SETTLED_BATCHES = """
select b.batch_id, a.run_id, coalesce(b.rows, 0), coalesce(b.rejected_rows, 0),
(select count(*) from batch_objects m where m.batch_id = b.batch_id and m.error_class is not null)
from batches b
left join attempts a on a.batch_id = b.batch_id and a.outcome = 'committed'
where b.table_name = :table and b.state = 'committed'
"""
PARTITIONS_OF_A_BATCH = """
select distinct o.partition_key from batch_objects m join object_versions o on o.object_id = m.object_id
where m.batch_id = :batch and m.role = 'ingest' and (m.rows > 0 or m.rejected_rows > 0)
"""


@dataclass
class Deployment(World):
    """A world whose AWS is behind a proxy.

    `endpoint` is ministack's own, by which the harness goes past the proxy.
    """

    proxy: FaultProxy = field(kw_only=True)
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list)
    topic_arn: str = ""
    api_port: int | None = None
    api: "subprocess.Popen[bytes] | None" = None

    @property
    def control(self) -> Control:
        return Control(self.home / "control")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **super().environment,
            "AWS_ENDPOINT_URL": self.proxy.endpoint,
            FOLDER_VARIABLE: str(self.control.folder),
            "PYTHONPATH": str(TOP),
        }

    @cached_property
    def s3(self) -> "S3Client":
        return super().s3

    @cached_property
    def sqs(self) -> "SQSClient":
        return super().sqs

    def open(self, tables: Sequence[dict[str, Any]], *, with_jobs: bool = False) -> None:
        """Buckets, queues, settings; and the first daemon, and `ingest api` if there are jobs."""
        for name in _queues(tables):
            self.create_queue(name)
        if with_jobs:
            self.create_queue(REQUESTS)
            self.api_port = free_port()
        self._subscribe_to_alerts()
        for bucket in (PLAIN_BUCKET, VERSIONED_BUCKET, ARCHIVE_BUCKET):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=VERSIONED_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self._write_settings(list(tables))
        self.start(FIRST_DAEMON)
        if with_jobs:
            self._start_api()

    def _start_api(self) -> None:
        self.api = self._start(sys.executable, "-m", API, log="api.log")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """A daemon with a DAGSTER_HOME of its own name; the one that ran under it must be dead."""
        home = self._dagster_home(name)
        with (self.home / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                [BIN / "dagster-daemon", "run", "-m", LOCATION],
                env={**self.environment, "DAGSTER_HOME": str(home)},
                cwd=self.home, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        self.daemons[name] = process
        return process

    def spawn(self, log: str, *command: str) -> "subprocess.Popen[bytes]":
        """A process of the deployment's surroundings, with its environment."""
        return self._start(*command, log=log)

    def stop(self, name: str) -> None:
        """End a daemon with all that belongs to it."""
        kill_group(self.daemons.pop(name))

    def revive_daemons(self) -> None:
        """Restart every daemon that has died, as a supervisor would."""
        for name, process in list(self.daemons.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(name)
        if self.api is not None and self.api.poll() is not None:
            self.restarts += 1
            self._start_api()

    def close(self) -> None:
        """End every process and connection that belongs to the deployment."""
        for process in self.processes:
            _kill_all(process)
        self.proxy.close()
        self.databases.close()

    def runs(self, table: str) -> list[tuple[str, str, str]]:
        """`(daemon's name, run id, status)` of every run that was launched for a table, oldest first.

        Those that a person typed are among them once they have a batch: until then nobody can tell whether
        they live.
        """
        query = (
            "select r.run_id, r.status, t.value from runs r left join run_tags t on t.run_id = r.run_id"
            " and t.key = 'ingest/table' where t.value = :table or r.run_body like :asset order by r.id"
        )
        asset = f"%{json.dumps(table.split('.'))}%"
        have_batches = {run_id for (run_id,) in self.ledger("select run_id from attempts")}
        return [
            (home.name, run_id, status)
            for home in self.dagster_homes()
            for run_id, status, tagged in self.databases.read_dagster(home, query, table=table, asset=asset)
            if tagged or run_id in have_batches
        ]

    def dagster_homes(self) -> list[Path]:
        """The DAGSTER_HOME of every daemon that ever ran here."""
        return [path.parent for path in self.home.glob("*/dagster.yaml")]

    def told(self, table: str) -> Told:
        """What Dagster tells of a table, and the alerts."""
        runs, materialized = told_by(self.dagster_homes(), table)
        return Told(tuple(runs), tuple(materialized), tuple(self.alerted()))

    def settled_batches(self, table: str) -> list[SettledBatch]:
        """The committed batches of a table."""
        rows = self.ledger(SETTLED_BATCHES, table=table)
        return [
            SettledBatch(batch_id, run_id, self._partitions_of(batch_id), int(good), int(bad), failed)
            for batch_id, run_id, good, bad, failed in rows
        ]

    def _partitions_of(self, batch_id: str) -> frozenset[str | None]:
        return frozenset(key for (key,) in self.ledger(PARTITIONS_OF_A_BATCH, batch=batch_id))

    def alerted(self) -> list[str]:
        """The ids of the runs that alerts have named, as often as they did."""
        url = self.queue_url(ALERTS)
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.alerts.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [alert["run_id"] for alert in self.alerts if alert.get("run_id")]

    def has_dagster_storage(self) -> bool:
        """Whether the first daemon has created its storage: it has, once there are heartbeats."""
        return bool(self.databases.read_dagster(self.home / FIRST_DAEMON, "select 1 from daemon_heartbeats"))

    def recorded(self, table: str) -> dict[tuple[str, str], Recorded]:
        """What the ledger says of the object versions of a table, by uri and version."""
        query = (
            "select bucket, key, version_id, sequencer, etag, state, rows, error_class, "
            "coalesce(rejected_rows, 0) from object_versions where table_name = :table"
        )
        return {
            (f"s3://{bucket}/{key}", version_id or sequencer or etag): Recorded(*told)
            for bucket, key, version_id, sequencer, etag, *told in self.ledger(query, table=table)
        }

    def found(self, table: str) -> list[Found]:
        """The rows of a table by write, as chdb reads them, which shares no code with the writers."""
        columns = "_source_uri, _source_version, write"
        rows = self.read(table, f"{columns}, count(), uniqExact(row)", f"group by {columns}")
        return [
            Found(uri, version, write, int(rows), int(distinct))
            for uri, version, write, rows, distinct in rows
        ]

    def set_aside(self, table: str) -> list[SetAside]:
        """The rows of the table's quarantine by write, in the same way."""
        columns = "_source_uri, _source_version"
        rows = self.read(f"{table}__quarantine", f"{columns}, groupArray(line_number)", f"group by {columns}")
        return [SetAside(uri, version, tuple(sorted(map(int, lines)))) for uri, version, lines in rows]

    def change_table(self, table: str, **changes: Any) -> None:
        """Rewrite ingest.yaml with one table changed: runs that start from now on read it so."""
        self._write_settings(
            [one | changes if one["name"] == table else one for one in self.settings["tables"]]
        )

    def dead_letters(self) -> int:
        """How many messages the DLQ holds."""
        return self.messages_in(f"{QUEUE}-dlq")

    def purge_queue(self) -> None:
        self.sqs.purge_queue(QueueUrl=self.queue_url(QUEUE))

    def _subscribe_to_alerts(self) -> None:
        """A topic for the project's alerts, and a queue that gets them."""
        sns = boto3.client("sns", **self._client())
        self.topic_arn = sns.create_topic(Name=ALERTS)["TopicArn"]
        arn = self.create_queue(ALERTS)
        sns.subscribe(
            TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )

    def _write_settings(self, tables: list[dict[str, Any]]) -> None:
        self.settings = {
            "aws": {"region": "us-east-1"},
            "ledger": {"url": self.databases.url_for_project("ledger"), "lease_seconds": LEASE_SECONDS},
            "catalog": {
                "name": "lake", "type": "sql", "uri": self.databases.url_for_project("catalog"),
                "warehouse": str(self.home / "warehouse"),
            },
            "queues": [
                self._queue(name, "s3_events" if name == QUEUE else "messages") for name in _queues(tables)
            ],
            "tables": tables,
            "alerts": {"sns_topic_arn": self.topic_arn},
        }  # fmt: skip
        if self.api_port is not None:
            self.settings["queues"].append(self._queue(REQUESTS, "jobs") | {"max_batches_in_flight": 8})
            weather = {"job": "ingest_project_tests.job_zone:weather_batch", "op": "simulate"}
            self.settings["jobs"] = {
                "results": f"s3://{PLAIN_BUCKET}/results/", "attempts": JOB_ATTEMPTS, "timeout": "5m",
                "kinds": {"weather": weather},
            }  # fmt: skip
            self.settings["api"] = {"port": self.api_port, "open": True, "rate_limit": "100000/1m"}
        unfinished = self.home / "ingest.yaml.new"
        unfinished.write_text(yaml.safe_dump(self.settings, sort_keys=False))
        unfinished.replace(self.home / "ingest.yaml")

    def _queue(self, name: str, source: str) -> dict[str, Any]:
        return {
            "name": name,
            "url": self.queue_url(name).replace(self.endpoint, self.proxy.endpoint),
            "visibility_timeout_seconds": VISIBILITY_SECONDS,
            "source": source,
        }

    def _dagster_home(self, name: str) -> Path:
        home = self.home / name
        # Captured to files by two processes for each run; in the daemon's own log they cost nothing and are
        # in order.
        compute_logs = {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
        self.write_instance(home, compute_logs=compute_logs)
        return home


def _queues(tables: Sequence[dict[str, Any]]) -> list[str]:
    """The queue of files, and one for each table of messages."""
    return list(dict.fromkeys([QUEUE, *(table["queue"] for table in tables)]))


def wait_until(what: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Whether it came to hold in time."""
    waiting = threading.Event()
    rounds = max(1, int(seconds / pause))
    return any(what() or waiting.wait(pause) for _ in range(rounds)) or what()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the group, also where its leader is dead already, and frozen members."""
    kill_group(process)
    for pid in members_of_group(process.pid):
        if is_alive(pid):
            _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    import os

    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
