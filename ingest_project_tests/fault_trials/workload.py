"""The workload of a trial: objects whose every row says which write it came from, and the events that
announce them.

Everything is a function of the trial's seed but for S3's own version ids. The events are made here and not by
the emulator, whose own carry neither a version id nor a sequencer of use; so their order, their copies and
their delays are the trial's to choose.
"""

import itertools
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

PLAIN_BUCKET = "plain-landing"
VERSIONED_BUCKET = "versioned-landing"
ARCHIVE_BUCKET = "archive"
"""Where `after: move` moves objects to."""
MENDED_TIMES = {"type": "timestamptz", "format": ["iso", "%d.%m.%Y %H:%M"], "timezone": "UTC"}
COLUMNS = {"write": "string", "row": "long", "customer_id": "long", "at": "timestamptz"}
FOREIGN_TIME = ".11.2026 10:00"
BAD_LINES = (
    '{"write": "cut off, "row"',
    "\\x00 no JSON",
    '{"write": "%s", "row": "one"}',
    '{"write": "%s", "at": "?"}',
)
"""The first two are not JSON, the others have a value of another type."""
ONLY_BAD_SHARE = 0.15
"""Of the objects with bad lines, those that have no other."""
AWKWARD_NAMES = ("part", "part +é", "part%2B", "a=b&c", "Tüte 100%")


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one key: what S3 holds, and what the events say of it.

    Of its lines, counted from 1, `bad_lines` must be in quarantine, and the `rows` others in the table. The
    settings of most tables cannot read the times of `foreign_times`, which are among the bad lines for them.
    """

    bucket: str
    key: str
    number: int
    rows: int
    size_bytes: int
    etag: str
    version_id: str | None
    sequencer: str
    written_at: datetime
    bad_lines: frozenset[int] = frozenset()
    foreign_times: frozenset[int] = frozenset()

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

    def as_listed(self) -> "Write":
        """The same write, identified by its eTag, as a rebuild records it without an event."""
        return replace(self, version_id=None, sequencer=self.etag)

    def once_mended(self) -> "Write":
        """What must be in table and quarantine once the settings can read all times."""
        return replace(
            self, rows=self.rows + len(self.foreign_times), bad_lines=self.bad_lines - self.foreign_times,
            foreign_times=frozenset(),
        )  # fmt: skip


def name_of(key: str, number: int) -> str:
    return f"{key}#{number}"


@dataclass(frozen=True, slots=True)
class Body:
    """An object's lines, and which of them are bad: for good, or until the settings read their times."""

    content: bytes
    rows: int
    bad_lines: frozenset[int] = frozenset()
    foreign_times: frozenset[int] = frozenset()


def body_of(key: str, number: int, rows: int, *, bad: Sequence[str] = (), foreign_times: int = 0) -> Body:
    """NDJSON rows that name their write and count themselves, these bad lines spread among them.

    The last rows have times that only `MENDED_TIMES` reads; `rows` of the result leaves them out.
    """
    name = name_of(key, number)
    lines = [_line(name, row, is_foreign=row >= rows - foreign_times) for row in range(rows)]
    bad_lines: set[int] = set()
    for count, text in enumerate(bad):
        place = (count * 7) % (len(lines) + 1)
        bad_lines = {line + (line > place) for line in bad_lines} | {place + 1}
        lines.insert(place, text.replace("%s", name))
    foreign = {number for number, line in enumerate(lines, 1) if FOREIGN_TIME in line}
    return Body(
        "".join(line + "\n" for line in lines).encode(), rows - len(foreign),
        frozenset(bad_lines | foreign), frozenset(foreign),
    )  # fmt: skip


def _line(name: str, row: int, *, is_foreign: bool) -> str:
    day = 1 + row % 28
    at = f"{day:02d}{FOREIGN_TIME}" if is_foreign else f"2026-11-{day:02d}T10:00:00Z"
    return json.dumps({"write": name, "row": row, "customer_id": row % 7, "at": at})


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
        bad_share: float = 0.0,
    ) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = bucket
        self._prefix = prefix
        self._rng = rng
        self._bad_share = bad_share
        self._keys = itertools.count()
        self._writes: dict[str, int] = {}
        self._ticks = itertools.count(rng.randrange(16**6))

    def new_keys(self, count: int) -> list[str]:
        """Keys of several days, some with characters that S3's events encode."""
        return [self._new_key(next(self._keys)) for _ in range(count)]

    def write(
        self, key: str, *, rows: int | None = None, body: bytes | None = None, foreign_times: int = 0
    ) -> Write:
        """Put one object, and give what S3 made of it; no event is sent. A share of them has bad lines."""
        number = self._writes[key] = self._writes.get(key, 0) + 1
        made = self._body(key, number, rows, foreign_times) if body is None else Body(body, rows or 0)
        answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=made.content)
        return Write(
            bucket=self._bucket, key=key, number=number, rows=made.rows, size_bytes=len(made.content),
            etag=answer["ETag"].strip('"'), version_id=answer.get("VersionId"),
            sequencer=self._sequencer(), written_at=datetime.now(UTC), bad_lines=made.bad_lines,
            foreign_times=made.foreign_times,
        )  # fmt: skip

    def _body(self, key: str, number: int, rows: int | None, foreign_times: int) -> Body:
        rng = self._rng
        count = rng.randint(1, 40) if rows is None else rows
        bad: list[str] = []
        if count and rng.random() < self._bad_share:
            bad = rng.choices(BAD_LINES, k=rng.randint(1, 4))
            if rows is None and rng.random() < ONLY_BAD_SHARE:
                count, bad = (
                    0,
                    rng.choices(BAD_LINES[2:], k=3),
                )  # were none of them JSON, the object would fail
        return body_of(key, number, count, bad=bad, foreign_times=min(foreign_times, count))

    def delete(self, write: Write, *, for_good: bool) -> None:
        """Delete the key, in a versioned bucket by a delete marker; or this very version, `for_good`."""
        if for_good and write.version_id is not None:
            self._s3.delete_object(Bucket=write.bucket, Key=write.key, VersionId=write.version_id)
        else:
            self._s3.delete_object(Bucket=write.bucket, Key=write.key)

    def announce(self, writes: Sequence[Write], *, queue_url: str | None = None) -> None:
        """Send one event for each write, in this order; to the trial's queue, or to another one."""
        for start in range(0, len(writes), 10):
            self._sqs.send_message_batch(
                QueueUrl=queue_url or self._queue_url,
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
