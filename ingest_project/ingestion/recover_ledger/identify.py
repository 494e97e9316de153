"""Finds which write of a key a row's `_source_version` names, and its order among the key's other writes.

The column holds a version id, else a sequencer, else an eTag, and does not say which. The identity is the
text itself: whatever it is, the same event finds the object version known when it comes again. What must be
found is the order: an event of a *newer* write, in flight when the ledger was lost, must replace these rows,
and one of an *older* write must not. If both cannot be guaranteed, newer writes are preferred: their rows
would be lost silently, while an older write that is tried again fails visibly.

- **A version id that S3 lists.** Its time is S3's LastModified, which is never later than the event's own
  time, so every newer write has a later time. LastModified is in whole seconds, so an older write of the same
  second could seem newer: S3 lists a key's versions in order, and those after this one are returned as
  `older`, to be recorded as superseded.
- **An eTag that S3 lists** (a rebuild ingested the object, or the store sends neither ids nor sequencers):
  the same, by the newest write of these bytes that existed when the rows were ingested.
- **A sequencer** has an exact order against all events that have one. Against the others, which only a
  listing brings, the time of the current object counts if the rows were ingested after it; else it is treated
  as the next case.
- **A write that S3 no longer lists.** Its time is unknown, so it counts as older than all that comes. An
  older event may then be tried again: a bucket without versions does not have its bytes any more, and the
  read, which is pinned to the eTag, fails as `overwritten`; the rows stay.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest_project.sources.object_version import UNKNOWN_TIME, ObjectVersion
from ingest_project.sources.s3.versions import ListedVersion

ETAG = re.compile(r"[0-9a-fA-F]{32}(-[0-9]{1,5})?")
SEQUENCER = re.compile(r"[0-9A-Fa-f]{16,31}")


@dataclass(frozen=True, slots=True)
class Identified:
    """The write, perhaps with `UNKNOWN_TIME`, and the listed writes that are known to be older."""

    object: ObjectVersion
    older: tuple[ListedVersion, ...] = ()


def identify(
    bucket: str, key: str, version: str, *, ingested_at: datetime, listed: Sequence[ListedVersion]
) -> Identified:
    """The write that a row's `_source_version` names. `listed` is what S3 lists of the key, newest first."""
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
