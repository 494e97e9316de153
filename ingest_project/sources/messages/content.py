"""A message as a line of JSON: how the ledger keeps it, and how its table's rows are read from it.

What is kept is the row of a table of raw messages. A table of parsed bodies is read from the same content, so
that its settings may change until the row is committed.
"""

import base64
from collections.abc import Container
from datetime import UTC
from typing import Any

import msgspec

from ingest_project.settings.message_columns import BODY_COLUMNS, RECEIPT_HANDLE, columns_of_bodies
from ingest_project.sources.sqs.message import Message, MessageAttribute

RENAMED = "body"
"""The prefix for a field of a body that has the name of one of our columns."""


def content_of(
    message: Message, *, message_id: str, queue_arn: str, with_receipt_handle: bool = False
) -> bytes:
    """The message as JSON, on one line, with the columns of `settings/message_columns.py`.

    Raises UnicodeEncodeError if a text is not Unicode.
    """
    received_at = message.received_at.astimezone(UTC)
    row: dict[str, Any] = {
        "message_id": message_id,
        "body": message.body,
        "md5_of_body": message.md5_of_body,
        "md5_of_message_attributes": message.md5_of_message_attributes,
        "attributes": dict(message.attributes),
        "message_attributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "queue_arn": queue_arn,
        "aws_region": queue_arn.split(":")[3],
        "message_group_id": message.attributes.get("MessageGroupId"),
        "sequence_number": message.attributes.get("SequenceNumber"),
        "ingested_at": received_at.isoformat(),
        "ingested_date": received_at.date().isoformat(),
    }
    if with_receipt_handle:
        row[RECEIPT_HANDLE] = message.receipt_handle
    return msgspec.json.encode(row)


def parsed_body(content: bytes) -> bytes:
    """The row of a table of parsed bodies: the fields of the body, and the columns about the message.

    A body that is not a JSON object becomes a JSON string: a bad row, whose `raw` has the body.
    """
    row = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    body: str = msgspec.json.decode(row["body"])
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(body)
    ours = {f"_{name}": row[name] for name in row if name not in BODY_COLUMNS}
    ours = {name: value for name, value in ours.items() if name in KEPT}
    for name in ours.keys() & fields.keys():
        free_name = _free_name(name, fields)
        fields[free_name] = fields.pop(name)
    return _on_one_line(msgspec.json.encode(fields | ours))


KEPT = frozenset({*columns_of_bodies(), f"_{RECEIPT_HANDLE}"})


def _free_name(name: str, fields: Container[str]) -> str:
    while name in fields:
        name = f"{RENAMED}{name}"
    return name


def _on_one_line(document: bytes) -> bytes:
    """Line ends in valid JSON stand only between its tokens, where a blank means the same."""
    return document.replace(b"\n", b" ").replace(b"\r", b" ")


def _attribute(attribute: MessageAttribute) -> dict[str, Any]:
    value: dict[str, Any] = {"data_type": attribute.data_type}
    if attribute.string_value is not None:
        value["string_value"] = attribute.string_value
    if attribute.binary_value is not None:
        value["binary_value"] = _base64(attribute.binary_value)
    if attribute.string_list_values is not None:
        value["string_list_values"] = list(attribute.string_list_values)
    if attribute.binary_list_values is not None:
        value["binary_list_values"] = [_base64(one) for one in attribute.binary_list_values]
    return value


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
