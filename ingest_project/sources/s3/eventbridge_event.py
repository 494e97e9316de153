"""Parses an S3 event as EventBridge delivers it: one object per event, with a key that is not encoded.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from collections.abc import Mapping
from typing import Any

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.record import SkippedRecord
from ingest_project.sources.s3.record_fields import (
    etag,
    event_time,
    identified,
    quoted,
    section,
    sequencer,
    size_bytes,
    text,
    version_id,
)

SOURCE = "aws.s3"
VERSION = "0"
CREATED = "Object Created"
OTHER_TYPES = frozenset(
    {
        "Object ACL Updated",
        "Object Access Tier Changed",
        "Object Deleted",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Restore Initiated",
        "Object Storage Class Changed",
        "Object Tags Added",
        "Object Tags Deleted",
    }
)


def parse_eventbridge_event(event: Mapping[str, Any]) -> ObjectVersion | SkippedRecord:
    """The object version that an event announces, or the event as skipped if it brings no new object.

    Raises NotAnS3Event for everything else, including other sources, unknown detail types and versions.
    """
    source, name = text(event, "source"), text(event, "detail-type")
    if source != SOURCE:
        raise NotAnS3Event(f"the EventBridge source {quoted(source)} is not S3")
    if name in OTHER_TYPES:
        return SkippedRecord(name, f"{name} events bring no new object")
    if name != CREATED:
        raise NotAnS3Event(f"the EventBridge detail type {quoted(name)} is unknown")
    detail = section(event, "detail")
    if (version := text(detail, "version")) != VERSION:
        raise NotAnS3Event(f"the EventBridge detail version {quoted(version)} is unknown; known is {VERSION}")
    return _object_version(event, detail)


def _object_version(event: Mapping[str, Any], detail: Mapping[str, Any]) -> ObjectVersion:
    fields = section(detail, "object")
    return identified(
        ObjectVersion(
            bucket=text(section(detail, "bucket"), "name"),
            key=text(fields, "key"),
            size_bytes=size_bytes(fields),
            event_time=event_time(event, "time"),
            version_id=version_id(fields, "version-id"),
            sequencer=sequencer(fields),
            etag=etag(fields, "etag"),
        )
    )
