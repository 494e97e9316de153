"""Every exception of the project.

    IngestError
    ├── SettingsError            ingest.yaml or the environment is wrong; nothing was started
    ├── MessageError             an SQS message that cannot be claimed; it is left to the DLQ
    │   ├── NotAnS3Event
    │   ├── NotAJobRequest
    │   ├── JobFailed
    │   └── UnroutableObject
    ├── ObjectError              one object version that cannot be ingested; the rest of its batch goes on
    │   ├── ObjectMissing
    │   ├── ObjectForbidden
    │   ├── ObjectKeyDenied
    │   ├── ObjectArchived
    │   ├── WrongRegion
    │   ├── ObjectTooLarge
    │   ├── ObjectUnreadable
    │   ├── SchemaMismatch
    │   │   └── ColumnRefused
    │   ├── TooManyBadRows
    │   ├── EventContradicted
    │   ├── ObjectOverwritten    (transient)
    │   ├── ObjectThrottled      (transient)
    │   ├── ObjectUnavailable    (transient)
    │   ├── ObjectOutOfResources (transient)
    │   └── ObjectFaultUnknown
    ├── TableError               an Iceberg table or its catalog
    │   ├── TableMismatch
    │   │   ├── PartitionMismatch
    │   │   └── RowsRefused
    │   ├── CatalogUnavailable   (transient)
    │   └── CommitConflict       (transient)
    ├── QueueUnavailable         (transient) SQS did not answer, or refused
    │   └── QueueRefused         SQS refused to take messages, and will do so again
    ├── JobRefused               a request for a job that cannot be accepted as it is
    │   └── IdempotencyConflict
    ├── JobApiUnavailable        (transient) the API of jobs did not answer, or not as it should
    ├── JobApiRefused            the API of jobs refused a request; it says which fields are wrong
    ├── AuthorizerUnavailable    (transient) the tokens or keys of the API's requesters cannot be read
    ├── InvalidEntries           entries for a queue that have a wrong type; none was sent
    ├── LedgerUnavailable        (transient) the ledger's database did not answer
    ├── LedgerAbsent             the ledger does not exist: nothing was ingested yet, or it was removed
    ├── InventoryUnusable        an S3 Inventory that cannot be compared with a table; nothing was changed
    ├── BatchNotFound            a batch id that the ledger does not know
    └── BatchSuperseded          another attempt owns the batch now; this one must stop
        └── ObjectsTaken         a rebuild took objects of the batch; its run goes on with the others

`transient` says whether trying again may help. `error_class` is the stable name of the error in the ledger,
the logs and the user interface; `settings/error_classes.py` has the action for each.
"""

from typing import ClassVar


class IngestError(Exception):
    """Base of all errors of this project; its message says what happened and what to do next."""

    error_class: ClassVar[str] = "unknown"
    transient: ClassVar[bool] = False


class SettingsError(IngestError):
    """The settings cannot be used.

    `problems` has one line for each fault, with file, line, key and remedy.
    """

    error_class = "settings"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class MessageError(IngestError):
    """An SQS message that does not name anything we can ingest. It is recorded and left to the DLQ."""


class NotAnS3Event(MessageError):
    """The body of a message is not an S3 event notification in a known envelope."""

    error_class = "not_an_s3_event"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not an S3 event notification: {reason}")


class NotAJobRequest(MessageError):
    """The body of a message does not ask for a job that may run."""

    error_class = "not_a_job_request"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not a request for a job: {reason}")


class JobFailed(MessageError):
    """A job cannot do what its input asks for, and would not be able to on another attempt."""

    error_class = "job_failed"


class UnroutableObject(MessageError):
    """No table takes this object, or its key or time does not name a partition of the table."""

    error_class = "unroutable"

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason
        super().__init__(f"{uri!r} cannot be routed: {reason}")


class ObjectError(IngestError):
    """One object version that could not be ingested."""

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason
        super().__init__(f"{uri!r}: {reason}")


class ObjectMissing(ObjectError):
    """S3 does not hold the object (404): it was deleted after its event was sent, or never written."""

    error_class = "missing"


class ObjectForbidden(ObjectError):
    """S3 refused access to the object (401, 403)."""

    error_class = "forbidden"


class ObjectKeyDenied(ObjectError):
    """S3 cannot decrypt the object for us: its KMS key is denied, disabled, pending deletion or deleted."""

    error_class = "kms"


class ObjectArchived(ObjectError):
    """The object is in an archive tier and must be restored before a read (403 InvalidObjectState)."""

    error_class = "archived"


class WrongRegion(ObjectError):
    """The bucket is in another region that S3 does not name, so that its redirect could not be followed.

    Permanent, although the object is not at fault: it needs another setting.
    """

    error_class = "wrong_region"


class ObjectTooLarge(ObjectError):
    """The object has more stored bytes than its table allows; it was not read."""

    error_class = "too_large"


class ObjectOverwritten(ObjectError):
    """The key holds another write than the event named (412); the named one does not exist any more.

    Transient, because the newer write's own event settles this one. It fails only if that event never comes.
    """

    error_class = "overwritten"
    transient = True


class EventContradicted(ObjectError):
    """The event names another eTag, or an earlier time, of the version than S3 does: S3 did not send it."""

    error_class = "contradicted"


