"""One process of the project over a landing zone in the emulator, driven step by step and without Dagster.

Tests read the outcome without the project: the ledger's rows with SQL, the table's with Polars.
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from ingest_project.iceberg.table import LakeTable
from ingest_project.ingestion.acknowledge import Acknowledged
from ingest_project.ingestion.process import BatchResult
from ingest_project.ingestion.rebuild import Rebuild
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ClaimResult, ObjectState
from ingest_project.ledger.tables import batches, messages, object_versions
from ingest_project.services import Services
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.faults import Hook, HookedLedger
from ingest_project_tests.iceberg.readers import newest_metadata, snapshot_ids
from ingest_project_tests.landing import BUCKET, Landing, table
from ingest_project_tests.ledger.new_file import new_ledger_file
from ingest_project_tests.sources.factories import direct, s3_record

QUEUE = "landing"
ORDERS = "sales.orders"
DAILY = {"every": "day", "start": "2026-01-01", "pattern": "dt=(?P<partition>[0-9-]{10})"}
DAY = "2026-11-20"
NEXT_DAY = "2026-11-21"

Provenance = tuple[str, str, str]
"""A row's source URI, source version and batch id."""


def orders_table(**changes: Any) -> dict[str, Any]:
    """sales.orders of ingest.yaml, with a Dagster partition for each day."""
    return table(ORDERS, "orders/", {"order_id": "long"}, partition=DAILY) | changes


def orders(*order_ids: int) -> bytes:
    """An NDJSON file, a line for each order."""
    return "".join(json.dumps({"order_id": order_id}) + "\n" for order_id in order_ids).encode()


def order_key(name: str, day: str = DAY) -> str:
    return f"orders/dt={day}/{name}.ndjson"


@lru_cache(maxsize=1)
def aws_of(endpoint: str) -> Aws:
    """The clients of the emulator, shared by all tests: making them takes longer than a batch."""
    return Aws(AwsSettings(endpoint_url=endpoint))


