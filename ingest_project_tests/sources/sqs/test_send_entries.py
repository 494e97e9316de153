"""What an entry may be: wrong types refuse all entries, wrong values fail their own."""

from typing import Any

import pytest

from ingest_project.errors import InvalidEntries
from ingest_project.sources.sqs.send_entries import SHOWN_PROBLEMS, SendLimits, parse_entries, refusal_of

NOT_A_VALUE = "not a mapping with DataType and StringValue or BinaryValue"
TEXT = {"DataType": "String", "StringValue": "v"}


def entry(**more: Any) -> dict[str, Any]:
    return {"Id": "a", "MessageBody": "x", **more}


def fault(given: Any) -> str:
    with pytest.raises(InvalidEntries) as raised:
        parse_entries([entry(Id="first"), given])
    (problem,) = raised.value.problems
    return problem.removeprefix("entry at position 1").removeprefix(" (Id 'a')")


def code(limits: SendLimits | None = None, **more: Any) -> str | None:
    (parsed,) = parse_entries([entry(**more)])
    refusal = refusal_of(parsed, limits or SendLimits())
    assert refusal is None or refusal.sender_fault
    return None if refusal is None else refusal.code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("text", ": it is a str, not a mapping"),
        ({"Id": 7, "MessageBody": "x"}, " (Id 7): Id is an int, not a string"),
        ({"Id": "a"}, ": MessageBody is missing"),
        ({"MessageBody": "x"}, ": Id is missing"),
        (entry(Id=""), " (Id ''): Id is empty"),
        (entry(MessageBody=None), ": MessageBody is None, not a string"),
        (entry(MessageBody=b"x"), ": MessageBody is a bytes, not a string"),
        (entry(Body="x"), ": unknown key 'Body'"),
        (entry(MessageGroupID="x"), ": unknown key 'MessageGroupID'; did you mean MessageGroupId?"),
        (entry(DelaySeconds="5"), ": DelaySeconds is a str, not an integer"),
        (entry(DelaySeconds=True), ": DelaySeconds is a bool, not an integer"),
        (entry(MessageGroupId=5), ": MessageGroupId is an int, not a string"),
        (entry(MessageAttributes=[TEXT]), ": MessageAttributes is a list, not a mapping"),
        (entry(MessageAttributes={1: TEXT}), ": MessageAttributes has a name that is an int, not a string"),
        (
            entry(MessageAttributes={"k": "v"}),
            f": MessageAttributes['k']: it is a str, {NOT_A_VALUE}",
        ),
        (
            entry(MessageAttributes={"k": {"StringValue": "v"}}),
            ": MessageAttributes['k']: DataType is None, not a string",
        ),
        (
            entry(MessageAttributes={"k": {"DataType": "Number", "StringValue": 5}}),
            ": MessageAttributes['k']: StringValue is an int, not a string",
        ),
        (
            entry(MessageAttributes={"k": {**TEXT, "BinaryValue": b"v"}}),
            ": MessageAttributes['k']: it needs either a StringValue or a BinaryValue",
        ),
        (
            entry(MessageSystemAttributes={"AWSTraceHeader": {**TEXT, "Value": "v"}}),
            ": MessageSystemAttributes['AWSTraceHeader']: unknown key 'Value'",
        ),
    ],
)
def test_wrong_type_is_refused_with_the_entry_and_the_reason(given: Any, expected: str) -> None:
    assert fault(given) == expected


def test_same_id_twice_is_refused_with_both_positions() -> None:
    with pytest.raises(InvalidEntries) as raised:
        parse_entries([entry(), entry(Id="b"), entry()])

    assert str(raised.value) == "entry at position 2 (Id 'a'): its Id is that of the entry at position 0 too"


def test_message_about_many_faults_stays_short() -> None:
    with pytest.raises(InvalidEntries) as raised:
        parse_entries([{"Id": n, "MessageBody": "x"} for n in range(10_000)])

    assert len(raised.value.problems) == SHOWN_PROBLEMS


def test_optional_keys_may_be_none_as_in_the_rows_of_a_frame() -> None:
    (parsed,) = parse_entries([
        entry(
            DelaySeconds=None, MessageGroupId=None, MessageDeduplicationId=None, Error=None,
            MessageAttributes={"k": None, "l": {**TEXT, "BinaryValue": None}},
        )
    ])  # fmt: skip

    assert parsed.request == {"MessageBody": "x", "MessageAttributes": {"l": TEXT}}


def test_size_is_that_of_body_and_attributes_in_utf8() -> None:
    attributes = {"né": {"DataType": "Binary.gif", "BinaryValue": b"123"}, "l": TEXT}

    (parsed,) = parse_entries(
        [entry(MessageBody="é€", MessageAttributes=attributes, MessageSystemAttributes={"t": TEXT})]
    )

    assert parsed.size_bytes == 5 + (3 + 10 + 3) + (1 + 6 + 1)


@pytest.mark.parametrize("body", ["\t\n\r ", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "ünï"])
def test_characters_that_sqs_allows_are_sent(body: str) -> None:
    assert code(MessageBody=body) is None


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_that_sqs_does_not_allow_fail_their_entry(character: str) -> None:
    assert code(MessageBody=f"ab{character}") == "InvalidMessageContents"
    assert code(MessageAttributes={"k": {**TEXT, "StringValue": character}}) == "InvalidMessageContents"


def test_values_out_of_range_fail_their_entry() -> None:
    eleven = {f"k{n}": TEXT for n in range(11)}

    assert code(MessageBody="") == "MissingParameter"
    assert code(DelaySeconds=900) is None
    assert code(DelaySeconds=901) == "InvalidParameterValue"
    assert code(DelaySeconds=-1) == "InvalidParameterValue"
    assert code(MessageAttributes=eleven) == "InvalidParameterValue"
    assert code(MessageAttributes={"k": {"DataType": "String", "StringValue": ""}}) == "InvalidParameterValue"
    assert code(MessageAttributes={"k": None}) is None
    assert code(SendLimits(max_message_bytes=1024), MessageBody="x" * 1024) is None
    assert code(SendLimits(max_message_bytes=1024), MessageBody="x" * 1025) == "InvalidParameterValue"


def test_fifo_queue_needs_a_group_and_takes_no_delay() -> None:
    fifo = SendLimits(is_fifo=True)

    assert code(fifo) == "MissingParameter"
    assert code(fifo, MessageGroupId="g") is None
    assert code(fifo, MessageGroupId="g", DelaySeconds=0) == "InvalidParameterValue"
