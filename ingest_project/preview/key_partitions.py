"""Finds the Dagster partitions in the keys of a prefix: `dt=2026-11-20`, `2026/11/20/13`, `region=eu`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest_project.errors import UnroutableObject
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.partition_windows import PartitionEvery
from ingest_project.sources.key_value import HIVE_NULL
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.partition_key import partition_key

EVERY: tuple[PartitionEvery, ...] = ("hour", "day", "month")
VALUE = "{name}=(?P<partition>[^/]+)/"
ENCODED = "{name}=(?P<partition>[^/]*%[0-9A-Fa-f]{{2}}[^/]*)/"
PATTERNS: tuple[tuple[PartitionEvery, str], ...] = (
    *((every, ENCODED) for every in EVERY),
    ("hour", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}/[A-Za-z_]+=[0-9]{{2}})/"),
    ("hour", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}[-T ][0-9]{{2}})"),
    ("day", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}})"),
    ("day", "{name}=(?P<partition>20[0-9]{{6}})(?![0-9])"),
    ("month", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}})(?![0-9])"),
)
"""For keys in Hive's style: percent-encoded ones first, then the finest; `{name}` is the text before `=`."""
HIVE_MONTH = "year=(?P<year>[0-9]{4})/month=(?P<month>[0-9]{1,2})"
HOUR_BEHIND_DAY = "(?<![0-9])(?P<partition>20[0-9]{2}-[0-9]{2}-[0-9]{2}[T_-][0-9]{2})(?![0-9]{3})"
HOUR_BEHIND_DIGITS = "(?<![0-9])(?P<partition>20[0-9]{6}[T_-][0-9]{2})"
PLAIN_PATTERNS: tuple[tuple[PartitionEvery, str], ...] = (
    ("hour", f"{HIVE_MONTH}/day=(?P<day>[0-9]{{1,2}})/hour=(?P<hour>[0-9]{{1,2}})(?![0-9])"),
    ("day", f"{HIVE_MONTH}/day=(?P<day>[0-9]{{1,2}})(?![0-9])"),
    ("month", f"{HIVE_MONTH}(?![0-9])"),
    ("hour", "(?:^|/)(?P<partition>20[0-9]{2}/[0-9]{2}/[0-9]{2}/[0-9]{2})/"),
    ("day", "(?:^|/)(?P<partition>20[0-9]{2}/[0-9]{2}/[0-9]{2})/"),
    ("hour", HOUR_BEHIND_DAY),
    ("day", "(?<![0-9])(?P<partition>20[0-9]{2}-[0-9]{2}-[0-9]{2})(?![0-9])"),
    ("hour", HOUR_BEHIND_DIGITS),
    ("day", "(?<![0-9])(?P<partition>20[0-9]{6})(?![0-9])"),
    ("month", "(?:^|/)(?P<partition>20[0-9]{2}/[0-9]{2})/"),
    ("month", "(?<![0-9])(?P<partition>20[0-9]{2}-[0-9]{2})(?![0-9-])"),
)  # fmt: skip
HIVE_NAME = re.compile(r"(?:^|/)([A-Za-z_][A-Za-z0-9_-]*)=([^/]+)(?=/)")
MAYBE_HOURS = (HOUR_BEHIND_DAY, HOUR_BEHIND_DIGITS)
MIDNIGHT = "-00:00"
"""If every day is followed by this, it is rather the start of a serial number: `BSEG_20261120_0001`."""
EARLIEST = "2000-01-01"
"""For trying a pattern: no key of a landing zone is older."""
MAX_VALUES = 20
"""More values than these are not listed in the settings, nor are numbers, which go on: Kafka's partitions."""


@dataclass(frozen=True, slots=True)
class KeyPartitions:
    """Partitions that every key has: their settings, how many there are, and the first and last of them."""

    settings: PartitionSettings
    count: int
    first: str
    last: str


def find_partitions(objects: Sequence[ObjectVersion]) -> KeyPartitions | None:
    """The finest time partitions that all keys have, else those of a Hive value; None if there are none.

    Keys with Hive's null instead of a time go to the earliest partition of the others.
    """
    return _beside_null(objects) or _partitions(objects)


def _beside_null(objects: Sequence[ObjectVersion]) -> KeyPartitions | None:
    null = next((one for one in objects if f"={HIVE_NULL}/" in one.key), None)
    dated = [one for one in objects if f"={HIVE_NULL}/" not in one.key]
    if null is None or not dated:
        return None
    names = [name for name, value in HIVE_NAME.findall(null.key) if value == HIVE_NULL]
    every_of_name = ((every, name) for every in EVERY for name in names)
    found = (_of_time(dated, every, VALUE.format(name=re.escape(name))) for every, name in every_of_name)
    if (one := next(filter(None, found), None)) is None:
        return None
    settings = one.settings.model_copy(update={"default": one.settings.start})
    return replace(one, settings=settings) if _keys(settings, objects) is not None else None


def _partitions(objects: Sequence[ObjectVersion]) -> KeyPartitions | None:
    if not objects:
        return None
    hive = [name for name, _ in HIVE_NAME.findall(objects[0].key)]
    named = [(every, pattern.format(name=re.escape(name))) for every, pattern in PATTERNS for name in hive]
    # `year=/month=` first, because each alone is a Hive value too.
    for every, pattern in (*PLAIN_PATTERNS[:3], *named, *PLAIN_PATTERNS[3:]):
        if found := _of_time(objects, every, pattern):
            return found
    return next(filter(None, (_of_values(objects, name) for name in hive)), None)


def _of_time(objects: Sequence[ObjectVersion], every: PartitionEvery, pattern: str) -> KeyPartitions | None:
    tried = PartitionSettings.model_validate({"every": every, "start": EARLIEST, "pattern": pattern})
    keys = _keys(tried, objects)
    if keys is None or (pattern in MAYBE_HOURS and all(key.endswith(MIDNIGHT) for key in keys)):
        return None
    settings = tried.model_copy(update={"start": keys[0][:10]})
    return KeyPartitions(settings, len(keys), keys[0], keys[-1])


def _of_values(objects: Sequence[ObjectVersion], name: str) -> KeyPartitions | None:
    pattern = VALUE.format(name=re.escape(name))
    dynamic = PartitionSettings.model_validate({"dynamic": True, "pattern": pattern})
    keys = _keys(dynamic, objects)
    if keys is None:
        return None
    if len(keys) > MAX_VALUES or all(key.isdecimal() for key in keys):
        return KeyPartitions(dynamic, len(keys), keys[0], keys[-1])
    try:
        settings = PartitionSettings.model_validate({"values": keys, "pattern": pattern})
    except ValueError:  # a value that is not allowed as a partition of Dagster
        return None
    return KeyPartitions(settings, len(keys), keys[0], keys[-1])


def _keys(settings: PartitionSettings, objects: Sequence[ObjectVersion]) -> list[str] | None:
    """The partitions of all objects, sorted; None if an object has none."""
    keys: set[str] = set()
    for one in objects:
        try:
            keys.add(partition_key(settings, one))
        except UnroutableObject:
            return None
    return sorted(keys)
