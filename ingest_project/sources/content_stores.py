"""Where the contents of a batch are: in S3, or, for messages that are rows themselves, in the ledger."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ingest_project.sources.object_version import ObjectVersion, is_message
from ingest_project.sources.s3.fetched import FetchResult
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.source import ContentStore, StoredBody


@dataclass(frozen=True, slots=True)
class ContentStores:
    """Both stores as one. All objects of a batch are of one table, and so of one kind."""

    objects: ContentStore
    messages: ContentStore

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        """See ContentStore."""
        store = self._of(objects[0]) if objects else self.objects
        return store.fetch(objects, max_object_bytes=max_object_bytes, room_bytes=room_bytes)

    def open(
        self, object_: ObjectVersion, *, max_object_bytes: int | None = None
    ) -> AbstractContextManager[StoredBody]:
        """See ContentStore."""
        return self._of(object_).open(object_, max_object_bytes=max_object_bytes)

    def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
        """See ContentStore."""
        return self._of(object_).head(object_, pinned=pinned)

    def _of(self, object_: ObjectVersion) -> ContentStore:
        return self.messages if is_message(object_.bucket) else self.objects
