"""What a queue returns to the rest of the project: messages, receipts, and the outcome of a batch call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """The right to delete a message, or to change its visibility, until it is received again."""

    message_id: str
    receipt_handle: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One attribute that the sender of a message has set, with SQS's names of the values."""

    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None
    string_list_values: tuple[str, ...] | None = None
    binary_list_values: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One received SQS message. Times are UTC.

    The last four are only there for `whole_messages` (see Queue): SQS's attributes, the sender's attributes,
    and SQS's MD5s of body and attributes.
    """

    message_id: str
    receipt_handle: str = field(repr=False)
    body: str = field(repr=False)
    receive_count: int
    sent_at: datetime
    received_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    message_attributes: Mapping[str, MessageAttribute] = field(default_factory=dict, repr=False)
    md5_of_body: str | None = None
    md5_of_message_attributes: str | None = None

    @property
    def receipt(self) -> Receipt:
        return Receipt(self.message_id, self.receipt_handle)


@dataclass(frozen=True, slots=True)
class RefusedReceipt:
    """A receipt that SQS refused in a batch call, with SQS's code and message."""

    message_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class EntryResults:
    """The outcome of a batch call, entry by entry: message ids that succeeded, entries that failed."""

    succeeded: tuple[str, ...]
    failed: tuple[RefusedReceipt, ...]


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """A queue's counts, which SQS calls approximate, and its redrive policy."""

    arn: str
    visible: int
    in_flight: int
    delayed: int
    visibility_timeout_seconds: int
    dlq_arn: str | None
    max_receive_count: int | None

    @property
    def depth(self) -> int:
        """How many messages the queue holds, whether they can be received now or not."""
        return self.visible + self.in_flight + self.delayed
