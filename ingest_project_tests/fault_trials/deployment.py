"""The deployment that trials are made on: ministack, a fault proxy before it, settings with a table for each trial,
and daemons that run the breakable code location. One serves many trials, one after the other."""

import json
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import yaml

from ingest_project_tests.e2e.world import BIN, TOP, World, kill_group
from ingest_project_tests.fault_trials.control import FOLDER_VARIABLE, Control
from ingest_project_tests.fault_trials.databases import Databases
from ingest_project_tests.fault_trials.oracle import Found, Recorded, SetAside
from ingest_project_tests.fault_trials.processes import is_alive, members_of_group
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.workload import PLAIN_BUCKET, VERSIONED_BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

LOCATION = "ingest_project_tests.fault_trials.location"
QUEUE = "landing"
LEASE_SECONDS = 10
VISIBILITY_SECONDS = 30
FIRST_DAEMON = "dagster"
_reading = threading.Lock()
"""chdb keeps one engine for each process."""


@dataclass
class Deployment(World):
    """A world whose AWS is behind a proxy. `endpoint` is ministack's own, by which the harness goes past the proxy."""

    proxy: FaultProxy = field(kw_only=True)
    databases: Databases = field(kw_only=True)
    bytecode: Path = field(kw_only=True)
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    restarts: int = 0

    @property
    def control(self) -> Control:
        return Control(self.home / "control")

    @property
    def environment(self) -> dict[str, str]:
        inherited = super().environment
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **inherited,
            # Compiled once for all processes: without it each compiles Dagster anew, which takes longer than a batch.
            "PYTHONPYCACHEPREFIX": str(self.bytecode),
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

    def open(self, tables: Sequence[dict[str, Any]]) -> None:
        """Buckets, queue, settings; and the first daemon."""
        self.create_queue(QUEUE)
        for bucket in (PLAIN_BUCKET, VERSIONED_BUCKET):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=VERSIONED_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self._write_settings(list(tables))
        self.start(FIRST_DAEMON)

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
        """Start every daemon anew that has died, as a supervisor would."""
        for name, process in list(self.daemons.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(name)

    def close(self) -> None:
        """End every process and connection that belongs to the deployment."""
        for process in self.processes:
            _kill_all(process)
        self.proxy.close()
        self.databases.close()

    def runs(self, table: str) -> list[tuple[str, str, str]]:
        """`(daemon's name, run id, status)` of every run that Dagster knows for a table, oldest first."""
        query = (
            "select r.run_id, r.status from runs r join run_tags t on t.run_id = r.run_id"
            " where t.key = 'ingest/table' and t.value = ? order by r.id"
        )
        return [
            (name, *row)
            for name in self._known_daemons()
            for row in _sqlite(self.home / name / "history" / "runs.db", query, table)
        ]

    def has_dagster_storage(self) -> bool:
        """Whether the first daemon has created its storage: it has, once there are heartbeats."""
        path = self.home / FIRST_DAEMON / "history" / "runs.db"
        return bool(_sqlite(path, "select 1 from daemon_heartbeats"))

    def read_ledger(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the ledger; none while it does not exist yet."""
        return _rows(self.databases.ledger, query, parameters)

    def recorded(self, table: str) -> dict[tuple[str, str], Recorded]:
        """What the ledger says of the object versions of a table, by uri and version."""
        query = (
            "select bucket, key, version_id, sequencer, etag, state, rows, error_class, coalesce(rejected_rows, 0)"
            " from object_versions where table_name = :table"
        )
        return {
            (f"s3://{bucket}/{key}", version_id or sequencer or etag): Recorded(*told)
            for bucket, key, version_id, sequencer, etag, *told in self.read_ledger(query, table=table)
        }

    def found(self, table: str) -> list[Found]:
        """The rows of a table by write, as chdb reads them, which shares no code with the writers."""
        rows = self._groups(table, "_source_uri, _source_version, write", "count(), uniqExact(row)")
        return [
            Found(uri, version, write, int(rows), int(distinct))
            for uri, version, write, rows, distinct in rows
        ]

    def set_aside(self, table: str) -> list[SetAside]:
        """The rows of the table's quarantine by write, in the same way."""
        rows = self._groups(f"{table}__quarantine", "_source_uri, _source_version", "groupArray(line_number)")
        return [SetAside(uri, version, tuple(sorted(map(int, lines)))) for uri, version, lines in rows]

    def change_table(self, table: str, **changes: Any) -> None:
        """Rewrite ingest.yaml with one table changed: runs that start from now on read it so."""
        self._write_settings(
            [one | changes if one["name"] == table else one for one in self.settings["tables"]]
        )

    def _groups(self, table: str, columns: str, totals: str) -> list[Any]:
        """The table's rows by these columns; none if there is no such table."""
        import chdb

        location = self._metadata_location(table)
        if location is None:
            return []
        folder, _, name = location.rpartition("/metadata/")
        source = f"icebergLocal('{folder}', settings iceberg_metadata_file_path = 'metadata/{name}')"
        query = f"select {columns}, {totals} from {source} group by {columns}"  # noqa: S608
        with _reading, chdir("/"):
            answer = chdb.query(query, "JSONCompactEachRow")  # type: ignore[no-untyped-call]
        return [json.loads(line) for line in str(answer).splitlines()]

    def dead_letters(self) -> int:
        """How many messages the DLQ holds."""
        return self.messages_in(f"{QUEUE}-dlq")

    def purge_queue(self) -> None:
        self.sqs.purge_queue(QueueUrl=self.queue_url(QUEUE))

    def _metadata_location(self, table: str) -> str | None:
        namespace, _, name = table.rpartition(".")
        query = (
            "select metadata_location from iceberg_tables"
            " where table_namespace = :namespace and table_name = :name"
        )
        rows = _rows(self.databases.catalog, query, {"namespace": namespace, "name": name})
        return str(rows[0][0]).removeprefix("file://") if rows else None

    def _write_settings(self, tables: list[dict[str, Any]]) -> None:
        self.settings = {
            "aws": {"region": "us-east-1"},
            "ledger": {"url": self.databases.url_for_project("ledger"), "lease_seconds": LEASE_SECONDS},
            "catalog": {
                "name": "lake", "type": "sql", "uri": self.databases.url_for_project("catalog"),
                "warehouse": str(self.home / "warehouse"),
            },
            "queues": [
                {
                    "name": QUEUE,
                    "url": self.queue_url(QUEUE).replace(self.endpoint, self.proxy.endpoint),
                    "visibility_timeout_seconds": VISIBILITY_SECONDS,
                }
            ],
            "tables": tables,
        }  # fmt: skip
        unfinished = self.home / "ingest.yaml.new"
        unfinished.write_text(yaml.safe_dump(self.settings, sort_keys=False))
        unfinished.replace(self.home / "ingest.yaml")

    def _dagster_home(self, name: str) -> Path:
        home = self.home / name
        home.mkdir(exist_ok=True)
        instance = yaml.safe_load((TOP / "dagster.yaml").read_text())
        instance["run_monitoring"] |= {"start_timeout_seconds": 45, "poll_interval_seconds": 5}
        # Captured to files by two processes for each run; in the daemon's own log they cost nothing and are in order.
        instance["compute_logs"] = {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        }
        (home / "dagster.yaml").write_text(yaml.safe_dump(instance))
        return home

    def _known_daemons(self) -> list[str]:
        return [path.parent.name for path in self.home.glob("*/dagster.yaml")]


def wait_until(what: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Whether it came to hold in time."""
    waiting = threading.Event()
    rounds = max(1, int(seconds / pause))
    return any(what() or waiting.wait(pause) for _ in range(rounds)) or what()


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


def _rows(engine: sa.Engine, query: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        if "no such table" in str(error) or "UndefinedTable" in str(error):
            return []
        raise


def _sqlite(path: Path, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
        try:
            return connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
