"""A simulated bucket, Iceberg table and runs, which behave towards the ledger like the real ones.

The table has what matters of Iceberg: rows with their provenance, and a head that a commit must have looked
at. A run works in steps, so that it can be overtaken, frozen or killed between any two of them.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import cast

from ingest_project.errors import BatchSuperseded, ObjectMissing, ObjectsTaken
from ingest_project.ingestion.write_order import WriteOrder, write_order
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import (
    BatchKind,
    BatchObject,
    BatchOutcome,
    BatchWork,
    FailedObject,
    RowsToReplace,
)
from ingest_project.settings.error_classes import Action
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.s3.store import ObjectStore

BUCKET = "acme-landing"


class Identity(Enum):
    """What identifies a write: the version id in a bucket with versions, else the sequencer or the eTag."""

    VERSION_ID = auto()
    SEQUENCER = auto()
    ETAG = auto()


@dataclass(slots=True)
class SimulatedBucket:
    """Keys and their writes. An empty object has the eTag `empty`."""

    identity: Identity
    writes: list[ObjectVersion] = field(default_factory=list)
    current: dict[str, ObjectVersion] = field(default_factory=dict)

    def put(self, key: str, content: str, now: datetime) -> ObjectVersion:
        number = len(self.writes) + 1
        # By the eTag alone, A, B, A is the same as A, B: there, contents are never written twice.
        etag = f"{content}-{number}" if self.identity is Identity.ETAG else content
        write = ObjectVersion(
            bucket=BUCKET,
            key=key,
            size_bytes=10,
            event_time=now,
            version_id=f"v{number}" if self.identity is Identity.VERSION_ID else None,
            sequencer=None if self.identity is Identity.ETAG else f"{number:08X}",
            etag=etag,
        )
        self.writes.append(write)
        self.current[key] = write
        return write

    def invent(self, key: str, sequencer: str, event_time: datetime) -> ObjectVersion:
        """A write that never was, as a message may claim it."""
        number = sequencer + str(event_time.hour)
        return ObjectVersion(
            bucket=BUCKET,
            key=key,
            size_bytes=0,
            event_time=event_time,
            version_id=f"forged{number}" if self.identity is Identity.VERSION_ID else None,
            sequencer=None if self.identity is Identity.ETAG else sequencer,
            etag=f"forged{number}",
        )

    def delete(self, key: str) -> None:
        self.current.pop(key, None)

    def listing(self) -> list[ObjectVersion]:
        return [
            ObjectVersion(
                bucket=BUCKET,
                key=write.key,
                size_bytes=10,
                event_time=write.event_time.replace(microsecond=0),
                etag=write.etag,
            )
            for write in self.current.values()
        ]

    def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
        """The answer of ObjectStore; the times are S3's own, in whole seconds."""
        versions = (one for one in self.writes if one.version_id == object_.version_id)
        found = next(versions, None) if pinned and object_.is_versioned else self.current.get(object_.key)
        if found is None:
            raise ObjectMissing(object_.uri, "gone")
        return ObjectHead(found.event_time.replace(microsecond=0), found.etag or "", found.version_id)

    def order(self, work: BatchWork) -> WriteOrder:
        """What S3 shows of the batch's objects, by the product's code."""
        return write_order(work, cast("ObjectStore", self))

    def failure(self, wanted: ObjectVersion) -> tuple[str, bool] | None:
        """Why this version cannot be fetched, and whether that may pass; None if it can."""
        if any(wanted.version_id is not None and one.version_id == wanted.version_id for one in self.writes):
            return None
        if wanted.is_versioned:
            return "missing", False
        current = self.current.get(wanted.key)
        if current is None:
            return "missing", False
        return None if current.etag == wanted.etag else ("overwritten", True)


@dataclass(frozen=True, slots=True)
class Row:
    """The rows of one object version, all alike."""

    uri: str
    version: str
    etag: str
    batch_id: str


@dataclass(slots=True)
class SimulatedTable:
    """An Iceberg table: rows, and the batches among its snapshots."""

    rows: list[Row] = field(default_factory=list)
    snapshots: dict[str, int] = field(default_factory=dict)
    head: int = 0

    def replaced_by(self, replaced: RowsToReplace | None) -> list[Row]:
        if replaced is None:
            return []
        return [
            row
            for row in self.rows
            if row.uri in replaced.source_uris
            and (replaced.batch_ids is None or row.batch_id in replaced.batch_ids)
        ]

    def commit(self, batch_id: str, head: int, added: Collection[Row], replaced: Collection[Row]) -> bool:
        """One snapshot on top of the head that was looked at; False if that has moved."""
        if head != self.head:
            return False
        self.rows = [row for row in self.rows if row not in replaced] + list(added)
        self.head += 1
        self.snapshots[batch_id] = self.head
        return True


