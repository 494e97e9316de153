"""What the ledger knows, as values: states, claims, batches and their outcomes.

They pass between the ledger and the rooms above it. They do not hold a database row or a connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ingest_project.ledger.clock_jumps import is_recent
from ingest_project.settings.after_settings import ActionKind
from ingest_project.settings.error_classes import Action
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.object_version import ObjectVersion


class ObjectState(StrEnum):
    """The state of an object version. The messages of those in SETTLED may be deleted."""

    PENDING = "pending"
    PLANNED = "planned"
    FAILED = "failed"
    COMMITTED = "committed"
    QUARANTINED = "quarantined"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"


SETTLED = (ObjectState.COMMITTED, ObjectState.QUARANTINED, ObjectState.SUPERSEDED, ObjectState.SKIPPED)
"""An object version in one of these states is never read again for the messages that named it."""


UNREAD = (ObjectState.FAILED, ObjectState.QUARANTINED)
"""An object version in one of these states is not tried again by itself."""

DISMISSED = "dismissed: "
"""The reason of a dismissed object version begins with this; the reason of its failure follows."""


class MessageState(StrEnum):
    """The state of a message: `open` is ours, `rejected` is left to the DLQ, `deleted` has left SQS."""

    OPEN = "open"
    REJECTED = "rejected"
    DELETED = "deleted"


class BatchKind(StrEnum):
    """`ingest` batches come from messages, `rebuild` batches from a listing of S3.

    `replay` batches read object versions of the table again, because some of their rows were set aside.
    """

    INGEST = "ingest"
    REBUILD = "rebuild"
    REPLAY = "replay"


class BatchRole(StrEnum):
    """What a batch does with an object version: bring its rows, or (in a rebuild) only take them out.

    A `gone` version had failed, and S3 does not hold it: a rebuild settles it and changes no row of its key.
    """

    INGEST = "ingest"
    REMOVE = "remove"
    GONE = "gone"


class BatchState(StrEnum):
    """The state of a batch: `planned` is open, the others are final.

    A `failed` batch committed nothing. An `abandoned` one was replaced by other batches.
    """

    PLANNED = "planned"
    COMMITTED = "committed"
    FAILED = "failed"
    ABANDONED = "abandoned"


class ActionState(StrEnum):
    """The state of an action on an object after its rows are in the table; `skipped`: it is not done."""

    DUE = "due"
    DONE = "done"
    SKIPPED = "skipped"


class AttemptOutcome(StrEnum):
    """How an attempt ended. `superseded`: another run took over; `lost`: its run died without a report."""

    COMMITTED = "committed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """How a claim changed the ledger: counts of messages and object versions."""

    messages: int = 0
    rejected_messages: int = 0
    new_objects: int = 0
    known_objects: int = 0

    def __add__(self, other: "ClaimResult") -> "ClaimResult":
        return ClaimResult(
            self.messages + other.messages,
            self.rejected_messages + other.rejected_messages,
            self.new_objects + other.new_objects,
            self.known_objects + other.known_objects,
        )


@dataclass(frozen=True, slots=True)
class PlanningRules:
    """How the objects of one table are put into batches. Bytes are as S3 stores them.

    `takes_away`: its objects are moved or deleted after they are ingested, so that S3 does not list them.
    """

    table: str
    max_objects: int
    max_bytes: int
    on_overwrite: OnOverwrite
    takes_away: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as the outbox sees it. `starts` is how often a run began it."""

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
        """The run key of the next attempt: Dagster launches one run for it, however often it is asked."""
        return f"{self.batch_id}:{self.attempt}"

    def is_leased(self, now: datetime, lease: timedelta) -> bool:
        """Whether a run has sent a heartbeat within the time of a lease."""
        return self.heartbeat_at is not None and is_recent(self.heartbeat_at, now, within=lease)


@dataclass(frozen=True, slots=True)
class OtherWrites:
    """The other writes of an object's key that the ledger knew when the run began.

    `in_table` is the write that is in the table. `claims_to_be_newest` says whether the object is
    newer than that one, by their messages. `waiting` are the ids of the writes that are not ingested; S3 has
    to show that they are older. `same_write` are the ids under which a listing has recorded this same write.
    """

    in_table: ObjectVersion | None = None
    claims_to_be_newest: bool = True
    waiting: tuple[str, ...] = ()
    same_write: tuple[str, ...] = ()

    @property
    def need_s3(self) -> bool:
        """Whether S3 has to be asked which write is the newest."""
        return self.in_table is not None or bool(self.waiting)


@dataclass(frozen=True, slots=True)
class BatchObject:
    """One object version of a batch, with its Dagster partition and the other writes of its key."""

    object_id: str
    object: ObjectVersion
    partition_key: str | None
    others: OtherWrites | None = None


@dataclass(frozen=True, slots=True)
class BatchWork:
    """What a run has to do: the batch, and the object versions in it that are still to be ingested."""

    batch: Batch
    objects: tuple[BatchObject, ...]


@dataclass(frozen=True, slots=True)
class RowsToReplace:
    """The rows that a commit takes out of the table: those of these URIs and, if given, of these batches.

    `writes`, each a URI, a version and a batch, name more rows.
    """

    source_uris: frozenset[str]
    batch_ids: frozenset[str] | None
    writes: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class FailedObject:
    """An object version that a batch could not ingest.

    `on_error` is the action that the settings of its table name. Without it, a transient error is retried.
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
class AfterRule:
    """What is done to the objects of a table after their rows are in it.

    `detail` are the tags as JSON, or the place that objects are moved to, to which their keys without
    `prefix` are added.
    """

    action: ActionKind
    detail: str | None
    prefix: str
    with_bad_rows: bool

    def detail_of(self, key: str) -> str | None:
        """The detail for the object of this key."""
        return f"{self.detail}{key.removeprefix(self.prefix)}" if self.action == "move" else self.detail


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """How a batch ended: the rows in the table by object id, and the failures.

    `superseded` maps object ids to reasons; it may name other writes of the batch's keys too. An object of
    the batch that is in none of the three goes back to `pending`. `rejected_rows` are those that were set
    aside. `after` is what happens to the committed objects next.
    """

    rows: Mapping[str, int]
    failures: tuple[FailedObject, ...]
    snapshot_id: int | None
    committed_at: datetime
    rejected_rows: Mapping[str, int] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)
    after: AfterRule | None = None


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message that SQS still holds: all that is needed to delete it or to change its visibility."""

    message_id: str
    receipt_handle: str = field(repr=False)
    received_at: datetime
    invisible_until: datetime
