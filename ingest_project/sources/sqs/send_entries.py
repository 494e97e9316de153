"""Entries for a queue: mappings with SQS's own keys, checked before anything is sent.

A wrong type is an error of the program that made the entries, so it refuses all of them. A wrong value, such
as a body that is too long, fails its own entry only, as it does at SQS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ingest_project.errors import InvalidEntries
from ingest_project.settings.wording import clipped
from ingest_project.sources.sqs.batch_calls import Refusal
from ingest_project.sources.sqs.message import MessageAttribute

MAX_BATCH_BYTES = 1_048_576
"""The most bytes of one call, and of one message: the bodies with their attributes."""
MAX_ATTRIBUTES = 10
MAX_DELAY_SECONDS = 900
ERROR_KEY = "Error"
"""What a failed entry has besides SQS's keys; ignored here, so that a failed entry can be sent again."""
SHOWN_PROBLEMS = 10
_REQUIRED = ("Id", "MessageBody")
_TEXTS = ("MessageGroupId", "MessageDeduplicationId")
_ATTRIBUTES = ("MessageAttributes", "MessageSystemAttributes")
KEYS = (*_REQUIRED, "DelaySeconds", *_ATTRIBUTES, *_TEXTS)
_VALUES = {"StringValue": str, "BinaryValue": bytes}
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not allow, and SQS refuses: NUL and other control characters, surrogates, U+FFFE."""


@dataclass(frozen=True, slots=True)
class SendLimits:
    """What the queue accepts. A size is that of a body with its attributes."""

    max_message_bytes: int = MAX_BATCH_BYTES
    is_fifo: bool = False
    deduplicates_by_content: bool = False


@dataclass(frozen=True, slots=True)
class SendEntry:
    """One message to be sent. `given` is the caller's mapping, `request` what SQS gets, without the Id."""

    id: str
    given: Mapping[str, Any] = field(repr=False)
    request: Mapping[str, Any] = field(repr=False)
    size_bytes: int

    @property
    def body(self) -> str:
        body: str = self.request["MessageBody"]
        return body

    @property
    def group(self) -> str | None:
        return self.request.get("MessageGroupId")

    @property
    def attributes(self) -> dict[str, MessageAttribute]:
        """The message attributes, as a receiver gets them."""
        given = self.request.get("MessageAttributes", {})
        return {
            name: MessageAttribute(one["DataType"], one.get("StringValue"), one.get("BinaryValue"))
            for name, one in given.items()
        }


def parse_entries(entries: object) -> list[SendEntry]:
    """The entries, in their order. Raises InvalidEntries for wrong types, unknown keys and repeated Ids.

    An optional key may be None, which is what a frame has where a row has no value.
    """
    if isinstance(entries, str | bytes | bytearray | Mapping) or not isinstance(entries, Sequence):
        raise InvalidEntries([f"the entries are {_type(entries)}, not a list of entries"])
    parsed: list[SendEntry] = []
    problems: list[str] = []
    first_positions: dict[str, int] = {}
    for position, given in enumerate(entries):
        found = list(entry_problems(given))
        if not found:
            entry = _entry(given)
            first = first_positions.setdefault(entry.id, position)
            if first == position:
                parsed.append(entry)
            else:
                found = [f"its Id is that of the entry at position {first} too"]
        problems += [f"{_name(position, given)}: {one}" for one in found]
        if len(problems) >= SHOWN_PROBLEMS:
            break
    if problems:
        raise InvalidEntries(problems)
    return parsed


def refusal_of(entry: SendEntry, limits: SendLimits) -> Refusal | None:
    """Why SQS would not take this entry, as far as that is known before it is sent."""
    attributes = entry.request.get("MessageAttributes", {})
    delay = entry.request.get("DelaySeconds", 0)
    if not entry.body:
        return _wrong("MissingParameter", "the MessageBody is empty")
    if entry.size_bytes > limits.max_message_bytes:
        return _wrong(
            "InvalidParameterValue",
            f"body and attributes have {entry.size_bytes:,} bytes, and the queue takes "
            f"{limits.max_message_bytes:,}",
        )
    for what, text in _texts(entry):
        if (found := _FORBIDDEN.search(text)) is not None:
            return _wrong(
                "InvalidMessageContents",
                f"{what} has U+{ord(found[0]):04X} at {found.start()}, which SQS does not accept",
            )
    empty = [
        name for name, one in attributes.items() if not (one.get("StringValue") or one.get("BinaryValue"))
    ]
    if empty:
        return _wrong("InvalidParameterValue", f"the value of attribute {empty[0]!r} is empty")
    if len(attributes) > MAX_ATTRIBUTES:
        return _wrong(
            "InvalidParameterValue", f"{len(attributes)} attributes; SQS takes up to {MAX_ATTRIBUTES}"
        )
    if not 0 <= delay <= MAX_DELAY_SECONDS:
        return _wrong(
            "InvalidParameterValue", f"DelaySeconds {delay} is not within 0 and {MAX_DELAY_SECONDS}"
        )
    if limits.is_fifo and entry.group is None:
        return _wrong("MissingParameter", "a FIFO queue needs a MessageGroupId")
    if limits.is_fifo and "DelaySeconds" in entry.request:
        return _wrong("InvalidParameterValue", "a FIFO queue takes DelaySeconds for the whole queue only")
    return None


