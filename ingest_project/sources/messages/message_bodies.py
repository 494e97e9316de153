"""Where a run reads messages: from the ledger, which has kept them since they were claimed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.errors import ObjectMissing, ObjectTooLarge
from ingest_project.settings.model import TableSettings
from ingest_project.sources.messages.content import parsed_body
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import FetchedObject, FetchResult, ObjectFailure, Postponed
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.source import StoredBody

Kept = Callable[[str, Sequence[ObjectVersion]], Mapping[ObjectVersion, bytes]]
"""Returns the contents that the ledger keeps for a table, of these object versions."""
GONE = "the ledger does not keep this message any more; its next delivery brings it again"


@dataclass(frozen=True, slots=True)
class MessageBodies:
    """The contents of messages, as lines of JSON. `tables` are the tables of messages by their `bucket`."""

    tables: Mapping[str, TableSettings]
    kept: Kept

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        """The row of each message, and an error for each that is not kept any more.

        One that does not fit into the room that is left is postponed.
        """
        rows = self._rows(objects)
        fetched: list[FetchedObject] = []
        failures: list[ObjectFailure] = []
        postponed: list[Postponed] = []
        held_bytes = 0
        for one in objects:
            row = rows.get(one)
            if row is None:
                failures.append(ObjectFailure(one, ObjectMissing(one.uri, GONE)))
            elif max_object_bytes is not None and len(row) > max_object_bytes:
                reason = f"the message takes {len(row):,} bytes, more than {max_object_bytes:,}"
                failures.append(ObjectFailure(one, ObjectTooLarge(one.uri, reason)))
            elif room_bytes is not None and fetched and held_bytes + len(row) > room_bytes:
                postponed.append(Postponed(one, len(row)))
            else:
                held_bytes += len(row)
                fetched.append(FetchedObject(one, row, len(row), one.event_time, one.etag))
        return FetchResult(tuple(fetched), tuple(failures), tuple(postponed))

    def open(
        self, object_: ObjectVersion, *, max_object_bytes: int | None = None
    ) -> AbstractContextManager[StoredBody]:
        """One message as one chunk. Raises ObjectError."""
        found = self.fetch([object_], max_object_bytes=max_object_bytes)
        for failure in found.failures:
            raise failure.error
        return nullcontext(_InMemory(object_, found.fetched[0].body))

    def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
        """A message is never written again, so that there is nothing to compare it with."""
        raise ObjectMissing(object_.uri, "a message has no other versions")

    def _rows(self, objects: Sequence[ObjectVersion]) -> dict[ObjectVersion, bytes]:
        rows: dict[ObjectVersion, bytes] = {}
        for bucket in dict.fromkeys(one.bucket for one in objects):
            table = self.tables.get(bucket)
            if table is None:
                continue
            kept = self.kept(table.name, [one for one in objects if one.bucket == bucket])
            parse = parsed_body if table.parses_bodies else bytes
            rows |= {one: parse(content) for one, content in kept.items()}
        return rows


@dataclass(frozen=True, slots=True)
class _InMemory:
    object: ObjectVersion
    body: bytes = field(repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    @property
    def last_modified(self) -> datetime:
        return self.object.event_time

    def __iter__(self) -> Iterator[bytes]:
        yield self.body
