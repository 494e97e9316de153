"""The records of a notification that do not bring an object version, with the reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A known event that does not bring a new object, such as ObjectRemoved; it is settled as skipped."""

    event_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that cannot be parsed; we never delete its message, and SQS moves it to the DLQ."""

    reason: str
