"""Parses the body of an SQS message as an S3 event notification, in any envelope.

This is where a message becomes object versions. The ways from S3 to a queue, and the body of each:

    S3 -> SQS, S3 -> SNS (raw delivery) -> SQS       {"Records": [...]}
    S3 -> SNS -> SQS                                 {"Type": "Notification", "Message": "<the same as text>"}
    S3 -> EventBridge -> SQS                         {"detail-type": "Object Created", "detail": {...}}
    S3 -> EventBridge -> SNS -> SQS                  the EventBridge event as the text of an SNS message
    S3, when a notification is configured            {"Event": "s3:TestEvent"}, by itself or in SNS's envelope
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest_project.errors import NotAnS3Event
from ingest_project.settings.clocks import AWS_CLOCK_SKEW
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.eventbridge_event import parse_eventbridge_event
from ingest_project.sources.s3.record import RejectedRecord, SkippedRecord
from ingest_project.sources.s3.record_fields import quoted
from ingest_project.sources.s3.s3_record import parse_s3_record

TEST_EVENT = "s3:TestEvent"


@dataclass(frozen=True, slots=True)
class Notification:
    """What one message says: objects to ingest, records to skip, and records that cannot be parsed.

    The objects are ingested whatever else the message holds. It may be deleted after they are settled, but
    never if `rejected` is not empty.
    """

    objects: tuple[ObjectVersion, ...]
    skipped: tuple[SkippedRecord, ...] = ()
    rejected: tuple[RejectedRecord, ...] = ()


def parse_notification(body: str) -> Notification:
    """The notification in a message's body, in any of the envelopes above.

    Raises NotAnS3Event, and no other error, if not a single record can be parsed. Its reason quotes at most a
    few dozen characters of single fields, never the body.
    """
    content = _json_object(body, "the body")
    if content.get("Type") == "Notification" and "Message" in content:
        content = _sns_message(content["Message"])
    if content.get("Event") == TEST_EVENT:
        return Notification((), skipped=(SkippedRecord(TEST_EVENT, "S3 sends it to test a notification"),))
    if "detail-type" in content:
        return _notification([parse_eventbridge_event(content)], [])
    return _direct(content)


def check_time(item: ObjectVersion, *, sent_at: datetime) -> None:
    """Raises NotAnS3Event if the write's time is later than SQS, by its own clock, took the message."""
    if item.event_time > sent_at + AWS_CLOCK_SKEW:
        raise NotAnS3Event(
            f"by its event, key {quoted(item.key)} was written at {item.event_time:%Y-%m-%d %H:%M:%S} UTC, "
            f"but SQS took the message at {sent_at:%Y-%m-%d %H:%M:%S} UTC"
        )


def _direct(content: Mapping[str, Any]) -> Notification:
    records = content.get("Records")
    if not isinstance(records, list):
        raise NotAnS3Event(f"Records is {quoted(records)}, not a list")
    if not records:
        raise NotAnS3Event("Records is empty")
    read: list[ObjectVersion | SkippedRecord] = []
    rejected: list[RejectedRecord] = []
    for record in records:
        try:
            read.append(parse_s3_record(record))
        except NotAnS3Event as error:
            rejected.append(RejectedRecord(error.reason))
    if not read:
        raise NotAnS3Event(_of_many(rejected[0].reason, len(rejected)))
    return _notification(read, rejected)


def _notification(
    read: Sequence[ObjectVersion | SkippedRecord], rejected: Sequence[RejectedRecord]
) -> Notification:
    return Notification(
        objects=tuple(one for one in read if isinstance(one, ObjectVersion)),
        skipped=tuple(one for one in read if isinstance(one, SkippedRecord)),
        rejected=tuple(rejected),
    )


def _of_many(reason: str, records: int) -> str:
    return reason if records == 1 else f"none of {records} records can be read; the first: {reason}"


def _sns_message(message: object) -> Mapping[str, Any]:
    if not isinstance(message, str):
        raise NotAnS3Event(f"the SNS message is {quoted(message)}, not a text")
    return _json_object(message, "the SNS message")


def _json_object(text: str, name: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        # Also numbers of thousands of digits, which Python refuses to convert.
        raise NotAnS3Event(f"{name} is not JSON: {error}") from error
    except RecursionError as error:
        raise NotAnS3Event(f"{name} is nested too deeply") from error
    if not isinstance(value, dict):
        raise NotAnS3Event(f"{name} is {quoted(value)}, not an object")
    return value
