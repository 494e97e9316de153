"""S3's own records: what is read from them, what is skipped by rule, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.record import SkippedRecord
from ingest_project.sources.s3.s3_record import parse_s3_record
from ingest_project_tests.sources.factories import object_version, s3_record


def parsed(record: object) -> ObjectVersion:
    found = parse_s3_record(record)
    assert isinstance(found, ObjectVersion)
    return found


def test_every_field_is_read() -> None:
    assert parsed(s3_record("orders/a.json")) == object_version("orders/a.json")


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b%2Bc+%C3%A9%252B.json", "a b+c é%2B.json"),
        ("orders%2F2026%2Fa.json", "orders/2026/a.json"),
        ("a%20b", "a b"),
        ("é+ü", "é ü"),
        ("100%", "100%"),
    ],
)
def test_keys_are_decoded_exactly_once(encoded: str, key: str) -> None:
    assert parsed(s3_record(object_fields={"key": encoded})).key == key


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:Put",
        "s3:ObjectCreated:Put",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectCreated:Copy",
        "ObjectCreated:Post",
    ],
)
def test_every_way_to_create_an_object_brings_it(name: str) -> None:
    assert parsed(s3_record(eventName=name)).bucket == "acme-landing"


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "ObjectRestore:Completed",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "LifecycleExpiration:Delete",
        "LifecycleTransition",
        "IntelligentTiering",
        "Replication:OperationFailedReplication",
        "s3:ReducedRedundancyLostObject",
    ],
)
def test_events_that_bring_no_object_are_skipped(name: str) -> None:
    skipped = parse_s3_record(s3_record(eventName=name, eventVersion="2.3"))

    assert isinstance(skipped, SkippedRecord)
    assert skipped.event_name == name
    assert skipped.reason.endswith("events bring no new object")


@pytest.mark.parametrize("version_id", ["null", "", None, ...])
def test_a_bucket_without_versions_falls_back_to_the_sequencer(version_id: Any) -> None:
    found = parsed(s3_record(object_fields={"versionId": version_id}))

    assert (found.version_id, found.version) == (None, "0055AED6DCD90281E5")


def test_quotes_around_the_etag_are_stripped() -> None:
    found = parsed(s3_record(object_fields={"eTag": '"abc-2"', "versionId": ..., "sequencer": ...}))

    assert (found.etag, found.version) == ("abc-2", "abc-2")


def test_a_missing_size_is_zero() -> None:
    assert parsed(s3_record(object_fields={"size": ...})).size_bytes == 0


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-11-20T13:45:30.123Z", datetime(2026, 11, 20, 13, 45, 30, 123_000, tzinfo=UTC)),
        ("2026-11-20T13:45:30.123987Z", datetime(2026, 11, 20, 13, 45, 30, 123_000, tzinfo=UTC)),
        ("2026-11-20T13:45:30Z", datetime(2026, 11, 20, 13, 45, 30, tzinfo=UTC)),
        ("2026-11-20T15:45:30+02:00", datetime(2026, 11, 20, 13, 45, 30, tzinfo=UTC)),
        ("2026-11-20T13:45:30", datetime(2026, 11, 20, 13, 45, 30, tzinfo=UTC)),
    ],
)
def test_the_event_time_is_utc_to_the_millisecond(written: str, time: datetime) -> None:
    found = parsed(s3_record(eventTime=written))

    assert found.event_time == time
    assert found.event_time.tzinfo is UTC


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"eventName": "ObjectTeleported:Put"}, "eventName 'ObjectTeleported:Put' is unknown"),
        (
            {"eventName": "ObjectCreated:Put\nObjectRemoved"},
            "eventName 'ObjectCreated:Put\\nObjectRemoved' is unknown",
        ),
        ({"eventName": "x" * 500}, f"eventName '{'x' * 40}'... is unknown"),
        ({"eventVersion": "3.0"}, "eventVersion '3.0' is unknown; known are 2.x"),
        ({"eventVersion": "21"}, "eventVersion '21' is unknown; known are 2.x"),
        ({"eventVersion": 2.1}, "eventVersion is a number, not a text"),
        ({"eventSource": "aws:sns"}, "eventSource 'aws:sns' is not S3"),
        ({"eventSource": ...}, "eventSource is missing"),
        ({"eventTime": "yesterday"}, "eventTime 'yesterday' is not a time"),
        ({"eventTime": "0001-01-01T00:00:00+23:59"}, "eventTime '0001-01-01T00:00:00+23:59' is not a time"),
        ({"eventTime": ...}, "eventTime is missing"),
        ({"s3": ...}, "s3 is absent, not an object"),
        ({"s3": {"object": {}, "bucket": {}}}, "name is missing"),
        ({"s3": {"object": [], "bucket": {}}}, "object is a list, not an object"),
    ],
)
def test_a_record_that_is_not_as_documented_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotAnS3Event) as raised:
        parse_s3_record(s3_record(**changes))

    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"key": ...}, "key is missing"),
        ({"key": ""}, "key is missing"),
        ({"key": 7}, "key is a number, not a text"),
        ({"key": "a%FF"}, "key 'a%FF' does not decode to UTF-8"),
        ({"key": "a%ED%A0%80"}, "key 'a%ED%A0%80' does not decode to UTF-8"),
        ({"key": "a\ud800"}, "key 'a\\ud800' is not valid Unicode"),
        ({"key": "a%00b"}, "key 'a\\x00b' contains a NUL character"),
        ({"key": "k" * 1025}, f"key '{'k' * 40}'... has 1025 bytes; at most 1024 are possible"),
        ({"size": "12"}, "size is '12', not a whole number"),
        ({"size": True}, "size is a boolean, not a whole number"),
        ({"size": 1.5}, "size is a number, not a whole number"),
        ({"size": None}, "size is absent, not a whole number"),
        ({"size": -1}, "size is out of range"),
        ({"size": 2**63}, "size is out of range"),
        ({"eTag": 1}, "eTag is a number, not a text"),
        ({"versionId": {}}, "versionId is an object, not a text"),
        (
            {"versionId": "null", "sequencer": ..., "eTag": '""'},
            "key 'orders/a.ndjson' has no version id, no sequencer and no eTag",
        ),
    ],
)
def test_an_object_that_is_not_as_documented_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotAnS3Event) as raised:
        parse_s3_record(s3_record(object_fields=fields))

    assert raised.value.reason == reason


def test_a_key_may_be_three_times_as_long_while_it_is_encoded() -> None:
    key = "é" * 512

    assert parsed(s3_record(key)).key == key
