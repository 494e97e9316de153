"""One write of one key, as the rest of the project knows it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One write of one S3 key.

    `key` is decoded (`a b+c é%2B.json`, never `a+b%2Bc...`). `etag` has no quotes. `sequencer` is S3's hex text,
    comparable only within one key. `event_time` is UTC: when S3 finished the write. `size_bytes` is as stored.
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
        """What tells this write from others of the same key: the version id, else the sequencer, else the eTag."""
        return self.version_id or self.sequencer or self.etag or ""

    @property
    def uri(self) -> str:
        """`s3://bucket/key`, the key as it is, not encoded."""
        return f"s3://{self.bucket}/{self.key}"
