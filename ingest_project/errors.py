"""Every exception of the project.

    IngestError
    ├── SettingsError            ingest.yaml or the environment is wrong; nothing was started
    ├── MessageError             an SQS message that cannot be claimed; it stays on its way to the DLQ
    │   ├── NotAnS3Event
    │   └── UnroutableObject
    ├── ObjectError              one object version that cannot be ingested; the rest of its batch goes on
    │   ├── ObjectMissing
    │   ├── ObjectForbidden
    │   ├── ObjectKeyDenied
    │   ├── ObjectArchived
    │   ├── ObjectTooLarge
    │   ├── ObjectUnreadable
    │   ├── SchemaMismatch
    │   │   └── ColumnRefused
    │   ├── TooManyBadRows
    │   ├── ObjectOverwritten    (transient)
    │   ├── ObjectThrottled      (transient)
    │   ├── ObjectUnavailable    (transient)
    │   └── ObjectFaultUnknown
    ├── TableError               an Iceberg table or its catalog
    │   ├── TableMismatch
    │   │   └── PartitionMismatch
    │   ├── CatalogUnavailable   (transient)
    │   └── CommitConflict       (transient)
    ├── QueueUnavailable         (transient) SQS did not answer, or refused
    ├── LedgerUnavailable        (transient) the ledger's database did not answer
    ├── BatchNotFound            a batch id that the ledger does not know
    └── BatchSuperseded          another attempt owns the batch now; this one must stop

`transient` says whether trying again may help. `error_class` is the stable name under which the ledger, the logs and
the user interface file the error, and under which `settings/error_classes.py` says what follows.
"""

from typing import ClassVar


class IngestError(Exception):
    """Base of all errors of this project; its message says what happened and what to do next."""

    error_class: ClassVar[str] = "unknown"
    transient: ClassVar[bool] = False


class SettingsError(IngestError):
    """The settings cannot be used.

    `problems` holds one line for each fault, each naming file, line, key and remedy.
    """

    error_class = "settings"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class MessageError(IngestError):
    """An SQS message that names nothing we can ingest. It is recorded and left to the DLQ, never deleted."""


class NotAnS3Event(MessageError):
    """The body of a message is no S3 event notification in any envelope we know."""

    error_class = "not_an_s3_event"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not an S3 event notification: {reason}")


class UnroutableObject(MessageError):
    """No table takes this object, or its key or time names no partition of the table that does."""

    error_class = "unroutable"

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason
        super().__init__(f"{uri!r} names no table: {reason}")


class ObjectError(IngestError):
    """One object version that could not be ingested."""

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason
        super().__init__(f"{uri!r}: {reason}")


class ObjectMissing(ObjectError):
    """S3 holds no such object (404): it was deleted after its event was sent."""

    error_class = "missing"


class ObjectForbidden(ObjectError):
    """S3 refused to hand out the object (401, 403)."""

    error_class = "forbidden"


class ObjectKeyDenied(ObjectError):
    """S3 cannot decrypt the object for us: its KMS key is denied, disabled, pending deletion or gone."""

    error_class = "kms"


class ObjectArchived(ObjectError):
    """The object is in an archive tier and must be restored before it can be read (403 InvalidObjectState)."""

    error_class = "archived"


class ObjectTooLarge(ObjectError):
    """The object has more stored bytes than its table allows; it was not read."""

    error_class = "too_large"


class ObjectOverwritten(ObjectError):
    """The key holds another write than the one that the event named (412), which is gone for good.

    Transient, as the newer write's own event settles this one; only if that never comes does it count as failed.
    """

    error_class = "overwritten"
    transient = True


class ObjectUnreadable(ObjectError):
    """The bytes are not what the table's format says they are."""

    error_class = "unreadable"


class SchemaMismatch(ObjectError):
    """The object's columns do not fit the table's, and the table's policy is not to change it."""

    error_class = "schema"


class ColumnRefused(SchemaMismatch):
    """A column of the object can or may not be in the table, whatever its rows hold."""


class TooManyBadRows(ObjectError):
    """More rows of the object are bad than its table allows; none of them was ingested or quarantined."""

    error_class = "bad_rows"


class ObjectThrottled(ObjectError):
    """S3, or KMS behind it, asked for fewer requests; the object is tried again later."""

    error_class = "throttled"
    transient = True


class ObjectUnavailable(ObjectError):
    """S3 did not answer properly (5xx, timeout, wrong region or credentials); the object is tried again later."""

    error_class = "unavailable"
    transient = True


class ObjectFaultUnknown(ObjectError):
    """Fetching or reading the object failed in a way that nobody foresaw: a fault of ours or of a library.

    The reason names the exception and where it was raised, never its text: that may quote the object.
    """

    error_class = "unknown"


class TableError(IngestError):
    """An Iceberg table, or the catalog that holds it, did not do what was asked."""

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        self.reason = reason
        super().__init__(f"table {table}: {reason}")


class TableMismatch(TableError):
    """The table that exists and the one that the settings declare differ in a way we must not mend by ourselves."""

    error_class = "table_mismatch"


class PartitionMismatch(TableMismatch):
    """A new table would lack a column that its partition spec names, or have one that the transform does not apply to.

    Where nobody declared the columns they are those of the rows at hand, so other rows may make the table.
    """


class CatalogUnavailable(TableError):
    """The catalog or the warehouse did not answer."""

    error_class = "catalog"
    transient = True


class CommitConflict(TableError):
    """Other writers won every race for the table's next snapshot; nothing was committed."""

    error_class = "conflict"
    transient = True


class QueueUnavailable(IngestError):
    """SQS could not be reached or refused the call."""

    error_class = "queue"
    transient = True

    def __init__(self, queue: str, reason: str) -> None:
        self.queue = queue
        self.reason = reason
        super().__init__(f"queue {queue}: {reason}")


class LedgerUnavailable(IngestError):
    """The ledger's database could not be reached, or stayed locked."""

    error_class = "ledger"
    transient = True


class BatchNotFound(IngestError):
    """The ledger knows no batch of this id."""

    error_class = "batch_not_found"

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        super().__init__(f"no batch {batch_id!r} in the ledger; `ingest status` lists the open ones")


class BatchSuperseded(IngestError):
    """A newer attempt has taken this batch over; what this one did is either committed or of no effect."""

    error_class = "superseded"

    def __init__(self, batch_id: str, attempt: int) -> None:
        self.batch_id = batch_id
        self.attempt = attempt
        super().__init__(
            f"attempt {attempt} of batch {batch_id} was superseded by a newer one; nothing to do here"
        )
