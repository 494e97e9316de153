"""The workload of a trial: objects whose every row says which write it came from, and the events that announce them.

Everything is a function of the trial's seed but for S3's own version ids. The events are made here and not by the
emulator, whose own carry neither a version id nor a sequencer of use; so their order, their copies and their delays
are the trial's to choose.
"""

import itertools
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

PLAIN_BUCKET = "plain-landing"
VERSIONED_BUCKET = "versioned-landing"
COLUMNS = {"write": "string", "row": "long", "customer_id": "long", "at": "timestamptz"}
AWKWARD_NAMES = ("part", "part +é", "part%2B", "a=b&c", "Tüte 100%")


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one key: what S3 holds, and what the events say of it."""

    bucket: str
    key: str
    number: int
    rows: int
    size_bytes: int
    etag: str
    version_id: str | None
    sequencer: str
    written_at: datetime

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """What the rows of this write say in their column `write`."""
        return name_of(self.key, self.number)

    @property
    def version(self) -> str:
        """The version under which the project must know this write."""
        return self.version_id or self.sequencer


def name_of(key: str, number: int) -> str:
    return f"{key}#{number}"


def body_of(key: str, number: int, rows: int) -> bytes:
    """NDJSON rows that name their write and count themselves."""
    lines = (
        json.dumps(
            {
                "write": name_of(key, number),
                "row": row,
                "customer_id": row % 7,
                "at": f"2026-11-{1 + row % 28:02d}T10:00:00Z",
            }
        )
        for row in range(rows)
    )
    return "".join(line + "\n" for line in lines).encode()


class Landing:
    """Writes objects under a prefix, and sends their events when and as often as the trial says."""

    def __init__(
        self,
        s3: "S3Client",
        sqs: "SQSClient",
        *,
        queue_url: str,
        bucket: str,
        prefix: str,
        rng: random.Random,
    ) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = bucket
        self._prefix = prefix
        self._rng = rng
        self._keys = itertools.count()
        self._writes: dict[str, int] = {}
        self._ticks = itertools.count(rng.randrange(16**6))

    def new_keys(self, count: int) -> list[str]:
        """Keys of several days, some with characters that S3's events encode."""
        return [self._new_key(next(self._keys)) for _ in range(count)]

    def write(self, key: str, *, rows: int | None = None, body: bytes | None = None) -> Write:
        """Put one object, and give what S3 made of it; no event is sent."""
        number = self._writes[key] = self._writes.get(key, 0) + 1
        rows = self._rng.randint(1, 40) if rows is None else rows
        content = body_of(key, number, rows) if body is None else body
        answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        return Write(
            bucket=self._bucket, key=key, number=number, rows=rows, size_bytes=len(content),
            etag=answer["ETag"].strip('"'), version_id=answer.get("VersionId"),
            sequencer=self._sequencer(), written_at=datetime.now(UTC),
        )  # fmt: skip

    def delete(self, write: Write, *, for_good: bool) -> None:
        """Delete the key, in a versioned bucket by a delete marker; or this very version, `for_good`."""
        if for_good and write.version_id is not None:
            self._s3.delete_object(Bucket=write.bucket, Key=write.key, VersionId=write.version_id)
        else:
            self._s3.delete_object(Bucket=write.bucket, Key=write.key)

    def announce(self, writes: Sequence[Write]) -> None:
        """Send one event for each write, in this order."""
        for start in range(0, len(writes), 10):
            self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(position), "MessageBody": json.dumps({"Records": [event_record(write)]})}
                    for position, write in enumerate(writes[start : start + 10])
                ],
            )

    def announce_together(self, writes: Sequence[Write]) -> None:
        """Send one message that names all of these writes."""
        body = json.dumps({"Records": [event_record(write) for write in writes]})
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)

    def _new_key(self, number: int) -> str:
        day = 1 + self._rng.randrange(28)
        return f"{self._prefix}dt=2026-11-{day:02d}/{self._rng.choice(AWKWARD_NAMES)}-{number:04d}.ndjson"

    def _sequencer(self) -> str:
        """Rising, hexadecimal, and of no fixed length, as S3's are: trailing zeros carry no meaning."""
        text = f"00{next(self._ticks):08X}"
        return text.rstrip("0") if self._rng.random() < 0.5 else f"{text}00"


def event_record(write: Write) -> dict[str, Any]:
    """The record that S3 itself would send for this write, its key encoded as S3 encodes it."""
    described = {
        "key": quote_plus(write.key, safe="/"),
        "size": write.size_bytes,
        "eTag": write.etag,
        "sequencer": write.sequencer,
    }
    if write.version_id is not None:
        described["versionId"] = write.version_id
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": write.written_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "eventName": "ObjectCreated:Put",
        "responseElements": {"x-amz-request-id": uuid.uuid4().hex},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "landing",
            "bucket": {"name": write.bucket, "arn": f"arn:aws:s3:::{write.bucket}"},
            "object": described,
        },
    }
