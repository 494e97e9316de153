"""Parses one record of an S3 event notification, as S3 itself writes it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.record import SkippedRecord
from ingest_project.sources.s3.record_fields import (
    MAX_TEXT_BYTES,
    etag,
    event_time,
    identified,
    quoted,
    section,
    sequencer,
    size_bytes,
    storable,
    text,
    version_id,
)

EVENT_SOURCES = frozenset({"aws:s3", "minio:s3"})
EVENT_VERSION = re.compile(r"2\.[0-9]{1,3}")
"""S3 adds fields in minor versions; only a new major version may change the meaning of the fields we read."""
EVENT_NAME = re.compile(r"(?:s3:)?(?P<family>[A-Za-z]{1,64})(?::[A-Za-z*]{1,64})?")
CREATED = "ObjectCreated"
OTHER_FAMILIES = frozenset(
    {
        "IntelligentTiering",
        "LifecycleExpiration",
        "LifecycleTransition",
        "ObjectAcl",
        "ObjectRemoved",
        "ObjectRestore",
        "ObjectTagging",
        "ReducedRedundancyLostObject",
        "Replication",
    }
)


def parse_s3_record(record: object) -> ObjectVersion | SkippedRecord:
    """The object version that a record announces, or the record as skipped if its event brings no new object.

    Raises NotAnS3Event for everything else, including unknown event names and major versions.
    """
    if not isinstance(record, dict):
        raise NotAnS3Event(f"the record is {quoted(record)}, not an object")
    source, version, name = (text(record, field) for field in ("eventSource", "eventVersion", "eventName"))
    if source not in EVENT_SOURCES:
        raise NotAnS3Event(f"eventSource {quoted(source)} is not S3")
    if not EVENT_VERSION.fullmatch(version):
        raise NotAnS3Event(f"eventVersion {quoted(version)} is unknown; known are 2.x")
    matched = EVENT_NAME.fullmatch(name)
    family = matched["family"] if matched else None
    if family in OTHER_FAMILIES:
        return SkippedRecord(name, f"{family} events bring no new object")
    if family != CREATED:
        raise NotAnS3Event(f"eventName {quoted(name)} is unknown")
    return _object_version(record)


def _object_version(record: Mapping[str, Any]) -> ObjectVersion:
    s3 = section(record, "s3")
    fields = section(s3, "object")
    return identified(
        ObjectVersion(
            bucket=text(section(s3, "bucket"), "name"),
            key=_decoded(text(fields, "key", max_bytes=3 * MAX_TEXT_BYTES)),
            size_bytes=size_bytes(fields),
            event_time=event_time(record, "eventTime"),
            version_id=version_id(fields, "versionId"),
            sequencer=sequencer(fields),
            etag=etag(fields, "eTag"),
        )
    )


def _decoded(key: str) -> str:
    """The key without its form encoding, which is removed once: `a+b%2Bc` is `a b+c`."""
    try:
        return storable(unquote_plus(key, errors="strict"), "key")
    except UnicodeDecodeError:
        raise NotAnS3Event(f"key {quoted(key)} does not decode to UTF-8") from None