class Stage(Enum):
    """How far a run has come."""

    STARTED = auto()
    READ = auto()
    CONFIRMED = auto()
    COMMITTED = auto()
    ENDED = auto()


@dataclass(slots=True)
class SimulatedRun:
    """One run of a batch, in the steps of `ingestion/process.py`."""

    run_id: str
    work: BatchWork
    on_broken: Action = "release"
    stage: Stage = Stage.STARTED
    rows: dict[str, int] = field(default_factory=dict)
    failures: list[FailedObject] = field(default_factory=list)
    looked_at: int = -1
    replaced: RowsToReplace | None = None
    snapshot_id: int | None = None
    order: WriteOrder = field(default_factory=WriteOrder)

    @property
    def batch_id(self) -> str:
        return self.work.batch.batch_id

    def step(
        self,
        ledger: Ledger,
        bucket: SimulatedBucket,
        table: SimulatedTable,
        *,
        now: datetime,
        faults: Collection[str] = (),
    ) -> None:
        """Do one step. `faults` are keys that cannot be read now; those in capitals are broken for good."""
        if self.stage is Stage.STARTED:
            self._read(bucket, faults)
        elif self.stage is Stage.READ:
            self._look_and_confirm(ledger, table)
        elif self.stage is Stage.CONFIRMED:
            self._commit(table)
        elif self.stage is Stage.COMMITTED:
            self._settle(ledger, now)

    def _read(self, bucket: SimulatedBucket, faults: Collection[str]) -> None:
        self.order = bucket.order(self.work)
        for member in self.work.objects:
            if member.object_id in self.order.outdated:
                continue
            failure = bucket.failure(member.object)
            if member.object.key in faults:
                failure = "unavailable", True
            elif member.object.key.upper() in faults:
                failure = "unreadable", False
            if failure is None:
                self.rows[member.object_id] = 0 if (member.object.etag or "").startswith("empty") else 1
            else:
                action = self.on_broken if failure[0] == "unreadable" else None
                self.failures.append(
                    FailedObject(member.object_id, failure[0], failure[0], failure[1], action)
                )
        self.stage = Stage.READ

    def _look_and_confirm(self, ledger: Ledger, table: SimulatedTable) -> None:
        self.looked_at = table.head
        if self.batch_id in table.snapshots:
            in_table = {(row.uri, row.version) for row in table.rows if row.batch_id == self.batch_id}
            self.rows = {one.object_id: 1 for one in self.work.objects if _source(one) in in_table}
            self.failures = []
            self.snapshot_id = table.snapshots[self.batch_id]
            self.stage = Stage.COMMITTED
            return
        try:
            self.replaced = ledger.confirm(self.batch_id, run_id=self.run_id, object_ids=set(self.rows))
        except ObjectsTaken:
            self._begin_anew(ledger)
        except BatchSuperseded:
            self.stage = Stage.ENDED
        else:
            self.stage = Stage.CONFIRMED

    def _begin_anew(self, ledger: Ledger) -> None:
        work = ledger.start(self.batch_id, run_id=self.run_id)
        if work is None:
            self.stage = Stage.ENDED
            return
        self.work, self.rows, self.failures, self.stage = work, {}, [], Stage.STARTED

    def _commit(self, table: SimulatedTable) -> None:
        added = [
            Row(*_source(one), one.object.etag or "", self.batch_id)
            for one in self.work.objects
            if self.rows.get(one.object_id)
        ]
        replaced = table.replaced_by(self.replaced)
        leaves_a_mark = self.work.batch.starts > 1 or self.work.batch.kind is BatchKind.REBUILD
        if not added and not replaced and not leaves_a_mark:
            self.stage = Stage.COMMITTED
        elif table.commit(self.batch_id, self.looked_at, added, replaced):
            self.snapshot_id = table.head
            self.stage = Stage.COMMITTED
        else:
            self.stage = Stage.READ

    def _settle(self, ledger: Ledger, now: datetime) -> None:
        superseded = self.order.superseded(self.work, self.rows)
        outcome = BatchOutcome(self.rows, tuple(self.failures), self.snapshot_id, now, superseded=superseded)
        with suppress(BatchSuperseded):
            ledger.settle(self.batch_id, run_id=self.run_id, outcome=outcome)
        self.stage = Stage.ENDED


def _source(member: BatchObject) -> tuple[str, str]:
    return member.object.uri, member.object.version
