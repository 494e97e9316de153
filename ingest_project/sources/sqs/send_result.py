"""What became of the entries that were sent to a queue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry that SQS took. Only a FIFO queue gives a sequence number."""

    id: str
    message_id: str
    sequence_number: str | None


@dataclass(frozen=True, slots=True)
class FailedEntry(Mapping[str, Any]):
    """An entry that SQS did not take, or whose answer was lost; itself a mapping that can be sent again.

    `entry` is the mapping of the caller, with `Error` (Code, Message, SenderFault, Trials) if that was asked
    for. `trials` is the number of calls that the entry was part of; 0 if it was not sent.
    """

    entry: Mapping[str, Any] = field(repr=False)
    code: str
    message: str
    sender_fault: bool
    trials: int

    @property
    def id(self) -> str:
        id_: str = self.entry["Id"]
        return id_

    def __getitem__(self, key: str) -> Any:
        return self.entry[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entry)

    def __len__(self) -> int:
        return len(self.entry)


@dataclass(frozen=True, slots=True)
class SendResult:
    """Every entry once, in the order in which they were given: those that SQS took, and those that failed."""

    succeeded: tuple[Sent, ...]
    failed: tuple[FailedEntry, ...]
