"""What a reconciliation has found."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """A difference.

    `missing` and `changed`: S3 holds a write that the ledger does not know; the key of a `changed` one has
    the rows of an older write in the table. `gone`: the table has rows of a key that S3 does not hold any
    more. `unknown`: the table has rows of a write that the ledger does not know.
    """

    MISSING = "missing"
    CHANGED = "changed"
    GONE = "gone"
    UNKNOWN = "unknown"


EXAMPLES = 10
"""How many examples of each finding are kept."""


@dataclass(frozen=True, slots=True)
class Example:
    """One difference. `written_at` is S3's time, or the event's; size and time of rows are unknown."""

    finding: Finding
    uri: str
    version: str
    written_at: datetime | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result for one table.

    `listed` are the writes that were compared, and `known` says what the ledger knows of them: `committed`,
    `waiting`, `failed`, `settled`; besides them `recent` ones, which are too young or were replaced
    meanwhile, `passed_over` by rule, and `unroutable`, which name no partition of the table. `found` counts
    the differences. Of those that are missing or changed, `enqueued` were claimed, and `left` were not.
    """

    table: str
    source: str
    at: datetime
    prefix: str
    since: datetime | None
    until: datetime | None
    listed: int
    known: Mapping[str, int]
    found: Mapping[Finding, int]
    examples: tuple[Example, ...] = ()
    enqueued: int = 0
    left: int = 0

    @property
    def is_even(self) -> bool:
        """Whether S3, the ledger and the table agree. What is gone from S3 does not count."""
        return not any(count for finding, count in self.found.items() if finding is not Finding.GONE)

    @property
    def why_left(self) -> str:
        """Why not all that is missing was enqueued."""
        if self.found.get(Finding.UNKNOWN, 0):
            return "the table has rows that the ledger does not know; run `ingest ledger recover` first"
        return "as many objects wait as a tick may receive, and the sensor took none for a while; repeat it"

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do: all that is missing was enqueued, and no row is unknown."""
        return not self.left and not self.found.get(Finding.UNKNOWN, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reconciliation is. `total` is None if it is not known before the end."""

    step: str
    done: int
    total: int | None = None
    note: str = ""


OnProgress = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """For callers that do not show it."""


@dataclass(slots=True)
class Tally:
    """Counts and examples while they are found."""

    listed: int = 0
    known: Counter[str] = field(default_factory=Counter)
    found: Counter[Finding] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        self.found[example.finding] += 1
        if self.found[example.finding] <= EXAMPLES:
            self.examples.append(example)