class ObjectUnreadable(ObjectError):
    """The bytes are not what the table's format says they are."""

    error_class = "unreadable"


class SchemaMismatch(ObjectError):
    """The object's columns do not fit the table's, and the table's policy does not allow to change it."""

    error_class = "schema"


class ColumnRefused(SchemaMismatch):
    """A column of the object cannot or may not be in the table, whatever its values are."""


class TooManyBadRows(ObjectError):
    """More rows of the object are bad than its table allows; none of them was ingested or quarantined."""

    error_class = "bad_rows"


class ObjectThrottled(ObjectError):
    """S3 or KMS asked for fewer requests; the object is tried again later."""

    error_class = "throttled"
    transient = True


class ObjectUnavailable(ObjectError):
    """S3 did not answer properly (5xx, timeout, bad credentials); the object is tried again later."""

    error_class = "unavailable"
    transient = True


class ObjectOutOfResources(ObjectError):
    """This machine ran out of disk or file descriptors; the object is tried again later."""

    error_class = "resources"
    transient = True


class ObjectFaultUnknown(ObjectError):
    """Fetching or reading the object raised an unexpected exception: a fault of ours or of a library.

    The reason names the exception and where it was raised, never its text, which may quote the object.
    """

    error_class = "unknown"


class TableError(IngestError):
    """An operation on an Iceberg table, or on its catalog, failed."""

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        self.reason = reason
        super().__init__(f"table {table}: {reason}")


class TableMismatch(TableError):
    """The table differs from its settings in a way that we must not change, or PyIceberg cannot write it."""

    error_class = "table_mismatch"


class PartitionMismatch(TableMismatch):
    """A new table would lack a column of its partition spec, or the transform does not apply to the column.

    If the columns are not declared, they are those of the rows at hand, so that other rows may fit.
    """


class RowsRefused(TableMismatch):
    """A writable table cannot take these rows.

    They may be of several objects: then each object is tried by itself, and those that are refused fail as
    `schema`.
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

    def __init__(self, queue: str, reason: str, *, code: str = "") -> None:
        """`code` is SQS's error code; empty if SQS did not answer."""
        self.queue = queue
        self.reason = reason
        self.code = code
        super().__init__(f"queue {queue}: {reason}")


class QueueRefused(QueueUnavailable):
    """SQS refused to take messages: the queue does not exist, or we are not allowed to send to it."""

    transient = False


class JobRefused(IngestError):
    """A request for a job that cannot be accepted.

    `field` is the path of what is wrong, like `input.table`.
    """

    error_class = "job_refused"

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class IdempotencyConflict(JobRefused):
    """The same idempotency key was used for another request."""

    def __init__(self, job_id: str) -> None:
        super().__init__("Idempotency-Key", f"it was used for another request, job {job_id}; use another key")


class JobApiUnavailable(IngestError):
    """The API of jobs did not answer, or not as it should, however often it was asked."""

    error_class = "job_api"
    transient = True


class JobApiRefused(IngestError):
    """The API of jobs refused a request.

    `problems` has a line for the problem and one for each field that is wrong.
    """

    def __init__(self, status: int, problems: list[str]) -> None:
        self.status = status
        self.problems = problems
        super().__init__("; ".join(problems))


class AuthorizerUnavailable(IngestError):
    """The tokens or keys by which requesters are known cannot be read; nobody is let in meanwhile."""

    error_class = "authorizer"
    transient = True


class InvalidEntries(IngestError):
    """Entries for a queue cannot be what SQS takes; none of them was sent.

    `problems` has one line for each fault, with the entry's position and Id.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class LedgerUnavailable(IngestError):
    """The ledger's database could not be reached, or stayed locked."""

    error_class = "ledger"
    transient = True


class LedgerAbsent(IngestError):
    """There is no ledger at the URL: nothing was ingested yet, or it was removed."""

    error_class = "ledger_absent"

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__(
            f"there is no ledger at {location}. If nothing was ingested yet, start Dagster with `make dev`: "
            "the first tick of a sensor creates the ledger. If files were ingested before, the ledger was "
            "removed, or ledger.url names another one: stop Dagster, put the ledger back or run "
            "`ingest ledger recover`, and start Dagster"
        )


class InventoryUnusable(IngestError):
    """An S3 Inventory is truncated, incomplete, or of another bucket; nothing was changed."""

    error_class = "inventory"

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason
        super().__init__(f"inventory {uri!r}: {reason}")


class BatchNotFound(IngestError):
    """The ledger does not know a batch with this id."""

    error_class = "batch_not_found"

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        super().__init__(f"no batch {batch_id!r} in the ledger; `ingest status` lists the open ones")


class BatchSuperseded(IngestError):
    """Another run has taken over this batch; what this run did is committed or has no effect."""

    error_class = "superseded"

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        super().__init__(self._reason())

    def _reason(self) -> str:
        return f"batch {self.batch_id} was taken over by another run: this run has nothing left to do"


class ObjectsTaken(BatchSuperseded):
    """A rebuild has taken object versions of this batch; its run goes on with the others."""

    def _reason(self) -> str:
        return f"a rebuild has taken objects of batch {self.batch_id}; the run starts again with the others"
