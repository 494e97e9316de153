"""What a look into a dead-letter queue has found, and what a redrive has done."""

from collections import Counter
from dataclasses import dataclass, field

from ingest_project.ingestion.dead_letters.letter import DeadLetter

SHOWN_IDS = 5


@dataclass(frozen=True, slots=True)
class Look:
    """The messages of one DLQ that are wanted, of the first `seen` that SQS gave.

    `messages` is how many the DLQ holds, as SQS counts them. `max_receive_count` is that of the DLQ's own
    redrive policy: each look counts towards it.
    """

    queue: str
    dlq: str
    messages: int
    seen: int
    letters: tuple[DeadLetter, ...]
    max_receive_count: int | None = None


@dataclass(slots=True)
class Redriven:
    """What a redrive of one DLQ has done so far; in a dry run, what it would do.

    `moved` and `already_ingested` are counted before they are deleted from the DLQ, and `undeleted` are those
    of them that are still there: the next redrive finishes them, and nothing is doubled. `kept` did not match
    the filter, `of_others` came from other queues that share the DLQ. `refused` counts, by code, what could
    not be moved, and stays in the DLQ.
    """

    queue: str
    dlq: str
    dry_run: bool
    messages: int
    max_receive_count: int | None = None
    moved: int = 0
    already_ingested: int = 0
    undeleted: int = 0
    kept: int = 0
    of_others: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    refused_ids: dict[str, list[str]] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was sent or deleted."""
        return not (self.moved or self.already_ingested or self.undeleted)

    @property
    def failed(self) -> int:
        """How many of the wanted messages stay in the DLQ."""
        return self.refused.total() + self.undeleted

    @property
    def looked_at(self) -> int:
        return self.moved + self.already_ingested + self.kept + self.of_others + self.refused.total()

    def refuse(self, code: str, message_id: str, reason: str) -> None:
        """Count a message that could not be moved, and keep each code's first reason and first ids."""
        self.refused[code] += 1
        self.reasons.setdefault(code, reason)
        ids = self.refused_ids.setdefault(code, [])
        if len(ids) < SHOWN_IDS:
            ids.append(message_id)
