"""The table of error classes: what each means, whether it is transient, and its default action.

`docs/errors.md` shows the same table; a test keeps both, and `errors.py`, in step. The actions for an object
are:

- `retry`: tried again later, with backoff; without end if S3 or this machine is at fault, else a limited
  number of times, then as `release`
- `release`: recorded as failed; SQS moves its message to the DLQ, and a new message or `ingest retry` tries
  again
- `park`: settled as quarantined with its reason; its message is deleted, and the ledger keeps it for
  `ingest retry`
- `acknowledge`: settled as skipped with its reason; its message is deleted

A batch that fails as a whole is always tried again, without end; a message that is at fault is always left to
the DLQ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["retry", "release", "park", "acknowledge"]
Scope = Literal["object", "batch", "message"]

ANY: tuple[Action, ...] = get_args(Action)
NEVER_DROPPED: tuple[Action, ...] = ("retry", "release", "park")
"""The actions for a class whose objects are not at fault: `acknowledge` would drop what can be ingested."""


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """A kind of failure: what it affects, whether it is transient, and the default action.

    `allowed` are the actions that a table may choose instead of `action`. `endless`: `retry` never gives up,
    because the object is not at fault.
    """

    name: str
    scope: Scope
    transient: bool
    action: Action
    allowed: tuple[Action, ...]
    meaning: str
    cleared_by: str
    endless: bool = False


def _object(
    name: str,
    meaning: str,
    cleared_by: str,
    *,
    transient: bool = False,
    allowed: tuple[Action, ...] = ANY,
    endless: bool = False,
) -> ErrorClass:
    action: Action = "retry" if transient else "release"
    return ErrorClass(name, "object", transient, action, allowed, meaning, cleared_by, endless)


def _batch(name: str, meaning: str, cleared_by: str, *, transient: bool = True) -> ErrorClass:
    return ErrorClass(name, "batch", transient, "retry", ("retry",), meaning, cleared_by)


def _message(name: str, meaning: str, cleared_by: str) -> ErrorClass:
    return ErrorClass(name, "message", False, "release", ("release",), meaning, cleared_by)


_ALL = (
    _object(
        "missing",
        "S3 does not hold the object (404): it was deleted after its event was sent, or never written",
        "a new write of the key; if it is not to come, materializing the partition, or `ingest dismiss`",
    ),
    _object(
        "forbidden",
        "S3 refused access to the object (401, 403)",
        "a policy that allows `s3:GetObject`, then a redrive or `ingest retry`",
    ),
    _object(
        "kms",
        "the object's KMS key is denied to us, disabled or gone (400 `KMS.*`, 403 that names `kms:Decrypt`)",
        "a key that is enabled and a policy that allows `kms:Decrypt`, then a redrive or `ingest retry`",
    ),
    _object(
        "archived",
        "the object is in an archive tier, such as Glacier (403 InvalidObjectState)",
        "`aws s3api restore-object`, then a redrive or `ingest retry`",
    ),
    _object(
        "wrong_region",
        "the bucket is in another region, and S3 does not name it; a region that S3 names is followed",
        "`region` of the bucket in `buckets`, then a redrive or `ingest retry`",
        allowed=NEVER_DROPPED,
    ),
    _object(
        "too_large",
        "the object has more stored bytes than `batch.max_object_bytes`; it was not read",
        "smaller files, or a higher limit, then a redrive or `ingest retry`",
    ),
    _object(
        "unreadable",
        "the bytes are not what the table's `format` says",
        "a new write of the key with a valid file",
    ),
    _object(
        "schema",
        "the object's columns do not fit the table's, and may not be added",
        "a new write of the key, or other `columns`, then a redrive or `ingest retry`",
    ),
    _object(
        "bad_rows",
        "more rows of the object are bad than `max_bad_rows` allows; none was ingested or quarantined",
        "a new write of the key, other `columns` or a higher limit, then a redrive or `ingest retry`",
    ),
    _object(
        "overwritten",
        "the key holds another write than the event named (412)",
        "the newer write's own event",
        transient=True,
    ),
    _object(
        "contradicted",
        "the event names another eTag, or an earlier time, of the version than S3 does: S3 did not send it",
        "a look at who sends to the queue, then the write's own event or a redrive of it",
        allowed=NEVER_DROPPED,
    ),
    _object(
        "throttled",
        "S3 or KMS asked us to slow down (503 SlowDown, 429, `ThrottlingException`, ...)",
        "time; if it lasts, fewer `max_batches_in_flight` or a higher quota",
        transient=True,
        allowed=NEVER_DROPPED,
        endless=True,
    ),
    _object(
        "unavailable",
        "S3 did not answer properly: 5xx, a timeout, a lost connection, bad credentials",
        "time; credentials by `ingest check`",
        transient=True,
        allowed=NEVER_DROPPED,
        endless=True,
    ),
    _object(
        "resources",
        "the machine of the run ran out of disk for temporary files or of file descriptors",
        "room under `TMPDIR`, a higher `ulimit -n`, or fewer runs at once",
        transient=True,
        allowed=NEVER_DROPPED,
        endless=True,
    ),
    _object(
        "unknown",
        "reading the object raised an unexpected exception, or killed its run several times",
        "a version of this project or of its libraries that can read it, then a redrive or `ingest retry`",
        allowed=NEVER_DROPPED,
    ),
    _batch("conflict", "other writers won every race for the table's next snapshot", "time"),
    _batch("catalog", "the catalog or the warehouse did not answer", "time, or a catalog that answers"),
    _batch(
        "ledger", "the ledger's database did not answer, or stayed locked", "time, or a database that answers"
    ),
    _batch(
        "queue",
        "SQS did not answer, or refused the call",
        "time, or the permissions that `ingest check` names",
    ),
    _batch(
        "table_mismatch",
        "the table and its settings differ and a person must decide, or PyIceberg cannot write the table",
        "other settings, or another table; `ingest check` names the difference",
        transient=False,
    ),
    _message(
        "not_an_s3_event", "the message is not an S3 event notification", "a look at who sends to the queue"
    ),
    _message(
        "not_a_job_request",
        "the message does not ask for a job that may run",
        "a look at who sends to the queue",
    ),
    _message(
        "job_failed",
        "the runs of the job failed as often as its `attempts` allow, or it cannot do what was asked for",
        "a look at its runs, then a redrive, `ingest retry`, or another request",
    ),
    _message(
        "unroutable",
        "no table takes the object that the message names",
        "a table whose route takes it, then a redrive",
    ),
)  # fmt: skip

ERROR_CLASSES: Mapping[str, ErrorClass] = {one.name: one for one in _ALL}
OBJECT_CLASSES = [one.name for one in _ALL if one.scope == "object"]
"""The classes for which a table may choose an action."""


def on_error_fault(name: str, action: Action) -> str | None:
    """What is wrong with this action for this known error class, with the remedy; None if it is allowed."""
    known = ERROR_CLASSES[name]
    if known.scope != "object":
        return (
            f"is an error of a whole {known.scope}, not of an object; its action cannot be chosen; remove it"
        )
    if action not in known.allowed:
        choices = f"{', '.join(known.allowed[:-1])} or {known.allowed[-1]}"
        return f"{action} would drop an object that is not at fault; choose {choices}"
    return None
