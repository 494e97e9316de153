"""Bodies in every envelope, from documents, from the emulator, and from anyone who may send to the queue."""

import json
from collections.abc import Callable

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.errors import NotAnS3Event
from ingest_project.sources.s3.notification import parse_notification
from ingest_project_tests.sources.factories import (
    direct,
    eventbridge_event,
    object_version,
    s3_record,
    through_sns,
)

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=256)
ENVELOPES: dict[str, Callable[[str], str]] = {
    "direct": lambda key: direct(s3_record(key)),
    "sns": lambda key: through_sns(direct(s3_record(key))),
    "eventbridge": lambda key: json.dumps(eventbridge_event(key)),
    "eventbridge through sns": lambda key: through_sns(json.dumps(eventbridge_event(key))),
}
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "acme-landing"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_every_envelope_gives_the_same_object_version(envelope: Callable[[str], str]) -> None:
    notification = parse_notification(envelope("orders/a b+c é%2B.json"))

    assert notification.objects == (object_version("orders/a b+c é%2B.json"),)
    assert (notification.skipped, notification.rejected) == ((), ())


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
@given(key=KEYS)
def test_any_key_survives_any_envelope(envelope: Callable[[str], str], key: str) -> None:
    (found,) = parse_notification(envelope(key)).objects

    assert found.key == key


@pytest.mark.parametrize("body", [TEST_EVENT, through_sns(TEST_EVENT)], ids=["direct", "sns"])
def test_the_test_event_of_a_new_notification_is_skipped(body: str) -> None:
    notification = parse_notification(body)

    assert notification.objects == ()
    assert [record.event_name for record in notification.skipped] == ["s3:TestEvent"]


def test_all_records_of_a_message_are_read() -> None:
    notification = parse_notification(direct(*(s3_record(f"orders/{n}.json") for n in range(3))))

    assert [found.key for found in notification.objects] == [
        "orders/0.json",
        "orders/1.json",
        "orders/2.json",
    ]


def test_a_bad_record_is_rejected_and_leaves_the_others_alone() -> None:
    removed = s3_record(eventName="ObjectRemoved:Delete")
    notification = parse_notification(direct(s3_record("good"), {"eventSource": "aws:s3"}, removed, None))

    assert [found.key for found in notification.objects] == ["good"]
    assert [record.event_name for record in notification.skipped] == ["ObjectRemoved:Delete"]
    assert [record.reason for record in notification.rejected] == [
        "eventVersion is missing",
        "the record is absent, not an object",
    ]


def test_skipped_records_keep_a_message_with_bad_ones_from_being_no_event() -> None:
    notification = parse_notification(direct(s3_record(eventName="ObjectRemoved:Delete"), {}))

    assert (len(notification.objects), len(notification.skipped), len(notification.rejected)) == (0, 1, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is not JSON: Expecting value"),
        ("order 66 has shipped", "the body is not JSON"),
        ("[" * 100_000, "the body is nested too deeply"),
        ('{"size": ' + "9" * 5_000 + "}", "the body is not JSON: Exceeds the limit"),
        ("null", "the body is absent, not an object"),
        ("[]", "the body is a list, not an object"),
        ('"text"', "the body is 'text', not an object"),
        ("{}", "Records is absent, not a list"),
        ('{"Records": {}}', "Records is an object, not a list"),
        ('{"Records": []}', "Records is empty"),
        (
            '{"Records": [1, 2]}',
            "none of 2 records can be read; the first: the record is a number, not an object",
        ),
        (json.dumps({"Type": "Notification", "Message": 7}), "the SNS message is a number, not a text"),
        (through_sns("hello"), "the SNS message is not JSON"),
        (through_sns(through_sns(direct(s3_record()))), "Records is absent, not a list"),
        (json.dumps({"Type": "SubscriptionConfirmation", "Token": "t"}), "Records is absent, not a list"),
    ],
)
def test_what_is_no_notification_says_why(body: str, reason: str) -> None:
    with pytest.raises(NotAnS3Event) as raised:
        parse_notification(body)

    assert raised.value.reason.startswith(reason)
    assert len(raised.value.reason) < 200


