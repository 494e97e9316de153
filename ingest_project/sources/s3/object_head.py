"""S3's metadata of an object, without its bytes."""

from dataclasses import dataclass
from datetime import datetime

from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """S3's answer to a HEAD. `last_modified` is UTC, in whole seconds; `etag` has no quotes."""

    last_modified: datetime
    etag: str
    version_id: str | None
    size_bytes: int = 0

    def is_write(self, object_: ObjectVersion) -> bool:
        """Whether this is the given write; a write without version id and eTag is what the key holds."""
        if object_.is_versioned:
            return self.version_id == object_.version_id
        return object_.etag is None or self.etag == object_.etag
