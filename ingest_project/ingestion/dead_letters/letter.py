"""One message of a dead-letter queue with its reasons, and which of them a person wants."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest_project.ledger.dead_letters import KnownLetter
from ingest_project.sources.messages.raw_messages import original_id
from ingest_project.sources.object_version import is_object_uri
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message

UNKNOWN = "the ledger does not know this message: it was never claimed, or it was pruned"
INGESTED = "ingested already"
BODY_START = 200
"""In characters: how much of a body is shown."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a DLQ. `reasons` says why it is there, one for each object that failed.

    `objects` are the URIs of all that it names, as far as they are known. `is_ingested`: all of these are
    settled, so that nothing is lost if the message is deleted.
    """

    message: Message = field(repr=False)
    objects: tuple[str, ...]
    error_classes: tuple[str, ...]
    reasons: tuple[str, ...]
    is_ingested: bool

    @property
    def message_id(self) -> str:
        return self.message.message_id

    @property
    def original_id(self) -> str:
        """The id under which the message was first sent."""
        return original_id(self.message)

    @property
    def sent_at(self) -> datetime:
        """When it was first sent; in a FIFO queue, when SQS moved it to the DLQ."""
        return self.message.sent_at

    @property
    def body_start(self) -> str:
        return self.message.body[:BODY_START]


def dead_letter(item: Claim, known: KnownLetter) -> DeadLetter:
    """A message with what it claims now, and what the ledger knows of it."""
    unread = [one for one in known.objects if one.is_unread]
    uris = [*(routed.object.uri for routed in item.objects), *(one.uri for one in known.objects)]
    return DeadLetter(
        item.message,
        objects=tuple(dict.fromkeys(uris)),
        error_classes=tuple(dict.fromkeys(one.error_class for one in unread if one.error_class)),
        reasons=tuple(_reasons(item, known)),
        is_ingested=known.is_ingested,
    )


def _reasons(item: Claim, known: KnownLetter) -> Iterator[str]:
    """All reasons that are known; always at least one."""
    if known.is_ingested:
        states = ", ".join(sorted({str(one.state) for one in known.objects}))
        yield f"{INGESTED}: {states}"
        return
    told = False
    if known.rejected is not None:
        told = True
        yield known.rejected
    for one in known.objects:
        if one.is_unread:
            told = True
            yield f"{one.error_class or 'failed'}: {one.reason or 'no reason is recorded'}"
    if told:
        return
    if item.reason is not None:
        yield item.reason if known.is_known else f"{UNKNOWN}; by the settings of now: {item.reason}"
    elif known.is_known and known.objects:
        states = ", ".join(sorted({str(one.state) for one in known.objects}))
        yield f"its objects have not failed: {states}"
    else:
        yield UNKNOWN


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages of a DLQ: those for which all that is given holds. Nothing given: all.

    `reason` is a part of a reason, in any case. `objects` are keys, URIs or globs with `*` and `?`, of which
    one must match an object that the message names. `older_than` is the age since it was sent.
    """

    reason: str | None = None
    error_class: str | None = None
    older_than: timedelta | None = None
    objects: tuple[str, ...] = ()

    def matches(self, letter: DeadLetter, now: datetime) -> bool:
        """Whether a person wants this one."""
        return (
            (self.reason is None or any(self.reason.lower() in one.lower() for one in letter.reasons))
            and (self.error_class is None or self.error_class in letter.error_classes)
            and (self.older_than is None or now - letter.sent_at >= self.older_than)
            and (not self.objects or any(_names(letter, pattern) for pattern in self.objects))
        )


def _names(letter: DeadLetter, pattern: str) -> bool:
    """Whether one of the letter's objects matches a key, a URI, or a glob of either."""
    wildcards = {"*": ".*", "?": "."}
    found = re.compile("".join(wildcards.get(char) or re.escape(char) for char in pattern), re.DOTALL)
    if is_object_uri(pattern):
        return any(found.fullmatch(uri) for uri in letter.objects)
    return any(found.fullmatch(uri.split("/", 3)[3]) for uri in letter.objects)
