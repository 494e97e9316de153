"""One write of one key, as the rest of the project knows it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ingest_project.settings.message_tables import QUEUE_SCHEME

UNVERSIONED = "null"
"""The version id of a write while versioning is off or suspended; a later write gets the same id."""

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""The event time of a recovered version if it is only known to be older than all that comes."""


def object_uri(bucket: str, key: str) -> str:
    """`s3://bucket/key`, or `sqs://queue/message-id` for a message; the key is not encoded."""
    if bucket.startswith(QUEUE_SCHEME):
        return f"sqs://{bucket.removeprefix(QUEUE_SCHEME)}/{key}"
    return f"s3://{bucket}/{key}"


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The bucket and the key of `object_uri`; the key is not decoded."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return (f"{QUEUE_SCHEME}{bucket}" if scheme == "sqs" else bucket), key


def is_object_uri(text: str) -> bool:
    """Whether a text begins as a URI of `object_uri` does."""
    return text.startswith(("s3://", "sqs://"))


def is_message(bucket: str) -> bool:
    """Whether this `bucket` stands for a queue whose messages are themselves the content."""
    return bucket.startswith(QUEUE_SCHEME)


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One write of one S3 key; or one SQS message, with `sqs:` and its queue as bucket and its id as key.

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
        """`s3://bucket/key`, or `sqs://queue/message-id`; the key is not encoded."""
        return object_uri(self.bucket, self.key)
