"""The partition key of an object version, in Dagster's own formats.

Dagster's partitions by time are windows of UTC: an hour is `2026-11-20-13:00`, a day `2026-11-20`, a week the
Sunday it starts on, a month its first day. The first one is the first whole window at or after `start`.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ingest_project.errors import UnroutableObject
from ingest_project.events.object_version import ObjectVersion
from ingest_project.events.partition_time import named_time
from ingest_project.settings.model import PartitionEvery, PartitionSettings

FORBIDDEN = ("...", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\0")
"""What Dagster refuses in a partition key: its own spelling of a range, and what its UI may not show."""


def partition_key(settings: PartitionSettings, obj: ObjectVersion) -> str:
    """The key of the partition that `obj` falls in: by its key and the table's pattern, or by its event's time.

    Partitions in the future are fine. Raises UnroutableObject, with a remedy, if the pattern does not match or
    finds no partition of the table.
    """
    try:
        if settings.every is not None:
            return _time_key(settings, settings.every, _time(settings, settings.every, obj))
        return _named_key(settings, _groups(settings, obj).get("partition") or "")
    except (ValueError, OverflowError) as error:
        # Overflow: the first days of year 1 belong to a week that no datetime can name.
        raise UnroutableObject(obj.uri, str(error)) from error


def _time(settings: PartitionSettings, every: PartitionEvery, obj: ObjectVersion) -> datetime:
    if settings.from_ == "event_time":
        return obj.event_time.astimezone(UTC).replace(tzinfo=None)
    return named_time(_groups(settings, obj), every)


def _groups(settings: PartitionSettings, obj: ObjectVersion) -> dict[str, str | None]:
    match = _compiled(settings.pattern or "").search(obj.key)
    if match is None:
        raise ValueError(
            f"its key does not match the pattern {settings.pattern!r}; correct the key or the pattern"
        )
    return match.groupdict()


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _time_key(settings: PartitionSettings, every: PartitionEvery, time: datetime) -> str:
    start = window_start(every, time)
    key = window_key(every, start)
    if start < settings.start_time:
        raise ValueError(
            f"partition {key} is before the table's start, {settings.start}; set an earlier `start`"
        )
    return key


def window_key(every: PartitionEvery, start: datetime) -> str:
    """The key of the partition by time that starts then."""
    return f"{start:%Y-%m-%d-%H:%M}" if every == "hour" else f"{start:%Y-%m-%d}"


def window_start(every: PartitionEvery, time: datetime) -> datetime:
    """When the partition by time starts in which this time lies."""
    hour = time.replace(minute=0, second=0, microsecond=0)
    if every == "hour":
        return hour
    day = hour.replace(hour=0)
    if every == "day":
        return day
    if every == "month":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def _named_key(settings: PartitionSettings, text: str) -> str:
    if settings.values is not None:
        if text not in settings.values:
            raise ValueError(
                f"{text!r} is not one of the table's partition values; add it there, or move the object"
            )
        return text
    if not text:
        raise ValueError("the pattern's group `partition` finds nothing; let it match the partition's name")
    if any(forbidden in text for forbidden in FORBIDDEN):
        raise ValueError(f"Dagster takes no partition key {text!r}; let the pattern find less")
    return text
