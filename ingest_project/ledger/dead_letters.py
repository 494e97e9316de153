"""What the ledger knows of messages that lie in a dead-letter queue: why they are there, and what they name.

SQS moves a message to its DLQ under its own id, so the ledger knows it by queue and message id. This module
only reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingest_project.ledger.claim import routed_object_id
from ingest_project.ledger.model import UNREAD, MessageState, ObjectState
from ingest_project.ledger.sql import chunks
from ingest_project.ledger.tables import message_objects, messages, object_versions
from ingest_project.sources.object_version import object_uri
from ingest_project.sources.source import Claim

INGESTED = frozenset({ObjectState.COMMITTED, ObjectState.SUPERSEDED, ObjectState.SKIPPED})
"""Nothing is lost without the messages of an object version in one of these states, even by a redrive.

A parked one is not among them: it waits for a person, who had better see what was sent.
"""


@dataclass(frozen=True, slots=True)
class NamedObject:
    """One object version that a message names, as the ledger knows it."""

    uri: str
    state: ObjectState
    error_class: str | None
    reason: str | None

    @property
    def is_unread(self) -> bool:
        """Whether it failed, or was parked."""
        return self.state in UNREAD


@dataclass(frozen=True, slots=True)
class KnownLetter:
    """What the ledger knows of one message.

    `is_known`: the message was claimed before. `rejected` is why it was left to the DLQ. `objects` are those
    that it named when it was claimed, and those that it names by the settings of now. `is_ingested`: it names
    object versions, and all of them are settled.
    """

    is_known: bool
    rejected: str | None
    objects: tuple[NamedObject, ...]
    is_ingested: bool


def known_letters(connection: sa.Connection, queue: str, claims: Sequence[Claim]) -> dict[str, KnownLetter]:
    """What is known of each of these messages of a queue, by message id."""
    ids = [item.message.message_id for item in claims]
    states = _messages(connection, queue, ids)
    links = _links(connection, queue, ids)
    named_now = {item.message.message_id: [routed_object_id(one) for one in item.objects] for item in claims}
    wanted = {one for named in (*links.values(), *named_now.values()) for one in named}
    objects = _objects(connection, wanted)
    return {
        item.message.message_id: _letter(
            item,
            states.get(item.message.message_id),
            named_now[item.message.message_id],
            links.get(item.message.message_id, []),
            objects,
        )
        for item in claims
    }


def _letter(
    item: Claim,
    message: sa.Row[Any] | None,
    named_now: Sequence[str],
    linked: Sequence[str],
    objects: dict[str, NamedObject],
) -> KnownLetter:
    is_rejected = message is not None and message.state == MessageState.REJECTED
    return KnownLetter(
        is_known=message is not None,
        rejected=(message.reason or "") if message is not None and is_rejected else None,
        objects=tuple(objects[one] for one in dict.fromkeys([*named_now, *linked]) if one in objects),
        is_ingested=bool(named_now)
        and not item.rejected
        and all(one in objects and objects[one].state in INGESTED for one in (*named_now, *linked)),
    )


def _messages(connection: sa.Connection, queue: str, ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    found: dict[str, sa.Row[Any]] = {}
    for chunk in chunks(ids):
        query = sa.select(messages.c.message_id, messages.c.state, messages.c.reason).where(
            messages.c.queue == queue, messages.c.message_id.in_(chunk)
        )
        found |= {row.message_id: row for row in connection.execute(query)}
    return found


def _links(connection: sa.Connection, queue: str, ids: Iterable[str]) -> dict[str, list[str]]:
    """The object versions that each message named when it was claimed."""
    found: dict[str, list[str]] = {}
    for chunk in chunks(ids):
        query = (
            sa.select(message_objects.c.message_id, message_objects.c.object_id)
            .where(message_objects.c.queue == queue, message_objects.c.message_id.in_(chunk))
            .order_by(message_objects.c.message_id, message_objects.c.object_id)
        )
        for message_id, object_id in connection.execute(query):
            found.setdefault(message_id, []).append(object_id)
    return found


def _objects(connection: sa.Connection, ids: Iterable[str]) -> dict[str, NamedObject]:
    known = object_versions.c
    columns = (known.object_id, known.bucket, known.key, known.state, known.error_class, known.reason)
    found: dict[str, NamedObject] = {}
    for chunk in chunks(ids):
        for row in connection.execute(sa.select(*columns).where(known.object_id.in_(chunk))):
            found[row.object_id] = NamedObject(
                object_uri(row.bucket, row.key), ObjectState(row.state), row.error_class, row.reason
            )
    return found
