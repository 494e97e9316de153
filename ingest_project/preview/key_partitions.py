"""Finds the Dagster partitions that the keys of a prefix already have: `dt=2026-11-20`, `2026/11/20/13`, `region=eu`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.errors import UnroutableObject
from ingest_project.events.object_version import ObjectVersion
from ingest_project.events.partition_key import partition_key
from ingest_project.settings.model import PartitionEvery, PartitionSettings

PATTERNS: tuple[tuple[PartitionEvery, str], ...] = (
    ("hour", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}/[A-Za-z_]+=[0-9]{{2}})/"),
    ("hour", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}[-T ][0-9]{{2}})"),
    ("day", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}})"),
    ("day", "{name}=(?P<partition>20[0-9]{{6}})(?![0-9])"),
    ("month", "{name}=(?P<partition>20[0-9]{{2}}-[0-9]{{2}})(?![0-9])"),
)
"""Of keys in Hive's style, finest first; `{name}` is what stands before the equals sign."""
HOUR_BEHIND_DAY = "(?<![0-9])(?P<partition>20[0-9]{2}-[0-9]{2}-[0-9]{2}[T_-][0-9]{2})(?![0-9]{3})"
HOUR_BEHIND_DIGITS = "(?<![0-9])(?P<partition>20[0-9]{6}[T_-][0-9]{2})"
PLAIN_PATTERNS: tuple[tuple[PartitionEvery, str], ...] = (
    ("hour", "year=(?P<year>[0-9]{4})/month=(?P<month>[0-9]{1,2})/day=(?P<day>[0-9]{1,2})/hour=(?P<hour>[0-9]{1,2})(?![0-9])"),
    ("day", "year=(?P<year>[0-9]{4})/month=(?P<month>[0-9]{1,2})/day=(?P<day>[0-9]{1,2})(?![0-9])"),
    ("month", "year=(?P<year>[0-9]{4})/month=(?P<month>[0-9]{1,2})(?![0-9])"),
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
"""Nothing but this behind days is more likely the start of a running number: `BSEG_20261120_0001`."""
EARLIEST = "2000-01-01"
"""Good for trying a pattern: no key of a landing zone is older."""
MAX_VALUES = 20
"""Beyond so many values a list in the settings would be a nuisance; and numbers, such as Kafka's partitions, go on."""


@dataclass(frozen=True, slots=True)
class KeyPartitions:
    """Partitions that every key has: their settings, how many there are, and the first and last of them."""

    settings: PartitionSettings
    count: int
    first: str
    last: str


def find_partitions(objects: Sequence[ObjectVersion]) -> KeyPartitions | None:
    """The finest partitions of time that all keys name, else those of a Hive value; None if there are none."""
    if not objects:
        return None
    hive = [name for name, _ in HIVE_NAME.findall(objects[0].key)]
    named = [(every, pattern.format(name=re.escape(name))) for every, pattern in PATTERNS for name in hive]
    # `year=/month=` first: each alone is a Hive value too.
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
    pattern = f"{re.escape(name)}=(?P<partition>[^/]+)/"
    dynamic = PartitionSettings.model_validate({"dynamic": True, "pattern": pattern})
    keys = _keys(dynamic, objects)
    if keys is None:
        return None
    if len(keys) > MAX_VALUES or all(key.isdecimal() for key in keys):
        return KeyPartitions(dynamic, len(keys), keys[0], keys[-1])
    try:
        settings = PartitionSettings.model_validate({"values": keys, "pattern": pattern})
    except ValueError:  # a value that Dagster takes for something else
        return None
    return KeyPartitions(settings, len(keys), keys[0], keys[-1])


def _keys(settings: PartitionSettings, objects: Sequence[ObjectVersion]) -> list[str] | None:
    """The partitions of all objects, sorted; None if one has none."""
    keys: set[str] = set()
    for one in objects:
        try:
            keys.add(partition_key(settings, one))
        except UnroutableObject:
            return None
    return sorted(keys)
