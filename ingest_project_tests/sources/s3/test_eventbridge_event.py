"""S3 events as EventBridge delivers them: what is read, skipped and refused."""

from typing import Any

import pytest

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.eventbridge_event import parse_eventbridge_event
from ingest_project.sources.s3.record import SkippedRecord
from ingest_project_tests.sources.factories import eventbridge_event, object_version


def test_every_field_is_read() -> None:
    assert parse_eventbridge_event(eventbridge_event("orders/a.json")) == object_version("orders/a.json")


@pytest.mark.parametrize("key", ["a+b%2Bc", "a b", "orders%2Fa.json"])
def test_keys_are_taken_as_they_are(key: str) -> None:
    found = parse_eventbridge_event(eventbridge_event(key))

    assert isinstance(found, ObjectVersion)
    assert found.key == key


@pytest.mark.parametrize(
    "name", ["Object Deleted", "Object Restore Completed", "Object Tags Added", "Object ACL Updated"]
)
def test_events_that_bring_no_object_are_skipped(name: str) -> None:
    skipped = parse_eventbridge_event({**eventbridge_event(), "detail-type": name})

    assert skipped == SkippedRecord(name, f"{name} events bring no new object")


def test_a_bucket_without_versions_falls_back_to_the_sequencer() -> None:
    found = parse_eventbridge_event(eventbridge_event(object_fields={"version-id": ...}))

    assert isinstance(found, ObjectVersion)
    assert found.version == "0055AED6DCD90281E5"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": "aws.ec2"}, "the EventBridge source 'aws.ec2' is not S3"),
        (
            {"detail-type": "AWS API Call via CloudTrail"},
            "the EventBridge detail type 'AWS API Call via CloudTrail' is unknown",
        ),
        ({"detail-type": []}, "detail-type is a list, not a text"),
        ({"detail": ...}, "detail is absent, not an object"),
        ({"detail": {"version": "1"}}, "the EventBridge detail version '1' is unknown; known is 0"),
        ({"detail": {"version": "0", "object": {}}}, "bucket is absent, not an object"),
        ({"time": 1763646330.5}, "time is a number, not a text"),
        ({"object_fields": {"key": ...}}, "key is missing"),
        ({"object_fields": {"key": "a\ud800"}}, "key 'a\\ud800' is not valid Unicode"),
        (
            {"object_fields": {"version-id": ..., "sequencer": ..., "etag": ...}},
            "key 'orders/a.ndjson' has no version id, no sequencer and no eTag",
        ),
    ],
)
def test_an_event_that_is_not_as_documented_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotAnS3Event) as raised:
        parse_eventbridge_event(eventbridge_event(**changes))

    assert raised.value.reason == reason
