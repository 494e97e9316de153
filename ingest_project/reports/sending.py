"""How `ingest send` goes on, and what came of it."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest_project.reports.counted_bar import CountedBar
from ingest_project.settings.wording import plural
from ingest_project.sources.sqs.send_result import SendResult

SHOWN_IDS = 5
OUTAGES = frozenset({"QueueUnavailable", "QueueRefused"})
"""Codes of entries that failed because a call as a whole did."""


@dataclass(slots=True)
class Tally:
    """What was sent so far, and the first Ids and the first reason of each code that failed."""

    queue: str
    failed_file: str | None = None
    started: float = field(default_factory=time.monotonic)
    sent: int = 0
    failed: int = 0
    read_lines: int = 0
    empty_lines: int = 0
    is_stopped: bool = False
    """Whether nothing of the last part could be sent, because the queue did not answer."""
    codes: Counter[str] = field(default_factory=Counter)
    failed_ids: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, result: SendResult, *, lines: int, empty_lines: int) -> None:
        """Count a part; `lines` and `empty_lines` are those of the input so far."""
        self.sent += len(result.succeeded)
        self.failed += len(result.failed)
        self.read_lines, self.empty_lines = lines, empty_lines
        self.is_stopped = not result.succeeded and any(one.code in OUTAGES for one in result.failed)
        for one in result.failed:
            self.codes[one.code] += 1
            self.reasons.setdefault(one.code, one.message)
            ids = self.failed_ids.setdefault(one.code, [])
            if len(ids) < SHOWN_IDS:
                ids.append(one.id)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def messages_per_second(self) -> float:
        return self.sent / max(self.seconds, 0.001)

    def answer(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "queue": self.queue, "sent": self.sent, "failed": self.failed, "empty_lines": self.empty_lines,
            "seconds": round(self.seconds, 3), "messages_per_second": round(self.messages_per_second, 1),
            "errors": dict(self.codes.most_common()), "failed_file": self.failed_file,
            "stopped_after_line": self.read_lines if self.is_stopped else None,
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The answer for people."""
        yield (
            f"Sent {plural(self.sent, 'message')} to {self.queue} in {self.seconds:,.1f} s, "
            f"{self.messages_per_second:,.0f} a second."
        )
        if self.empty_lines:
            yield f"Left out {plural(self.empty_lines, 'empty line')}."
        for code, count in self.codes.most_common():
            ids = ", ".join(self.failed_ids[code]) + (", ..." if count > SHOWN_IDS else "")
            yield f"{count:,} failed with {code}: {self.reasons[code]} (Id {ids})"
        if self.is_stopped:
            yield f"Stopped: the queue does not answer. Lines after line {self.read_lines:,} were not sent."
        if self.failed and self.failed_file is not None:
            yield f"`ingest send {self.queue} {self.failed_file} --format ndjson` sends what failed again."
        elif self.failed:
            yield "--failed FILE would keep what failed."


class SendProgress(CountedBar):
    """How much of the input is sent, how many messages, how fast."""

    def __init__(self, tally: Tally, *, total_bytes: int | None) -> None:
        super().__init__("sending", total=total_bytes)
        self._tally = tally

    def show(self, bytes_read: int) -> None:
        """Show how far the input has been sent."""
        failed = f", {self._tally.failed:,} failed" if self._tally.failed else ""
        counts = f"{self._tally.sent:,} sent{failed}, {self._tally.messages_per_second:,.0f}/s"
        self.update(completed=bytes_read, counts=counts)
