"""The partition key of an object version, in Dagster's own formats."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from ingest_project.errors import UnroutableObject
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.partition_windows import PartitionEvery, window_key, window_start
from ingest_project.sources.key_value import HIVE_NULL, decoded
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.partition_time import named_time

FORBIDDEN = ("...", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\0")
"""What Dagster refuses in a partition key: its notation of a range, and control characters."""


def partition_key(settings: PartitionSettings, obj: ObjectVersion) -> str:
    """The key of the partition of `obj`: by its key and the table's pattern, or by its event's time.

    What the pattern's groups find is percent-decoded, once, and must name a partition as a whole. Partitions
    in the future are allowed. Raises UnroutableObject, with pattern and remedy, if the pattern does not match
    or does not find a partition of the table.
    """
    try:
        return _key(settings, obj)
    except (ValueError, OverflowError) as error:
        # Overflow: the first days of year 1 belong to a week that begins before the first datetime.
        raise UnroutableObject(obj.uri, f"{error}{_of_pattern(settings)}") from error


def _key(settings: PartitionSettings, obj: ObjectVersion) -> str:
    if settings.every is None:
        return _named_key(settings, _groups(settings, obj).get("partition") or "")
    if settings.from_ == "event_time":
        return _time_key(settings, settings.every, obj.event_time.astimezone(UTC).replace(tzinfo=None))
    groups = _groups(settings, obj)
    if any(HIVE_NULL in (text or "") for text in groups.values()):
        return _key_of_null(settings, settings.every)
    return _time_key(settings, settings.every, named_time(groups, settings.every))


def _of_pattern(settings: PartitionSettings) -> str:
    return "" if settings.pattern is None else f"; the pattern is {settings.pattern!r}"


def _groups(settings: PartitionSettings, obj: ObjectVersion) -> dict[str, str | None]:
    match = _compiled(settings.pattern or "").search(obj.key)
    if match is None:
        raise ValueError(f"its key does not match the pattern; {_remedy_for(obj.key)}")
    return {name: None if text is None else decoded(text) for name, text in match.groupdict().items()}


def _remedy_for(key: str) -> str:
    if HIVE_NULL in key:
        return f"let it find {HIVE_NULL} too, like dt=(?P<partition>[^/]+)/, and set `partition.default`"
    return "correct the key or the pattern"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _key_of_null(settings: PartitionSettings, every: PartitionEvery) -> str:
    if settings.default is None:
        reason = f"{HIVE_NULL} stands for null, and null is not a time"
        raise ValueError(f"{reason}; name a partition for it by `partition.default`")
    return window_key(every, window_start(every, settings.default_time))


def _time_key(settings: PartitionSettings, every: PartitionEvery, time: datetime) -> str:
    start = window_start(every, time)
    key = window_key(every, start)
    if start < settings.start_time:
        raise ValueError(
            f"partition {key} is before the table's start, {settings.start}; set an earlier `start`"
        )
    return key


def _named_key(settings: PartitionSettings, text: str) -> str:
    if text == HIVE_NULL and settings.default is not None:
        return settings.default
    if settings.values is not None:
        if text not in settings.values:
            raise ValueError(
                f"{text!r} is not one of the table's partition values; add it there, or move the object"
            )
        return text
    if not text:
        raise ValueError("the pattern's group `partition` finds nothing; let it match the partition's name")
    if any(forbidden in text for forbidden in FORBIDDEN):
        raise ValueError(f"Dagster does not accept the partition key {text!r}; let the pattern find less")
    return text