class Zone:
    """A landing zone and a process of the project; `restarted` returns a second process of the deployment."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self.services: Services = landing.services()
        self.services.aws = aws_of(landing.endpoint)

    @classmethod
    def create(cls, folder: Path, endpoint: str, *tables: dict[str, Any]) -> "Zone":
        """A zone that notifies its queue, with these tables, or sales.orders alone, and an empty ledger."""
        landing = Landing(folder, endpoint)
        landing.create()
        landing.write(tables=list(tables) or [orders_table()])
        new_ledger_file(folder / "ledger.db")
        return cls(landing)

    @cached_property
    def queue(self) -> Queue:
        return self.services.queue(QUEUE)

    @property
    def ledger(self) -> Ledger:
        return self.services.ledger

    def restarted(self) -> "Zone":
        return Zone(self.landing)

    def declare(self, **changes: Any) -> "Zone":
        """A process started after sales.orders was declared with these changes, as the only table."""
        self.landing.write(tables=[orders_table(**changes)])
        return self.restarted()

    def hooked_ledger(self, **hooks: Hook) -> HookedLedger:
        return HookedLedger(self.services.settings.ledger.url, **hooks)

    # What happens outside.

    def put(self, key: str, body: bytes) -> str:
        """Write an object and return its eTag; the emulator notifies the queue."""
        return self.landing.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')

    def put_orders(self, name: str, *order_ids: int, day: str = DAY) -> str:
        """Write a file of orders and return its key."""
        key = order_key(name, day)
        self.put(key, orders(*order_ids))
        return key

    def delete(self, key: str) -> None:
        self.landing.s3.delete_object(Bucket=BUCKET, Key=key)

    def silence(self) -> None:
        """From now on S3 does not send events; `announce` does."""
        self.landing.notify([])

    def announce(
        self, key: str, etag: str, *, sequencer: Any = ..., version_id: Any = ..., at: datetime | None = None
    ) -> None:
        """Send the event of a write, with a sequencer as S3's have, unlike the emulator's."""
        told = {"eTag": etag, "sequencer": sequencer, "versionId": version_id}
        time = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.send(direct(s3_record(key, object_fields=told, eventTime=time)))

    def send(self, body: str) -> None:
        self.landing.sqs.send_message(QueueUrl=self.landing.queue_url, MessageBody=body)

    def redeliver(self) -> None:
        """Make what is in flight visible again, as after its visibility timeout."""
        query = sa.select(messages.c.receipt_handle).where(messages.c.receipt_handle.is_not(None))
        for (handle,) in self.select(query):
            self.landing.sqs.change_message_visibility(
                QueueUrl=self.landing.queue_url, ReceiptHandle=handle, VisibilityTimeout=0
            )

    # What the project does.

    def drain(self, **changes: Any) -> ClaimResult:
        """The intake of a tick, with the queue's settings changed.

        By default it takes just what the queue shows: the emulator needs seconds to answer that it is empty.
        """
        limit = self.queue.attributes().visible + self.ledger.waiting_objects(QUEUE)
        changed = {"max_messages_per_tick": limit, **changes}
        settings = self.services.settings.queue(QUEUE).model_copy(update=changed)
        return replace(self.services.intake(QUEUE), settings=settings).drain()

    def plan_one(self) -> str:
        """Drain the queue, which must give one open batch; returns its id."""
        self.drain()
        (batch,) = self.ledger.open_batches(QUEUE)
        return batch.batch_id

    def process(
        self,
        batch_id: str,
        *,
        run_id: str = "run-1",
        ledger: Ledger | None = None,
        store: ObjectStore | None = None,
    ) -> BatchResult | None:
        services = self.services
        pipeline = replace(services.pipeline, ledger=ledger or self.ledger, store=store or services.store)
        return pipeline.process(batch_id, queue=self.queue, run_id=run_id)

    def ingest(self) -> list[BatchResult]:
        """Drain the queue and process every open batch."""
        self.drain()
        results = [
            self.process(batch.batch_id, run_id=f"run of {batch.batch_id}")
            for batch in self.ledger.open_batches(QUEUE)
        ]
        return [result for result in results if result is not None]

    def ingest_one(self) -> BatchResult:
        (result,) = self.ingest()
        return result

    def rebuild(
        self,
        day: str = DAY,
        *,
        run_id: str = "rebuild-1",
        ledger: Ledger | None = None,
        store: ObjectStore | None = None,
    ) -> BatchResult | None:
        """Rebuild one day of sales.orders."""
        services, used = self.services, ledger or self.ledger
        pipeline = replace(services.pipeline, ledger=used)
        rebuild = Rebuild(used, store or services.store, services.router, pipeline)
        return rebuild.run(services.settings.table(ORDERS), day, queue=self.queue, run_id=run_id)

    def plan_rebuild(self, day: str = DAY, *, run_id: str = "rebuild-1") -> str:
        """Begin to rebuild one day of sales.orders, as far as the plan; returns the batch's id."""
        services = self.services
        rebuild = Rebuild(self.ledger, services.store, services.router, services.pipeline)
        return rebuild._plan(services.settings.table(ORDERS), day, run_id)

    def acknowledge(self) -> Acknowledged:
        return self.services.acknowledge(QUEUE)

    # What came of it.

    def lake_table(self, name: str = ORDERS) -> LakeTable:
        found = self.services.lake.find(name)
        assert found is not None
        return found

    def rows(self, name: str = ORDERS) -> pl.DataFrame:
        """All rows of the table, as Polars' own reader finds them."""
        return pl.scan_iceberg(newest_metadata(self.lake_table(name)), reader_override="native").collect()

    def order_ids(self, name: str = ORDERS) -> list[int]:
        return sorted(self.rows(name)["order_id"].to_list())

    def snapshots(self, name: str = ORDERS) -> int:
        return len(snapshot_ids(self.lake_table(name)))

    def states(self, name: str = ORDERS) -> dict[str, ObjectState]:
        """The state of each key's object version; of several, that of the one claimed last."""
        known = object_versions.c
        query = sa.select(known.key, known.state).where(known.table_name == name).order_by(known.claimed_at)
        return {key: ObjectState(state) for key, state in self.select(query)}

    def error_classes(self) -> dict[str, str]:
        """Why objects failed, by key."""
        known = object_versions.c
        query = sa.select(known.key, known.error_class).where(known.error_class.is_not(None))
        return {key: error_class for key, error_class in self.select(query)}  # noqa: C416

    def batch_states(self) -> list[str]:
        return [state for (state,) in self.select(sa.select(batches.c.state).order_by(batches.c.batch_id))]

    def message_states(self) -> Counter[str]:
        return Counter(state for (state,) in self.select(sa.select(messages.c.state)))

    def assert_exact(self, *order_ids: int, name: str = ORDERS) -> None:
        """The table has these orders, each once, and the ledger agrees about each row's source and batch."""
        found = self.order_ids(name)
        assert found == sorted(order_ids), found
        in_table, in_ledger = self._rows_by_provenance(name), self._committed_by_provenance(name)
        assert in_table == in_ledger, (in_table, in_ledger)

    def quarantined(self, name: str = ORDERS) -> pl.DataFrame:
        """All rows of the table's quarantine, as Polars' own reader finds them; empty without one."""
        found = self.services.lake.find(f"{name}__quarantine")
        if found is None or found.snapshot_id is None:
            return pl.DataFrame(
                schema={"_source_uri": pl.String, "reason": pl.String, "line_number": pl.Int64}
            )
        return self.rows(f"{name}__quarantine").sort("_source_uri", "line_number")

    def rejected(self, name: str = ORDERS) -> dict[str, list[str]]:
        """Why rows were set aside, by key, in the order of their lines; the ledger must count the same."""
        found: dict[str, list[str]] = {}
        for uri, reason in self.quarantined(name).select("_source_uri", "reason").iter_rows():
            found.setdefault(uri.removeprefix(f"s3://{BUCKET}/"), []).append(reason)
        known = object_versions.c
        counts = dict(
            self.select(
                sa.select(known.key, known.rejected_rows).where(
                    known.state == ObjectState.COMMITTED, known.rejected_rows > 0, known.table_name == name
                )
            )
        )
        assert counts == {key: len(reasons) for key, reasons in found.items()}, (counts, found)
        return found

    def _rows_by_provenance(self, name: str) -> dict[Provenance, int]:
        found = self.rows(name).select("_source_uri", "_source_version", "_batch_id")
        return dict(Counter(found.iter_rows()))

    def _committed_by_provenance(self, name: str) -> dict[Provenance, int]:
        known = object_versions.c
        version = sa.func.coalesce(known.version_id, known.sequencer, known.etag)
        query = sa.select(known.bucket, known.key, version, known.batch_id, known.rows).where(
            known.table_name == name, known.state == ObjectState.COMMITTED, known.rows > 0
        )
        return {
            (f"s3://{bucket}/{key}", version, batch_id): rows
            for bucket, key, version, batch_id, rows in self.select(query)
        }

    def select(self, query: sa.Select[Any]) -> list[Any]:
        """Rows of the ledger's database, read without the ledger."""
        engine = sa.create_engine(self.services.settings.ledger.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.execute(query))