def test_the_reason_does_not_repeat_the_body() -> None:
    with pytest.raises(NotAnS3Event) as raised:
        parse_notification("card 4111-1111-1111-1111")

    assert "4111" not in str(raised.value)


@given(st.text())
def test_arbitrary_text_is_no_event_or_a_notification(body: str) -> None:
    only_not_an_s3_event(body)


@given(JSON)
def test_arbitrary_json_is_no_event_or_a_notification(value: object) -> None:
    only_not_an_s3_event(json.dumps(value))


@given(field=st.sampled_from(sorted(s3_record())), value=JSON)
def test_an_arbitrary_value_in_a_record_is_no_event_or_a_notification(field: str, value: object) -> None:
    only_not_an_s3_event(direct({**s3_record(), field: value}))


@given(field=st.sampled_from(["key", "size", "eTag", "versionId", "sequencer"]), value=JSON)
def test_an_arbitrary_value_in_an_object_is_no_event_or_a_notification(field: str, value: object) -> None:
    only_not_an_s3_event(direct(s3_record(object_fields={field: value})))


@given(field=st.sampled_from(sorted(eventbridge_event())), value=JSON)
def test_an_arbitrary_value_in_an_eventbridge_event_is_no_event_or_a_notification(
    field: str, value: object
) -> None:
    only_not_an_s3_event(json.dumps({**eventbridge_event(), field: value}))


@given(key=st.text() | st.text("%+0123456789ABCDEFabcdef é\ud800", min_size=1))
def test_every_object_that_is_read_can_be_stored(key: str) -> None:
    for found in only_not_an_s3_event(direct(s3_record(object_fields={"key": key}))):
        assert len(found.encode()) <= 1024
        assert "\0" not in found


def only_not_an_s3_event(body: str) -> list[str]:
    try:
        notification = parse_notification(body)
    except NotAnS3Event as error:
        error.reason.encode()
        return []
    assert notification.objects or notification.skipped
    return [found.key for found in notification.objects]


def test_the_emulator_s_own_notifications_are_read(aws: str) -> None:
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    url = sqs.create_queue(QueueName="landing")["QueueUrl"]
    s3.create_bucket(Bucket="acme-landing")
    s3.put_bucket_notification_configuration(
        Bucket="acme-landing",
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:landing", "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    etag = s3.put_object(Bucket="acme-landing", Key="orders/a b+c é%2B.json", Body=b"{}")["ETag"]

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    notifications = [parse_notification(message["Body"]) for message in messages]

    assert [skipped.event_name for one in notifications for skipped in one.skipped] == ["s3:TestEvent"]
    (found,) = (found for one in notifications for found in one.objects)
    assert (found.bucket, found.key, found.size_bytes) == ("acme-landing", "orders/a b+c é%2B.json", 2)
    assert (found.version_id, found.sequencer, found.version) == (None, None, etag.strip('"'))


@pytest.mark.parametrize("raw", ["true", "false"])
def test_the_emulator_s_notifications_through_sns_are_read(aws: str, raw: str) -> None:
    s3, sqs, sns = boto3.client("s3"), boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName="landing")["QueueUrl"]
    topic = sns.create_topic(Name="landing")["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:landing",
        Attributes={"RawMessageDelivery": raw},
    )
    s3.create_bucket(Bucket="acme-landing")
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(
        Bucket="acme-landing",
        NotificationConfiguration=configuration,  # type: ignore[arg-type]
    )
    s3.put_object(Bucket="acme-landing", Key="orders/a.json", Body=b"{}")

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

    notifications = [parse_notification(message["Body"]) for message in messages]
    assert [found.key for one in notifications for found in one.objects] == ["orders/a.json"]
