"""A queue whose messages are rows: each claims itself, and brings its own content."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ingest_project.errors import UnroutableObject
from ingest_project.settings.message_tables import QUEUE_SCHEME
from ingest_project.settings.model import TableSettings
from ingest_project.sources.messages.content import content_of
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.partition_key import partition_key
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.md5 import NOT_UNICODE, md5_faults, md5_of_body
from ingest_project.sources.sqs.message import Message

ORIGINAL_ID: Final = "ingest.original_message_id"
"""The attribute of a redriven message that has its first id."""
MESSAGE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class RawMessages:
    """The source of one queue whose messages are rows of one table. Use it for one drain only.

    A message is known by queue, message id and the MD5 of its body. So nobody who sends messages can make
    another's message vanish by naming its id: only the same body counts as the same message.
    """

    table: TableSettings
    queue_arn: str
    with_receipt_handle: bool = False
    _held_groups: set[str] = field(default_factory=set)

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """By sequence number, in a FIFO queue; otherwise as they came."""
        return sorted(messages, key=lambda one: int(one.attributes.get("SequenceNumber") or 0))

    def claim(self, message: Message) -> Claim:
        """The message as one object version, with its content.

        It is rejected if it is not what SQS says was sent. Then later messages of its group wait too, in a
        FIFO queue: they would overtake it.
        """
        group = message.attributes.get("MessageGroupId") if "SequenceNumber" in message.attributes else None
        if group in self._held_groups:
            return Claim(message, (), (f"an earlier message of its group {group!r} could not be ingested",))
        if reasons := tuple(md5_faults(message)):
            if group is not None:
                self._held_groups.add(group)
            return Claim(message, (), reasons)
        try:
            return Claim(message, (self._routed(message),))
        except UnicodeEncodeError:  # in a text that has no MD5, such as an attribute's list values
            return Claim(message, (), (NOT_UNICODE,))
        except UnroutableObject as error:
            return Claim(message, (), (str(error),))

    def _routed(self, message: Message) -> RoutedObject:
        content = content_of(
            message,
            message_id=(message_id := original_id(message)),
            queue_arn=self.queue_arn,
            with_receipt_handle=self.with_receipt_handle,
        )
        version = ObjectVersion(
            bucket=f"{QUEUE_SCHEME}{self.table.queue}",
            key=message_id,
            size_bytes=len(content),
            event_time=message.sent_at,
            etag=md5_of_body(message.body),
        )
        partition = self.table.partition
        received = replace(version, event_time=message.received_at)
        key = None if partition is None else partition_key(partition, received)
        return RoutedObject(version, self.table.name, key, content=content)


def original_id(message: Message) -> str:
    """The id under which the message was first sent: its own, unless it was redriven."""
    told = message.message_attributes.get(ORIGINAL_ID)
    name = told.string_value if told is not None else None
    return name if name is not None and MESSAGE_ID.fullmatch(name) else message.message_id
