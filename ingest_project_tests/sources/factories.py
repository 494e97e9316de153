"""Builders of what S3, SNS and EventBridge send, as their documents show it."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from ingest_project.sources.object_version import ObjectVersion

EVENT_TIME = datetime(2026, 11, 20, 13, 45, 30, 123_000, tzinfo=UTC)


def object_version(key: str = "orders/dt=2026-11-20/a.ndjson", **changes: Any) -> ObjectVersion:
    fields = {
        "bucket": "acme-landing",
        "key": key,
        "size_bytes": 1024,
        "event_time": EVENT_TIME,
        "version_id": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "sequencer": "0055AED6DCD90281E5",
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
    }
    return ObjectVersion(**{**fields, **changes})


def s3_record(
    key: str = "orders/a.ndjson", *, object_fields: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A record of event version 2.1. A field whose value is `...` is left out."""
    fields = {
        "key": quote_plus(key, safe="/"),
        "size": 1024,
        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
        "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "sequencer": "0055AED6DCD90281E5",
        **(object_fields or {}),
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-20T13:45:30.123Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "landing",
            "bucket": {"name": "acme-landing", "arn": "arn:aws:s3:::acme-landing"},
            "object": _without_left_out(fields),
        },
        **changes,
    }
    return _without_left_out(record)


def eventbridge_event(
    key: str = "orders/a.ndjson", *, object_fields: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """An event of detail version 0. A field whose value is `...` is left out."""
    fields = {
        "key": key,
        "size": 1024,
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "version-id": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "sequencer": "0055AED6DCD90281E5",
        **(object_fields or {}),
    }
    event = {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-20T13:45:30.123Z",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::acme-landing"],
        "detail": {
            "version": "0",
            "bucket": {"name": "acme-landing"},
            "object": _without_left_out(fields),
            "reason": "PutObject",
        },
        **changes,
    }
    return _without_left_out(event)


def direct(*records: object) -> str:
    return json.dumps({"Records": list(records)})


def through_sns(message: str) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-east-1:111122223333:landing",
            "Subject": "Amazon S3 Notification",
            "Message": message,
            "Timestamp": "2026-11-20T13:45:31.000Z",
        }
    )


def _without_left_out(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ...}
