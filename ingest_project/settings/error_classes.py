"""The table of error classes: what each means, whether it may pass, and what follows unless a table says otherwise.

The only place in the code that says so; `docs/errors.md` shows the same table, and a test holds both, and `errors.py`,
to it. What follows for an object is an action:

- `retry`: again later, with backoff; without end if S3 is at fault, else a limited number of times, then as `release`
- `release`: recorded as failed; its message goes the DLQ's way, and a new message or `ingest retry` tries again
- `park`: settled as quarantined with its reason; its message is deleted, and the ledger keeps it for `ingest retry`
- `acknowledge`: settled as skipped with its reason; its message is deleted

What stops a whole batch is always tried again, without end; what is wrong with a message is always left to the DLQ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["retry", "release", "park", "acknowledge"]
Scope = Literal["object", "batch", "message"]

ANY: tuple[Action, ...] = get_args(Action)
NEVER_DROPPED: tuple[Action, ...] = ("retry", "release", "park")
"""For a class that says nothing about the object itself: acknowledging it would drop what is there to be ingested."""


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """A kind of failure: whom it befalls, whether it may pass by itself, and what follows.

    `allowed` are the actions that a table may choose instead of `action`. `endless`: to `retry` it never gives up, for
    nothing is known to be wrong with the object, and time will tell.
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
        "S3 holds no such object (404): it was deleted after its event was sent",
        "a new write of the key",
    ),
    _object(
        "forbidden",
        "S3 refused to hand the object out (401, 403)",
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
        "too_large",
        "the object has more stored bytes than `batch.max_object_bytes`; it was not read",
        "smaller files, or a higher limit, then a redrive or `ingest retry`",
    ),
    _object(
        "unreadable", "the bytes are not what the table's `format` says", "a new write of the key with a sound file"
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
        "throttled",
        "S3 or KMS asked us to slow down (503 SlowDown, 429, `ThrottlingException`, ...)",
        "time; if it lasts, fewer `max_batches_in_flight` or a higher quota",
        transient=True,
        allowed=NEVER_DROPPED,
        endless=True,
    ),
    _object(
        "unavailable",
        "S3 did not answer properly: 5xx, a timeout, a lost connection, a wrong region, bad credentials",
        "time; region and credentials by `ingest check`",
        transient=True,
        allowed=NEVER_DROPPED,
        endless=True,
    ),
    _object(
        "unknown",
        "reading the object failed in a way that nobody foresaw, or killed its run again and again",
        "a version of this project or of its libraries that can read it, then a redrive or `ingest retry`",
        allowed=NEVER_DROPPED,
    ),
    _batch("conflict", "other writers won every race for the table's next snapshot", "time"),
    _batch("catalog", "the catalog or the warehouse did not answer", "time, or a catalog that answers"),
    _batch("ledger", "the ledger's database did not answer, or stayed locked", "time, or a database that answers"),
    _batch("queue", "SQS did not answer, or refused the call", "time, or the permissions that `ingest check` names"),
    _batch(
        "table_mismatch",
        "the table and its settings differ in a way that is not mended by itself",
        "other settings, or another table; `ingest check` names the difference",
        transient=False,
    ),
    _message("not_an_s3_event", "the message is no S3 event notification", "a look at who sends to the queue"),
    _message(
        "unroutable",
        "no table takes the object that the message names",
        "a table whose route takes it, then a redrive",
    ),
)  # fmt: skip

ERROR_CLASSES: Mapping[str, ErrorClass] = {one.name: one for one in _ALL}
OBJECT_CLASSES = [one.name for one in _ALL if one.scope == "object"]
"""Those for which a table may choose an action."""


def on_error_fault(name: str, action: Action) -> str | None:
    """What is wrong with this action for this known class of errors, and what to do; None if nothing is."""
    known = ERROR_CLASSES[name]
    if known.scope != "object":
        return (
            f"is an error of a whole {known.scope}, not of an object; its action cannot be chosen; remove it"
        )
    if action not in known.allowed:
        return (
            f"{action} would drop an object that nothing is wrong with; choose {', '.join(known.allowed[:-1])} "
            f"or {known.allowed[-1]}"
        )
    return None
