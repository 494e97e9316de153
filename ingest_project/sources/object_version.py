"""One write of one key, as the rest of the project knows it."""

from dataclasses import dataclass
from datetime import UTC, datetime

UNVERSIONED = "null"
"""The version id of a write while versioning is off or suspended; a later write gets the same id."""

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""The event time of a recovered version if it is only known to be older than all that comes."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One write of one S3 key.

    `key` is decoded (`a b+c é%2B.json`, never `a+b%2Bc...`). `etag` has no quotes. `sequencer` is S3's hex
    text, comparable only within one key. `event_time` is UTC: when S3 finished the write. `size_bytes` is as
    stored.
    """

    bucket: str
    key: str
    size_bytes: int
    event_time: datetime
    version_id: str | None = None
    sequencer: str | None = None
    etag: str | None = None

    @property
    def version(self) -> str:
        """What identifies this write within its key: the version id, else the sequencer or the eTag."""
        return self.version_id or self.sequencer or self.etag or ""

    @property
    def is_versioned(self) -> bool:
        """Whether S3 keeps this write, still readable, when the key is written again."""
        return self.version_id not in {None, UNVERSIONED}

    @property
    def uri(self) -> str:
        """`s3://bucket/key`; the key is not encoded."""
        return f"s3://{self.bucket}/{self.key}"