def entry_problems(given: object) -> Iterator[str]:
    """What is wrong with the types of this entry, a line for each fault."""
    if not isinstance(given, Mapping):
        yield f"it is {_type(given)}, not a mapping"
        return
    yield from _key_problems(given)
    yield from _text_problems(given)
    delay = given.get("DelaySeconds")
    if isinstance(delay, bool) or not isinstance(delay, int | None):
        yield f"DelaySeconds is {_type(delay)}, not an integer"
    for key in _ATTRIBUTES:
        if given.get(key) is not None:
            yield from _attribute_problems(key, given[key])


def _key_problems(given: Mapping[object, object]) -> Iterator[str]:
    for key in given:
        if key not in KEYS and key != ERROR_KEY:
            near = get_close_matches(str(key), KEYS, 1)
            yield f"unknown key {key!r}" + (f"; did you mean {near[0]}?" if near else "")
    yield from (f"{key} is missing" for key in _REQUIRED if key not in given)


def _text_problems(given: Mapping[str, object]) -> Iterator[str]:
    for key in (*_REQUIRED, *_TEXTS):
        value = given.get(key)
        if key in given and not isinstance(value, str) and not (value is None and key in _TEXTS):
            yield f"{key} is {_type(value)}, not a string"
    if given.get("Id") == "":
        yield "Id is empty"


def _attribute_problems(key: str, attributes: object) -> Iterator[str]:
    if not isinstance(attributes, Mapping):
        yield f"{key} is {_type(attributes)}, not a mapping"
        return
    for name, value in attributes.items():
        if not isinstance(name, str):
            yield f"{key} has a name that is {_type(name)}, not a string"
        elif value is not None:
            yield from (f"{key}[{name!r}]: {one}" for one in _value_problems(value))


def _value_problems(value: object) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"it is {_type(value)}, not a mapping with DataType and StringValue or BinaryValue"
        return
    if not isinstance(value.get("DataType"), str):
        yield f"DataType is {_type(value.get('DataType'))}, not a string"
    given = {name: value[name] for name in _VALUES if value.get(name) is not None}
    if len(given) != 1:
        yield "it needs either a StringValue or a BinaryValue"
    for name, one in given.items():
        if not isinstance(one, _VALUES[name]):
            yield f"{name} is {_type(one)}, not {'a string' if name == 'StringValue' else 'bytes'}"
    if unknown := [name for name in value if name not in {"DataType", *_VALUES}]:
        yield f"unknown key {unknown[0]!r}"


def _entry(given: Mapping[str, Any]) -> SendEntry:
    request = {key: given[key] for key in KEYS[1:] if given.get(key) is not None}
    for key in _ATTRIBUTES:
        if key in request:
            request[key] = {
                name: {part: one for part, one in value.items() if one is not None}
                for name, value in request[key].items()
                if value is not None
            }
            if not request[key]:
                del request[key]
    # System attributes do not count.
    size = _bytes(request["MessageBody"]) + sum(
        _bytes(name) + sum(map(_bytes, value.values()))
        for name, value in request.get("MessageAttributes", {}).items()
    )
    return SendEntry(given["Id"], given, request, size)


def _texts(entry: SendEntry) -> Iterator[tuple[str, str]]:
    yield "the MessageBody", entry.body
    for name, value in entry.request.get("MessageAttributes", {}).items():
        yield f"attribute {name!r}", value.get("StringValue", "")


def _bytes(value: str | bytes) -> int:
    if isinstance(value, bytes):
        return len(value)
    return len(value) if value.isascii() else len(value.encode(errors="surrogatepass"))


def _wrong(code: str, reason: str) -> Refusal:
    return Refusal(code, reason, sender_fault=True)


def _type(value: object) -> str:
    name = "None" if value is None else type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}" if value is not None else name


def _name(position: int, given: object) -> str:
    id_ = given.get("Id") if isinstance(given, Mapping) else None
    return f"entry at position {position}" + (f" (Id {clipped(repr(id_), 100)})" if id_ is not None else "")
