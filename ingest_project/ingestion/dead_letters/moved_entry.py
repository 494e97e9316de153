"""A message of a DLQ as an entry for its queue: the same body and attributes, and where it came from."""

from collections.abc import Mapping
from typing import Any

from ingest_project.ingestion.dead_letters.letter import DeadLetter
from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project.sources.sqs.batch_calls import Refusal
from ingest_project.sources.sqs.message import Message, MessageAttribute
from ingest_project.sources.sqs.send_entries import MAX_ATTRIBUTES, SendEntry, SendLimits, parse_entries

TRACE = "AWSTraceHeader"


NO_ROOM = "NoRoom"
LIST_VALUES = "ListValues"
"""The codes of what cannot be moved."""


def moved_entry(letter: DeadLetter, limits: SendLimits, *, needs_original_id: bool) -> SendEntry | Refusal:
    """The entry; or why the message cannot be moved: it needs the attribute and has no room, or has lists.

    Events of S3 are told apart by the object versions that they name, so they are moved without it then.
    """
    if (in_list := _in_list(letter.message)) is not None:
        reason = f"its attribute {in_list!r} has list values, which SQS does not take"
        return Refusal(LIST_VALUES, reason, sender_fault=True)
    own = {name: _attribute(value) for name, value in letter.message.message_attributes.items()}
    told = {ORIGINAL_ID: {"DataType": "String", "StringValue": letter.original_id}}
    entry = _entry(letter, own | told, limits)
    if (fault := _no_room(entry, limits)) is None:
        return entry
    if needs_original_id:
        reason = f"{fault}, so {ORIGINAL_ID} has no room; without it the message would be another row"
        return Refusal(NO_ROOM, reason, sender_fault=True)
    return _entry(letter, own, limits)


def _in_list(message: Message) -> str | None:
    """The first attribute with list values, of which a copy would lack them."""
    return next(
        (
            name
            for name, value in sorted(message.message_attributes.items())
            if value.string_list_values is not None or value.binary_list_values is not None
        ),
        None,
    )


def _no_room(entry: SendEntry, limits: SendLimits) -> str | None:
    if len(entry.request["MessageAttributes"]) > MAX_ATTRIBUTES:
        return f"it has {MAX_ATTRIBUTES} attributes, SQS's most"
    if entry.size_bytes > limits.max_message_bytes:
        return f"it is too close to the {limits.max_message_bytes:,} bytes that the queue takes"
    return None


def _entry(letter: DeadLetter, attributes: Mapping[str, Any], limits: SendLimits) -> SendEntry:
    message = letter.message
    entry: dict[str, Any] = {"Id": message.message_id, "MessageBody": message.body}
    if attributes:
        entry["MessageAttributes"] = dict(attributes)
    if TRACE in message.attributes:
        trace = {"DataType": "String", "StringValue": message.attributes[TRACE]}
        entry["MessageSystemAttributes"] = {TRACE: trace}
    if "MessageGroupId" in message.attributes:
        entry["MessageGroupId"] = message.attributes["MessageGroupId"]
    if limits.is_fifo:
        # Its id in the DLQ, not the first one: within five minutes SQS drops a second message with the same
        # deduplication id, also after the first one has been received, has failed, and is back in the DLQ.
        entry["MessageDeduplicationId"] = message.message_id
    (parsed,) = parse_entries([entry])
    return parsed


def _attribute(value: MessageAttribute) -> dict[str, Any]:
    return {
        "DataType": value.data_type, "StringValue": value.string_value, "BinaryValue": value.binary_value,
    }  # fmt: skip
