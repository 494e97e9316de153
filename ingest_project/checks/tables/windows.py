"""Time windows whose rows are compared with those of earlier ones: a table's time partitions, or days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest_project.settings.partition_windows import PartitionEvery, window_key, window_start

SEASON: dict[PartitionEvery, int] = {"hour": 24, "day": 7, "week": 1, "month": 1}
"""How many windows before a window is its next peer: the same hour of a day, the same day of a week."""

LONGEST_GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A time window in UTC, naive like Dagster's keys, and the key of its partition."""

    key: str
    start: datetime
    end: datetime


def windows_before(
    every: PartitionEvery, now: datetime, *, late_files: bool, first: datetime | None = None
) -> Iterator[Window]:
    """The windows that are over, newest first, back to the one that begins at `first`.

    With `late_files` a window counts as over only after a grace of its own length, a day at most.
    """
    end = window_start(every, now)
    while first is None or end > first:
        start = window_start(every, end - timedelta(microseconds=1))
        if first is not None and start < first:
            return
        if not late_files or now >= end + min(end - start, LONGEST_GRACE):
            yield Window(window_key(every, start), start, end)
        end = start
