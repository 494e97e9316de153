"""What the ledger knows, as values: states, claims, batches and their outcomes.

These travel between the ledger and the rooms above it; none of them carries a database row or a connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ingest_project.events.object_version import ObjectVersion
from ingest_project.events.routing import RoutedObject
from ingest_project.settings.error_classes import Action
from ingest_project.settings.model import OnOverwrite
from ingest_project.sqs.message import Message


class ObjectState(StrEnum):
    """Where one object version stands. The last four are settled: its messages may go."""

    PENDING = "pending"
    PLANNED = "planned"
    FAILED = "failed"
    COMMITTED = "committed"
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"


SETTLED = (ObjectState.COMMITTED, ObjectState.QUARANTINED, ObjectState.SUPERSEDED, ObjectState.SKIPPED)
"""An object version in one of these states will never be read again for the messages that named it."""


class MessageState(StrEnum):
    """Where one message stands: `open` is ours to finish, `rejected` is the DLQ's, `deleted` is gone from SQS."""

    OPEN = "open"
    REJECTED = "rejected"
    DELETED = "deleted"


class BatchKind(StrEnum):
    """`ingest` batches come from messages, `rebuild` batches from a listing of S3.

    `replay` batches read object versions again that are in the table, for the rows that were set aside.
    """

    INGEST = "ingest"
    REBUILD = "rebuild"
    REPLAY = "replay"


class BatchRole(StrEnum):
    """What a batch does with an object version: bring its rows, or (a rebuild) only take them out."""

    INGEST = "ingest"
    REMOVE = "remove"


class BatchState(StrEnum):
    """`planned` is open work; the others are final. `failed` committed nothing, `abandoned` was replaced by another."""

    PLANNED = "planned"
    COMMITTED = "committed"
    FAILED = "failed"
    ABANDONED = "abandoned"


class AttemptOutcome(StrEnum):
    """How an attempt at a batch ended. `superseded`: another run took over; `lost`: its run died without a word."""

    COMMITTED = "committed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """One received message and what it names. With a reason in `rejected` the message is never deleted."""

    message: Message
    objects: tuple[RoutedObject, ...]
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """How a claim changed the ledger: counts of messages and object versions."""

    messages: int
    rejected_messages: int
    new_objects: int
    known_objects: int


@dataclass(frozen=True, slots=True)
class PlanningRules:
    """How the objects of one table are put into batches. Bytes are as S3 stores them."""

    table: str
    max_objects: int
    max_bytes: int
    on_overwrite: OnOverwrite


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as the outbox sees it, open unless it is settled. `starts` counts the runs that ever began it."""

    batch_id: str
    queue: str
    table: str
    kind: BatchKind
    attempt: int
    starts: int
    objects: int
    size_bytes: int
    planned_at: datetime
    not_before: datetime
    partition_key: str | None
    run_id: str | None
    heartbeat_at: datetime | None
    error: str | None
    settled_at: datetime | None = None
    state: BatchState = BatchState.PLANNED

    @property
    def run_key(self) -> str:
        """Dagster launches one run per run key, however often it is asked."""
        return f"{self.batch_id}:{self.attempt}"

    def is_leased(self, now: datetime, lease: timedelta) -> bool:
        """A run has given a sign of working on it within the time of a lease."""
        return self.heartbeat_at is not None and now - self.heartbeat_at < lease


@dataclass(frozen=True, slots=True)
class BatchObject:
    """One object version of a batch, with the Dagster partition it belongs to."""

    object_id: str
    object: ObjectVersion
    partition_key: str | None


@dataclass(frozen=True, slots=True)
class BatchWork:
    """What a run has to do: the batch, and the object versions in it that are still to be ingested."""

    batch: Batch
    objects: tuple[BatchObject, ...]


@dataclass(frozen=True, slots=True)
class RowsToReplace:
    """Rows of the table that a commit takes out: those of these URIs and, if given, of these batches only.

    `writes`, each a URI, a version and a batch, name further rows.
    """

    source_uris: frozenset[str]
    batch_ids: frozenset[str] | None
    writes: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class FailedObject:
    """An object version that a batch could not ingest.

    `on_error` is what follows by the settings of its table; without it, what is transient is tried again later.
    """

    object_id: str
    error_class: str
    reason: str
    transient: bool
    on_error: Action | None = None

    @property
    def action(self) -> Action:
        return self.on_error or ("retry" if self.transient else "release")


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """How a batch ended: rows by object id for what is in the table, and what failed.

    An object of the batch that is in neither goes back to `pending`. `rejected_rows` are those that were set aside.
    """

    rows: Mapping[str, int]
    failures: tuple[FailedObject, ...]
    snapshot_id: int | None
    committed_at: datetime
    rejected_rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message that SQS still holds for us: what it takes to delete it or to extend its visibility."""

    message_id: str
    receipt_handle: str = field(repr=False)
    received_at: datetime
    invisible_until: datetime
