"""The records of a notification that bring no object version, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """An event that we know and that brings no new object, such as ObjectRemoved; settled by being skipped."""

    event_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that we cannot read; its message must never be deleted by us, and goes the DLQ's way."""

    reason: str
