"""Which write of a key a row's `_source_version` names, and how it orders among the key's other writes.

The column holds a version id, else a sequencer, else an eTag, and does not say which. The identity is the text
itself, so whatever it is, the same event coming again finds the object version known. What has to be told is the
order: an event of a *newer* write, in flight when the ledger was lost, must replace these rows, and one of an *older*
write must not. Where both cannot be had, the newer one's rows come first, for these would be lost without a word, while
an older write that is tried in vain says so:

- **A version id that S3 lists.** Its time is S3's LastModified, which is never later than the event's own time, so
  every newer write is newer still. LastModified is cut to the second, so an older write of the same second could
  seem newer: S3 lists a key's versions in their order, and those behind this one are given as `older`, to be
  recorded as superseded.
- **An eTag that S3 lists** (a rebuild ingested the object, or the store sends neither ids nor sequencers): likewise, by
  the newest write of these bytes that had been made when the rows were ingested.
- **A sequencer** orders exactly against all events that have one. Against the others, which only a listing brings,
  the time of the current object counts, if the rows were ingested after it; else as below.
- **Whatever S3 lists no more.** Nothing tells when it was written, so it counts as older than all that comes. An older
  event may then be tried again: its bytes are gone from a bucket without versions, and the reading, which is pinned to
  the eTag, fails as `overwritten`; the rows stay.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_project.batches.history import UNKNOWN_TIME
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.fetch.versions import ListedVersion

ETAG = re.compile(r"[0-9a-fA-F]{32}(-[0-9]{1,5})?")
SEQUENCER = re.compile(r"[0-9A-Fa-f]{16,31}")


@dataclass(frozen=True, slots=True)
class Identified:
    """The write, and the listed writes of its key that are known to be older. Its time is `UNKNOWN_TIME` if so."""

    object: ObjectVersion
    older: tuple[ListedVersion, ...] = ()


def identify(
    bucket: str, key: str, version: str, *, ingested_at: datetime, listed: Sequence[ListedVersion]
) -> Identified:
    """The write that a row's `_source_version` names, by what S3 lists of the key, newest first."""
    for place, one in enumerate(listed):
        if one.version_id == version:
            return Identified(_written(one, version_id=version, etag=one.etag), tuple(listed[place + 1 :]))
    for place, one in enumerate(listed):
        if one.etag == version and one.last_modified <= ingested_at:
            return Identified(_written(one, etag=version), tuple(listed[place + 1 :]))
    if SEQUENCER.fullmatch(version):
        at = next((one.last_modified for one in listed[:1] if one.last_modified <= ingested_at), UNKNOWN_TIME)
        return Identified(ObjectVersion(bucket, key, 0, at, sequencer=version))
    if ETAG.fullmatch(version):
        return Identified(ObjectVersion(bucket, key, 0, UNKNOWN_TIME, etag=version))
    return Identified(ObjectVersion(bucket, key, 0, UNKNOWN_TIME, version_id=version))


def _written(one: ListedVersion, *, etag: str, version_id: str | None = None) -> ObjectVersion:
    return ObjectVersion(
        bucket=one.bucket,
        key=one.key,
        size_bytes=one.size_bytes,
        event_time=one.last_modified,
        version_id=version_id,
        etag=etag,
    )
