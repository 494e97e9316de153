"""The seam between the messages of a queue and the rooms above.

A source says what each message claims; a store has the contents of what was claimed. Messages are events of
S3, whose objects are the contents; or they are themselves the content, which the ledger keeps.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.s3.fetched import FetchResult
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.sqs.message import Message


@dataclass(frozen=True, slots=True)
class Claim:
    """One received message and what it names. With a reason in `rejected`, the message is never deleted."""

    message: Message
    objects: tuple[RoutedObject, ...]
    rejected: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """All reasons in one line; None if there are none."""
        return "; ".join(self.rejected) or None


class Source(Protocol):
    """What the messages of one queue are. `services.py` chooses it; the rooms above do not know it."""

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """The messages in the order in which they are claimed; there may not be time for all."""
        ...

    def claim(self, message: Message) -> Claim:
        """What the message names. Does not raise: what cannot be parsed is a reason in the claim."""
        ...


class StoredBody(Protocol):
    """The stored bytes of one object version, to be iterated over once. Any chunk may raise ObjectError."""

    @property
    def object(self) -> ObjectVersion: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def last_modified(self) -> datetime: ...
    def __iter__(self) -> Iterator[bytes]: ...


class ContentStore(Protocol):
    """Where a run reads the object versions of its batch; `ObjectStore` documents each method."""

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        """The bytes of these versions, and an error for each that could not be read."""
        ...

    def open(
        self, object_: ObjectVersion, *, max_object_bytes: int | None = None
    ) -> AbstractContextManager[StoredBody]:
        """The bytes of one version, chunk by chunk."""
        ...

    def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
        """The metadata of the current version or, if `pinned`, of this one."""
        ...
