"""The time windows of Dagster's partitions, and their keys.

An hour is `2026-11-20-13:00`, a day `2026-11-20`, a week the Sunday on which it starts, a month its first
day, all in UTC. The first partition of an asset is the first whole window at or after `start`.
"""

from datetime import datetime, timedelta
from typing import Literal

PartitionEvery = Literal["hour", "day", "week", "month"]


def window_key(every: PartitionEvery, start: datetime) -> str:
    """The key of the time window that starts then."""
    return f"{start:%Y-%m-%d-%H:%M}" if every == "hour" else f"{start:%Y-%m-%d}"


def window_start(every: PartitionEvery, time: datetime) -> datetime:
    """The start of the time window that this time is in."""
    hour = time.replace(minute=0, second=0, microsecond=0)
    if every == "hour":
        return hour
    day = hour.replace(hour=0)
    if every == "day":
        return day
    if every == "month":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() + 1) % 7)
